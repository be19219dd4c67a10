// The figures below the picture: what the browser measures, and what the camera says.

const byId = (id) => document.getElementById(id);

const CONNECTION = {
  new: 'Connecting', connecting: 'Connecting', connected: 'Connected', disconnected: 'Interrupted',
  failed: 'Lost', closed: 'Not connected',
};
const PATHS = { direct: 'Direct', relayed: 'Relayed' };
const QUALITIES = { __proto__: null, full: 'Full', low: 'Smaller', key_frames: 'Key frames' };
const MEASURED = ['path', 'resolution', 'fps', 'bitrate', 'delay'];
const SAID = ['quality', 'available', 'loss', 'viewers'];

const NONE = '–';

/** The words for a number, if it is one. */
const number = (value, words) => (Number.isFinite(value) ? words(value) : NONE);
const rate = (bitsPerSecond) => `${(bitsPerSecond / 1e6).toFixed(2)} Mbit/s`;
const percent = (share) => (share > 0 && share < 0.01 ? 'under 1 %' : `${Math.round(share * 100)} %`);

function show(name, text) {
  const element = byId(`stat-${name}`);
  if (element.textContent !== text) element.textContent = text;
}

/** @param {RTCPeerConnectionState} state */
export function showConnection(state) {
  show('connection', CONNECTION[state]);
}

export function clearFigures() {
  for (const name of [...MEASURED, ...SAID]) show(name, NONE);
}

/** @param {import('./readout.js').Sample} sample */
export function showSample(sample) {
  show('path', PATHS[sample.path] ?? NONE);
  show('resolution', sample.width ? `${sample.width} × ${sample.height}` : NONE);
  show('fps', number(sample.fps, (fps) => `${Math.round(fps)} fps`));
  show('bitrate', number(sample.bitsPerSecond, rate));
  show('delay', number(sample.delay, (delay) => `${Math.max(1, Math.round(delay))} ms`));
}

/**
 * Shows what the camera says; from the first time on there is room for it.
 * @param {{quality?: string, codec?: string, available?: number, loss?: number, viewers?: number}} stats
 */
export function showStats({ quality, codec, available, loss, viewers }) {
  byId('readout').dataset.camera = 'true';
  show('quality', QUALITIES[quality] ?? NONE);
  byId('stat-quality').title = typeof codec === 'string' ? codec.slice(0, 16) : '';
  show('available', number(available, rate));
  show('loss', number(loss, percent));
  show('viewers', number(viewers, String));
}
