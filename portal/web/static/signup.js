// The sign-up page: the checklist of the password rules, and checks that need no server.
import { checkOnLeave, showError, wireCodes, wireReveal } from './fields.js';
import { wireLabel } from './label.js';
import { create, wirePasskey } from './passkeys.js';
import { wireRules } from './rules.js';

const form = document.getElementById('signup-form');
const { username, password, password_confirm: confirm } = form.elements;
const usernamePattern = new RegExp(`^(?:${form.dataset.usernamePattern})$`, 'u');
checkOnLeave(username, (value) => (usernamePattern.test(value) ? '' : 'A user name has 3 to 32 letters, digits, dots, hyphens or underscores, beginning with a letter or digit.'));
checkOnLeave(confirm, (value) => (value === password.value ? '' : 'The two passwords differ. Type the same one twice.'));
wireCodes();
wireLabel();
wireReveal();
wireRules(password, () => username.value);

// With a passkey there is no password; the rest of the form is the same.
wirePasskey(document.getElementById('passkey'), async () => {
  const filled = Object.fromEntries(new FormData(form));
  delete filled.password;
  delete filled.password_confirm;
  for (const field of form.querySelectorAll('[data-field]')) showError(form.elements[field.dataset.field], '');
  try {
    await create('/signup/passkey', filled);
    location.assign('/setup');
  } catch (error) {
    const wrong = Object.entries(error.errors).filter(([field]) => form.elements[field]);
    for (const [field, text] of wrong) showError(form.elements[field], text);
    if (wrong.length > 0) {
      form.elements[wrong[0][0]].focus();
      throw new Error('Please correct what is marked above.', { cause: error });
    }
    throw error;
  }
});
