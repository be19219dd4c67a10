// How one camera is set from afar: what it makes of it, as it comes. The form stays as it is.
import { showPresence } from './presence.js';
import { Signal } from './signal.js';
import { keepTimes } from './time.js';

/** While the camera is deciding, and otherwise. */
const SOON_MS = 1_000;
const LATER_MS = 5_000;

const card = document.getElementById('state');
const shown = document.getElementById('config');
const seen = document.querySelector('#config-form [name=seen]').value;
let online = card.dataset.connected === 'true';
let timer = 0;

/** The server renders the state, and so knows its words; here it only takes the place of the one before. */
function show(fresh) {
  const { outcome, latest } = fresh.dataset;
  if (fresh.innerHTML !== shown.innerHTML) shown.replaceChildren(...fresh.childNodes);
  if (outcome !== shown.dataset.outcome || latest !== shown.dataset.latest) {
    document.getElementById('said').textContent = document.getElementById('config-outcome').textContent;
  }
  Object.assign(shown.dataset, { outcome, latest });
  if (latest !== seen) document.getElementById('stale').hidden = false;
}

async function look() {
  clearTimeout(timer);
  let loaded = false;
  try {
    const answer = await fetch(location.pathname);
    if (answer.redirected) location.reload(); // the login has ended
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const fresh = page.getElementById('config');
      if (fresh) show(fresh);
      loaded = fresh !== null;
    }
  } catch { /* said below */ }
  document.getElementById('failure').hidden = loaded;
  clearTimeout(timer);
  timer = setTimeout(look, shown.dataset.outcome === 'pending' && online && !document.hidden ? SOON_MS : LATER_MS);
}

const signal = new Signal();
signal.addEventListener('status', ({ detail: { camera, presence } }) => {
  if (camera !== card.dataset.camera) return;
  showPresence(card.querySelector('[data-presence]'), presence);
  if (presence.online !== online) {
    online = presence.online;
    look();
  }
});
signal.addEventListener('signedout', () => location.assign('/login'));
addEventListener('pagehide', () => signal.stop());
addEventListener('pageshow', (event) => event.persisted && location.reload());
keepTimes();
signal.start();
look();
