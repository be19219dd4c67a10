// The page of an unfinished sign-up: whether the camera was seen, live, and the time that is left.
import { Signal } from './signal.js';

const main = document.getElementById('main');
const status = document.getElementById('setup-status');
const countdown = document.getElementById('countdown');
const signal = new Signal();
const since = Number(main.dataset.since);
const deadline = Date.now() + Number(main.dataset.left); // by this computer's clock, which may be wrong

const WORDS = {
  checking: 'Asking the portal about your camera…',
  missing: 'Not connected yet. Waiting for your camera.',
  seen: 'Your camera is connected.',
};
/** How long "checking" shows at least, so that a person sees that something was done. */
const CHECK_MS = 700;
let checkingSince = 0;

function show(state) {
  if (status.dataset.state === state) return;
  status.dataset.state = state;
  status.querySelector('[data-words]').textContent = WORDS[state];
}

function seen() {
  show('seen');
  document.getElementById('next').disabled = false; // once seen it stays so: the sign-up can be finished
}

function check() {
  if (status.dataset.state === 'seen') return;
  checkingSince = Date.now();
  show('checking');
}

signal.addEventListener('down', check);
signal.addEventListener('status', ({ detail: { camera, presence } }) => {
  if (camera !== main.dataset.camera) return;
  if (presence.online || presence.last_seen >= since) return seen();
  setTimeout(() => status.dataset.state === 'checking' && show('missing'), checkingSince + CHECK_MS - Date.now());
});
signal.addEventListener('signedout', () => location.reload());
document.getElementById('test-connection').addEventListener('click', (event) => {
  event.preventDefault();
  check();
  signal.reconnect();
});
addEventListener('pagehide', () => signal.stop());
addEventListener('pageshow', (event) => event.persisted && location.reload());

function expire() {
  signal.stop();
  document.getElementById('setup-open').hidden = true;
  const expired = document.getElementById('setup-expired');
  expired.hidden = false;
  expired.focus();
}

function tick() {
  const seconds = Math.max(0, Math.ceil((deadline - Date.now()) / 1000));
  countdown.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  countdown.parentElement.toggleAttribute('data-late', seconds < 60);
  if (seconds > 0) setTimeout(tick, 250);
  else expire();
}

tick();
signal.start();
