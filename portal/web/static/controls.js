// The buttons and keys of the player that concern the picture and not the connection.
import { saveSnapshot } from './snapshot.js';

/** Shows a toggle's state. */
export const press = (button, on) => button.setAttribute('aria-pressed', String(on));

function mute(video, button) {
  button.addEventListener('click', () => {
    video.muted = !video.muted;
  });
  video.addEventListener('volumechange', () => press(button, video.muted));
}

/** Says whether there is a sound that could be heard. */
export function showSound(button, sound) {
  button.disabled = !sound;
  button.title = sound ? 'Sound on or off (m)' : 'This camera sends no sound';
}

function fullscreen(player, video, button) {
  const enter = player.requestFullscreen?.bind(player) ?? video.webkitEnterFullscreen?.bind(video); // an iPhone has only the latter
  if (!enter) return;
  button.hidden = false;
  button.addEventListener('click', () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else Promise.resolve(enter()).catch(() => {});
  });
}

function pictureInPicture(video, button) {
  if (!document.pictureInPictureEnabled) return;
  button.hidden = false;
  button.addEventListener('click', () => {
    const change = document.pictureInPictureElement ? document.exitPictureInPicture() : video.requestPictureInPicture();
    change.catch(() => {}); // without a picture there is nothing to show
  });
}

function snapshot(video, name, ask, button) {
  let saving = false;
  button.addEventListener('click', async () => {
    if (saving) return;
    saving = true;
    button.setAttribute('aria-busy', 'true');
    await saveSnapshot(video, name, ask);
    button.setAttribute('aria-busy', 'false');
    saving = false;
  });
}

/** Keys press the buttons, so that both do the same. */
function keys(buttons) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    // Space presses whatever button or link has the focus; only elsewhere it is ours.
    if (event.key === ' ' && event.target.closest?.('button, a, summary, input')) return;
    const button = buttons[event.key.toLowerCase()];
    if (!button || button.hidden || button.disabled) return;
    event.preventDefault();
    button.click();
  });
}

/**
 * Wires all of it up.
 * @param {{player: HTMLElement, video: HTMLVideoElement, name: string, ask: () => Promise<Blob>}} options
 *   ask asks the camera for a picture
 */
export function wireControls({ player, video, name, ask }) {
  const button = (id) => player.querySelector(`#${id}`);
  mute(video, button('mute'));
  fullscreen(player, video, button('fullscreen'));
  pictureInPicture(video, button('pip'));
  snapshot(video, name, ask, button('snapshot'));
  keys({ ' ': button('play'), s: button('play'), m: button('mute'), f: button('fullscreen'), p: button('snapshot'), i: button('pip') });
}
