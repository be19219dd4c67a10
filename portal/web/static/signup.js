// The sign-up page: the checklist of the password rules, which come from the server with their
// patterns, and checks that need no server.
import { checkOnLeave, wireCodes, wireReveal } from './fields.js';

const form = document.getElementById('signup-form');
const { username, password, password_confirm: confirm } = form.elements;
const rules = [...document.querySelectorAll('[data-rule]')].map((item) => ({
  item,
  done: item.querySelector('[data-done]'),
  pattern: item.dataset.pattern ? new RegExp(item.dataset.pattern, 'u') : null,
}));

/** Only the rule about the user name has no pattern. */
function kept(rule) {
  if (rule.pattern) return rule.pattern.test(password.value);
  return username.value === '' || !password.value.toLowerCase().includes(username.value.toLowerCase());
}

function showRules() {
  for (const rule of rules) {
    const ok = password.value !== '' && kept(rule);
    rule.item.dataset.ok = String(ok);
    rule.done.textContent = ok ? ', done' : ', still missing';
  }
}

const usernamePattern = new RegExp(`^(?:${form.dataset.usernamePattern})$`, 'u');
checkOnLeave(username, (value) => (usernamePattern.test(value) ? '' : 'A user name has 3 to 32 letters, digits, dots, hyphens or underscores, beginning with a letter or digit.'));
checkOnLeave(confirm, (value) => (value === password.value ? '' : 'The two passwords differ. Type the same one twice.'));
password.addEventListener('input', showRules);
username.addEventListener('input', showRules);
wireCodes();
wireReveal();
showRules();
