// The home page: every camera's state, live, and its latest picture.
import { hasLabel } from './label.js';
import { showPresence } from './presence.js';
import { Signal } from './signal.js';
import { Thumbnails } from './thumbnail.js';
import { keepTimes } from './time.js';

if (sessionStorage.getItem('invitation')) location.replace('/invite'); // who had to log in for it

if (hasLabel()) location.replace('/cameras/new'); // scanned before the log-in

const signal = new Signal();
const thumbnails = new Thumbnails(document.querySelectorAll('[data-camera]'));
const connection = document.getElementById('connection');

function say(text) {
  connection.textContent = text;
  connection.hidden = text === '';
}

signal.addEventListener('status', ({ detail }) => {
  const card = document.querySelector(`[data-camera="${CSS.escape(detail.camera)}"]`);
  if (card) showPresence(card.querySelector('[data-presence]'), detail.presence);
  thumbnails.follow(detail.camera, detail.presence);
});
let late = 0;
signal.addEventListener('down', () => {
  late ||= setTimeout(() => say('The portal cannot be reached at the moment: what you see may be out of date.'), 3_000);
});
signal.addEventListener('welcome', () => {
  clearTimeout(late);
  late = 0;
  say('');
});
signal.addEventListener('signedout', () => location.assign('/login'));
addEventListener('pagehide', () => {
  signal.stop();
  thumbnails.stop();
});
addEventListener('pageshow', (event) => event.persisted && location.reload()); // an old list may be wrong
keepTimes();
signal.start();
thumbnails.start();
