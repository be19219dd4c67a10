// Shows a camera's presence (see pkg/signaling, Presence) in the element of the "presence" template.
import { showTime } from './time.js';

/**
 * @param {Element} element
 * @param {{online: boolean, state: string, text: string, last_seen?: number, only_paired?: boolean}} presence
 */
export function showPresence(element, presence) {
  element.dataset.state = presence.state;
  element.querySelector('[data-paired]').hidden = !(presence.online && presence.only_paired);
  element.querySelector('[data-words]').textContent = presence.text;
  const seen = element.querySelector('[data-seen]');
  seen.hidden = presence.online || !presence.last_seen;
  if (!seen.hidden) showTime(seen.querySelector('time'), presence.last_seen);
}
