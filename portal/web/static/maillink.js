// The pages to which links in mails lead: the token moves from the address, which others may see, into the form.
import { checkOnLeave, wireReveal } from './fields.js';
import { wireRules } from './rules.js';

const form = document.getElementById('link-form');
if (form) {
  const { token, password, password_confirm: confirm } = form.elements;
  if (location.hash.length > 1) {
    token.value = location.hash.slice(1);
    history.replaceState(null, '', location.pathname);
  }
  document.querySelector('[data-token-field]').hidden = token.value !== '';
  if (password) {
    checkOnLeave(confirm, (value) => (value === password.value ? '' : 'The two passwords differ. Type the same one twice.'));
    wireRules(password, () => '');
    wireReveal();
  }
}
