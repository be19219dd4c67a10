// What form fields can do beyond HTML. Without it the forms work too, and the server's word counts.
import { canonical, grouped, isCode } from './code.js';

const CODE_WRONG = 'This does not look right yet: 20 letters and digits in four groups. Check for a typing mistake.';

/** Shows what is wrong with a field, or that nothing is. */
export function showError(input, text) {
  const error = document.getElementById(`${input.name}-error`);
  error.querySelector('[data-text]').textContent = text;
  error.hidden = text === '';
  if (text) input.setAttribute('aria-invalid', 'true');
  else input.removeAttribute('aria-invalid');
  const ids = (input.getAttribute('aria-describedby') ?? '').split(' ').filter((id) => id && id !== error.id);
  if (text) ids.unshift(error.id);
  input.setAttribute('aria-describedby', ids.join(' '));
}

/** Checks a field when it is left, and takes the error back as soon as it is right. */
export function checkOnLeave(input, check) {
  input.addEventListener('change', () => showError(input, input.value ? check(input.value) : ''));
  input.addEventListener('input', () => {
    if (input.hasAttribute('aria-invalid') && !check(input.value)) showError(input, '');
  });
}

/** Puts the cursor behind as many characters of the code as it was behind before. */
function regroup(input) {
  const before = canonical(input.value.slice(0, input.selectionStart)).length;
  const value = grouped(input.value);
  if (value === input.value) return;
  input.value = value;
  let at = 0;
  for (let count = 0; at < value.length && count < before; at += 1) if (value[at] !== '-') count += 1;
  input.setSelectionRange(at, at);
}

/** Groups ids and codes while they are typed, in any case and with any separators. */
export function wireCodes() {
  for (const input of document.querySelectorAll('input[data-code]')) {
    input.addEventListener('input', (event) => !event.isComposing && regroup(input));
    if (input.value) input.value = grouped(input.value);
    checkOnLeave(input, (value) => (isCode(value) ? '' : CODE_WRONG));
  }
}

/** Lets people see the passwords they type. */
export function wireReveal() {
  for (const button of document.querySelectorAll('button[data-reveal]')) {
    const input = document.getElementById(button.dataset.reveal);
    button.hidden = false;
    button.addEventListener('click', () => {
      const show = input.type === 'password';
      input.type = show ? 'text' : 'password';
      button.setAttribute('aria-pressed', String(show));
    });
    // A password manager offers to save only what is a password when the form is sent.
    input.form.addEventListener('submit', () => {
      input.type = 'password';
    });
  }
}
