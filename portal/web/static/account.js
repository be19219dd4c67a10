// The page of a person's own account.
import { checkOnLeave, wireReveal } from './fields.js';
import { wireRules } from './rules.js';
import { keepTimes } from './time.js';

const form = document.getElementById('password-form');
const { password, password_confirm: confirm } = form.elements;
checkOnLeave(confirm, (value) => (value === password.value ? '' : 'The two passwords differ. Type the same one twice.'));
wireRules(password, () => form.dataset.username);
wireReveal();
keepTimes();
