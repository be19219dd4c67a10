// The sign-up page: the checklist of the password rules, and checks that need no server.
import { checkOnLeave, wireCodes, wireReveal } from './fields.js';
import { wireRules } from './rules.js';

const form = document.getElementById('signup-form');
const { username, password, password_confirm: confirm } = form.elements;
const usernamePattern = new RegExp(`^(?:${form.dataset.usernamePattern})$`, 'u');
checkOnLeave(username, (value) => (usernamePattern.test(value) ? '' : 'A user name has 3 to 32 letters, digits, dots, hyphens or underscores, beginning with a letter or digit.'));
checkOnLeave(confirm, (value) => (value === password.value ? '' : 'The two passwords differ. Type the same one twice.'));
wireCodes();
wireReveal();
wireRules(password, () => username.value);
