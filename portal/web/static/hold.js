// A button that does something while it is held: with a mouse, finger or pen, with a key of its own,
// or with the space bar while it has the focus. For those who cannot hold anything, Enter and the
// click of an assistive technology switch it on and off. Whatever takes the page out of sight or the
// focus from it is a release.

/**
 * @param {HTMLButtonElement} button
 * @param {string} key lower case
 * @param {{down: () => void, up: () => void, held: () => boolean}} on
 */
export function wireHold(button, key, { down, up, held }) {
  const usable = () => !button.hidden && !button.disabled;
  button.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 || !usable()) return;
    button.setPointerCapture(event.pointerId); // a finger that slides off still holds
    down();
  });
  for (const type of ['pointerup', 'pointercancel', 'lostpointercapture', 'blur']) button.addEventListener(type, () => up());
  button.addEventListener('contextmenu', (event) => event.preventDefault()); // what a long touch opens
  button.addEventListener('click', (event) => {
    if (event.detail !== 0) return; // of a pointer, which held it already
    if (held()) up();
    else down();
  });
  button.addEventListener('keydown', (event) => event.key === 'Enter' && event.repeat && event.preventDefault());

  const holds = (event) => event.key.toLowerCase() === key || (event.key === ' ' && event.target === button);
  document.addEventListener('keydown', (event) => {
    if (!holds(event) || event.ctrlKey || event.metaKey || event.altKey || !usable()) return;
    event.preventDefault(); // the space bar would click, or scroll
    if (!event.repeat) down();
  });
  document.addEventListener('keyup', (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    up();
  });
  addEventListener('blur', () => up());
  addEventListener('pagehide', () => up());
  document.addEventListener('visibilitychange', () => document.hidden && up());
}
