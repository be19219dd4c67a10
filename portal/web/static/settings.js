// The settings of one camera: its state, live, and its privacy mode.
import { showPresence } from './presence.js';
import { PrivacyCard } from './privacy.js';
import { Signal } from './signal.js';
import { keepTimes } from './time.js';

const card = document.getElementById('privacy');
const privacy = new PrivacyCard(card);
const signal = new Signal();

signal.addEventListener('status', ({ detail: { camera, presence } }) => {
  if (camera !== card.dataset.camera) return;
  showPresence(document.querySelector('[data-presence]'), presence);
  privacy.follow(presence);
});
signal.addEventListener('signedout', () => location.assign('/login'));
addEventListener('pagehide', () => signal.stop());
addEventListener('pageshow', (event) => event.persisted && location.reload());
keepTimes();
signal.start();
if (card.dataset.connected === 'true') privacy.load();
else privacy.follow({ online: false, text: card.dataset.presenceText });
