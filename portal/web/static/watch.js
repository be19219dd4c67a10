// The watch page: puts a Viewer's state into words and attributes. Tests and styles read data-state
// of <main> and #player, and data-path ("direct", "relayed") and data-session of #player.
import { press, showSound, wireControls } from './controls.js';
import { clearFigures, showConnection, showSample } from './figures.js';
import { seenFingerprint } from './known.js';
import { isOld, pairedRecord } from './own.js';
import { showPresence } from './presence.js';
import { Signal } from './signal.js';
import { keepTimes } from './time.js';
import { Viewer } from './viewer.js';

const main = document.getElementById('main');
const player = document.getElementById('player');
const video = document.getElementById('video');
const byId = (id) => document.getElementById(id);

const guest = 'guest' in main.dataset;
const signal = new Signal(guest);
const own = await pairedRecord(main.dataset.camera); // null at once where this browser is not paired
const viewer = new Viewer({
  signal,
  video,
  certificates: own ? [own.certificate] : [],
  camera: main.dataset.camera,
  fingerprint: main.dataset.fingerprint,
  presence: {
    online: ['online', 'no_picture', 'private'].includes(main.dataset.presenceState),
    state: main.dataset.presenceState,
    text: main.dataset.presenceText,
  },
});

/** Per state: the overlay's title, a text unless the viewer has a better one, and its button. */
const OVERLAY = {
  idle: ['Not playing', 'Press Start to see the live picture.', 'Start'],
  connecting: ['Connecting', '', ''],
  live: ['Live', '', ''],
  waiting: ['The camera lost its picture', 'The picture comes back by itself.', ''],
  recovering: ['Getting the picture back', '', ''],
  offline: ['The camera is offline', 'The picture starts by itself when the camera is back.', ''],
  nopicture: ['The camera has no picture', 'It is connected, but its source is not. The picture starts by itself.', 'Try now'],
  private: ['Privacy mode is on', 'The owner switched this camera off for now.', ''],
  busy: ['The camera is busy', 'It serves as many viewers as it can. Trying again by itself.', 'Try now'],
  refused: ['Not connected', '', 'Try again'],
  failed: ['No connection', '', 'Try again'],
  signedout: ['You are logged out', 'Log in again to go on watching.', 'Log in'],
};

const STEPS = {
  portal: 'Reaching the portal…',
  camera: 'Asking the camera…',
  path: 'Finding a way to the camera…',
  picture: 'Connected. Waiting for the picture…',
  wait: 'The connection was interrupted. Waiting for it to return…',
  restart: 'Looking for another way to the camera…',
  again: 'Starting over…',
};

/** What follows a reason, where the picture returns without anyone doing anything. */
const RETURNS = {
  waiting: 'The picture comes back by itself.',
  offline: 'The picture starts by itself.',
  nopicture: 'The picture starts by itself.',
  busy: 'The picture starts by itself.',
  failed: 'It is tried again every half minute.',
};

/** What to add to the reason that the viewer gives. */
function overlayText() {
  const [, fallback] = OVERLAY[viewer.state];
  const step = STEPS[viewer.step];
  if (step) return viewer.text ? `${viewer.text} ${step}` : step;
  if (!viewer.text) return fallback;
  const ended = /[.!?]$/.test(viewer.text) ? viewer.text : `${viewer.text}.`;
  return [ended, RETURNS[viewer.state]].filter(Boolean).join(' ');
}

/** Holds the last picture while it is got back; the browser shows black for a closed connection. */
function holdStill() {
  const still = byId('still');
  still.width = video.videoWidth;
  still.height = video.videoHeight;
  still.getContext('2d').drawImage(video, 0, 0);
}

let spoken = 0;
/** Tells screen readers about states that last, and not about each step. */
function announce() {
  clearTimeout(spoken);
  spoken = setTimeout(() => {
    const text = viewer.state === 'live' ? 'Live picture' : `${OVERLAY[viewer.state][0]}. ${viewer.step ? '' : overlayText()}`;
    if (byId('announcement').textContent !== text) byId('announcement').textContent = text;
  }, 900);
}

function showState() {
  const { state } = viewer;
  const [title, , action] = OVERLAY[state];
  if (state === 'recovering' && ['live', 'waiting'].includes(player.dataset.state)) holdStill();
  main.dataset.state = player.dataset.state = state;
  player.dataset.session = viewer.session;
  byId('overlay-title').textContent = title;
  byId('overlay-text').textContent = overlayText();
  byId('overlay-action').hidden = action === '';
  byId('overlay-action').textContent = action;
  if (byId('privacy-link')) byId('privacy-link').hidden = state !== 'private'; // owners only have one
  const check = state === 'refused' && viewer.doubted ? byId('identity-link') : null; // likewise
  if (byId('identity-link')) byId('identity-link').hidden = !check;
  if (check || (state === 'refused' && viewer.unpaired)) byId('overlay-action').hidden = true; // trying again changes nothing
  if (byId('pairing-link')) byId('pairing-link').hidden = state !== 'refused' || !viewer.unpaired; // guests have none
  byId('why').hidden = !['offline', 'failed', 'refused'].includes(state) || viewer.doubted || viewer.unpaired;
  const playing = !['idle', 'refused', 'failed', 'signedout'].includes(state);
  press(byId('play'), playing);
  byId('play').querySelector('[data-label]').textContent = playing ? 'Stop' : 'Start';
  byId('snapshot').disabled = state !== 'live';
  if (!['live', 'waiting', 'recovering'].includes(state)) {
    clearFigures();
    player.dataset.path = '';
  }
  showConnection(viewer.connection);
  if (viewer.peer?.answered) showSound(byId('mute'), viewer.peer.sound);
  announce();
}

function showTrust() {
  byId('certificate').querySelector('[data-text]').textContent = viewer.pinned
    ? "The camera's certificate is pinned: nothing in between can take its place."
    : "The camera's certificate is not pinned yet; this page holds on to the one it saw first.";
}

// The page of a link that has ended says so better than this one.
if (guest) signal.addEventListener('signedout', () => location.replace('/guest/watch'));

function act() {
  if (viewer.state === 'signedout') location.assign('/login');
  else viewer.start();
}

viewer.addEventListener('change', showState);
viewer.addEventListener('sample', ({ detail }) => {
  player.dataset.path = detail.path;
  showConnection(viewer.connection);
  showSample(detail);
});
viewer.addEventListener('presence', () => showPresence(document.querySelector('[data-presence]'), viewer.presence));
viewer.addEventListener('trust', showTrust);
byId('play').addEventListener('click', () => (byId('play').getAttribute('aria-pressed') === 'true' ? viewer.stop() : act()));
byId('overlay-action').addEventListener('click', act);
addEventListener('pagehide', () => {
  viewer.stop();
  signal.stop(); // an open socket would keep the page out of the back-forward cache
});
addEventListener('pageshow', (event) => {
  if (!event.persisted) return;
  signal.start();
  viewer.autostart();
});

/** What a camera with a control channel adds to the page, from its first word on. */
let remote = null;
const loadRemote = () => import('./remote.js').then(({ Remote }) => new Remote(viewer, video), () => (remote = null));
viewer.addEventListener('control', async ({ detail }) => {
  remote ??= loadRemote();
  (await remote)?.receive(detail);
});
viewer.addEventListener('session', async () => (await remote)?.reset());

/** What is wrong, for who asks: loaded when the panel is first opened. */
let diagnosis = null;
const loadDiagnosis = () => import('./diagnosis.js').then(({ Diagnosis }) => new Diagnosis(byId('diagnosis'), signal, viewer), () => (diagnosis = null));
byId('diagnosis').addEventListener('toggle', async () => {
  if (!byId('diagnosis').open) return;
  diagnosis ??= loadDiagnosis();
  (await diagnosis)?.run();
});

/** Long before the certificate by which the camera knows this browser expires, another one takes its place. */
function renewOwn() {
  if (viewer.state !== 'live') return;
  viewer.removeEventListener('change', renewOwn);
  import('./renew.js').then(({ renew }) => renew(signal, own, seenFingerprint(own.camera))).catch(() => {}); // the next visit tries again
}
if (own && isOld(own)) viewer.addEventListener('change', renewOwn);

byId('why').addEventListener('click', () => { byId('diagnosis').open = true; });

wireControls({
  player, video, name: main.dataset.name,
  ask: async () => viewer.peer.control.snapshot(),
});
keepTimes();
signal.start();
viewer.autostart();
