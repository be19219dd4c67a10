// The checklist of the password rules, which come from the server with their patterns.

/**
 * Ticks off what a password keeps to while it is typed.
 * @param {HTMLInputElement} password
 * @param {() => string} username
 */
export function wireRules(password, username) {
  const rules = [...document.querySelectorAll('[data-rule]')].map((item) => ({
    item,
    done: item.querySelector('[data-done]'),
    pattern: item.dataset.pattern ? new RegExp(item.dataset.pattern, 'u') : null,
  }));
  /** Only the rule about the user name has no pattern. */
  const kept = (rule) => {
    if (rule.pattern) return rule.pattern.test(password.value);
    return username() === '' || !password.value.toLowerCase().includes(username().toLowerCase());
  };
  const show = () => {
    for (const rule of rules) {
      const ok = password.value !== '' && kept(rule);
      rule.item.dataset.ok = String(ok);
      rule.done.textContent = ok ? ', done' : ', still missing';
    }
  };
  for (const input of password.form.elements) input.addEventListener('input', show);
  show();
}
