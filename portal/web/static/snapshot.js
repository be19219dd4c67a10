// Saves a picture: the camera's own where it can be had, else the frame that the page shows.

const SAVED_MS = 10_000; // browsers begin to save a file by then
const QUALITY = 0.92; // of a JPEG made here
const ENDINGS = { 'image/png': 'png', 'image/webp': 'webp' };

/** A file name that sorts by time and that every system takes. */
export function snapshotName(name, at = new Date(), type = 'image/jpeg') {
  const safe = name.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '') || 'camera';
  return `${safe}-${at.toISOString().slice(0, 19).replace(/:/g, '')}Z.${ENDINGS[type] ?? 'jpg'}`;
}

/** The frame that is shown now. */
function frameOf(video) {
  const canvas = document.createElement('canvas');
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext('2d').drawImage(video, 0, 0);
  return canvas;
}

function save(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), SAVED_MS);
}

/**
 * Saves a picture of now.
 * @param {HTMLVideoElement} video
 * @param {string} name the camera's
 * @param {() => Promise<Blob>} ask asks the camera; what it rejects with does not matter
 */
export async function saveSnapshot(video, name, ask) {
  if (!video.videoWidth) return;
  const at = new Date();
  const frame = frameOf(video); // of now, and not of when the camera has turned out not to answer
  const blob = await ask().catch(() => new Promise((made) => frame.toBlob(made, 'image/jpeg', QUALITY)));
  if (blob) save(blob, snapshotName(name, at, blob.type)); // a browser without memory makes none
}
