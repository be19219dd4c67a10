// The buttons and keys of the player that concern the picture and not the connection.

/** Shows a toggle's state. */
export const press = (button, on) => button.setAttribute('aria-pressed', String(on));

function mute(video, button) {
  button.addEventListener('click', () => {
    video.muted = !video.muted;
  });
  video.addEventListener('volumechange', () => press(button, video.muted));
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

/** A file name that sorts by time and that every system takes. */
export function snapshotName(name, at = new Date()) {
  const safe = name.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '') || 'camera';
  return `${safe}-${at.toISOString().slice(0, 19).replace(/:/g, '')}Z.jpg`;
}

function snapshot(video, name, button) {
  button.addEventListener('click', () => {
    if (!video.videoWidth) return;
    const canvas = document.createElement('canvas');
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext('2d').drawImage(video, 0, 0);
    canvas.toBlob((blob) => {
      const link = document.createElement('a');
      link.href = URL.createObjectURL(blob);
      link.download = snapshotName(name);
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    }, 'image/jpeg', 0.92);
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

/** Wires all of it up. */
export function wireControls({ player, video, name }) {
  const button = (id) => player.querySelector(`#${id}`);
  mute(video, button('mute'));
  fullscreen(player, video, button('fullscreen'));
  pictureInPicture(video, button('pip'));
  snapshot(video, name, button('snapshot'));
  keys({ ' ': button('play'), s: button('play'), m: button('mute'), f: button('fullscreen'), p: button('snapshot'), i: button('pip') });
}
