// The page of a camera's paired devices. All of it is between this browser and the camera: the pairing code is
// typed here, proved to the camera, and sent nowhere.
import { canonical, grouped, isCode } from './code.js';
import { rememberFingerprint, seenFingerprint } from './known.js';
import { canPair, keepRecord, makeCertificate, ownRecord } from './own.js';
import { deviceCode, fromBase64, prove, proves, toBase64 } from './paired.js';
import { showPresence } from './presence.js';
import { Signal } from './signal.js';
import { keepTimes, showTime } from './time.js';
import { Visit } from './visit.js';
import { takePairingCode } from './label.js';

const byId = (id) => document.getElementById(id);
const { camera, presenceText, connected } = byId('main').dataset;
const CODE_WRONG = 'This does not look right yet: 20 letters and digits in four groups. Check for a typing mistake.';
const LONG_MS = 60_000;
const IN_BETWEEN = 'Whoever answered does not know the pairing code, so it is not your camera: something in between is not to be trusted. Nothing was kept.';

const signal = new Signal();
let record = null;
let visit = null;
let greetedAt = Infinity; // when the present visit began
let joining = false; // this page saw itself unpaired before

/** What the page shows: asking, unsupported, offline, failed, unpaired or paired. */
function show(state, text = '') {
  byId('main').dataset.state = state;
  for (const part of document.querySelectorAll('[data-for]')) part.hidden = !part.dataset.for.split(' ').includes(state);
  if (text) byId('trouble-text').textContent = text;
}

function note(id, text, bad = false) {
  byId(id).textContent = text;
  byId(id).dataset.kind = bad ? 'bad' : 'good';
}

function fieldError(id, text) {
  const input = byId(id);
  byId(`${id}-error`).hidden = text === '';
  byId(`${id}-error`).querySelector('[data-text]').textContent = text;
  if (text) input.setAttribute('aria-invalid', 'true');
  else input.removeAttribute('aria-invalid');
  if (text) input.focus();
}

/** A name by which a person knows this browser in the list. */
function guessName() {
  const { userAgent } = navigator;
  const browser = [['Edg/', 'Edge'], ['Firefox/', 'Firefox'], ['Chrome/', 'Chrome'], ['Safari/', 'Safari']].find(([mark]) => userAgent.includes(mark))?.[1] ?? 'Browser';
  const system = ['Android', 'iPhone', 'iPad', 'Windows', 'Mac OS', 'CrOS', 'Linux'].find((mark) => userAgent.includes(mark));
  return system ? `${browser} on ${system.replace('CrOS', 'ChromeOS').replace('Mac OS', 'macOS')}` : browser;
}

// ---- the connection ----

async function connect() {
  visit?.close();
  show('asking');
  visit = new Visit({ signal, camera, certificate: record.certificate, expected: seenFingerprint(camera) });
  const current = visit;
  current.addEventListener('hello', ({ detail }) => current === visit && greeted(detail));
  current.addEventListener('ended', ({ detail }) => current === visit && ended(detail));
  await current.open();
}

function ended({ text, code }) {
  visit = null;
  const lasted = performance.now() - greetedAt;
  greetedAt = Infinity;
  if (lasted > LONG_MS && seen) return connect(); // a camera ends each visit after a while
  if (byId('identity-link')) byId('identity-link').hidden = code !== 'fingerprint'; // its owner only has one
  show(code === 'offline' ? 'offline' : 'failed', /[.!?]$/.test(text) ? text : `${text}.`);
}

async function greeted(word) {
  greetedAt = Math.min(greetedAt, performance.now());
  byId('own-code').textContent = grouped(await deviceCode(camera, visit.device));
  const check = grouped(await deviceCode(camera, visit.camera));
  for (const place of document.querySelectorAll('[data-camera-code]')) place.textContent = check;
  if (!word.paired) {
    joining = true;
    if (record.paired) await keep(false); // it was removed
    return show('unpaired');
  }
  if (!record.paired) await keep(true);
  if (joining && byId('compare').dataset.done !== 'true') byId('compare').hidden = false;
  showPaired(word);
  show('paired');
}

async function keep(paired) {
  record = { ...record, paired };
  await keepRecord(record);
}

// ---- pairing by the code ----

async function pair() {
  const typed = canonical(byId('pairing-code').value);
  fieldError('pairing-code', isCode(typed) ? '' : CODE_WRONG);
  if (!isCode(typed)) return;
  byId('pair').disabled = true;
  try {
    const code = typed.toLowerCase();
    const meeting = {
      camera, device: visit.device, own: visit.camera,
      cameraNonce: fromBase64(visit.nonce), deviceNonce: crypto.getRandomValues(new Uint8Array(32)),
    };
    byId('compare').dataset.done = 'true'; // the proof says more than a person can compare
    const { proof } = await visit.ask({
      type: 'pair', name: byId('device-name').value, nonce: toBase64(meeting.deviceNonce), proof: toBase64(await prove(code, 'device', meeting)),
    });
    if (!(await proves(code, 'camera', meeting, fromBase64(proof ?? '')))) throw new Error(IN_BETWEEN);
    rememberFingerprint(camera, meeting.own);
    byId('pairing-code').value = '';
  } catch (error) {
    byId('compare').dataset.done = '';
    fieldError('pairing-code', error.message);
  }
  byId('pair').disabled = false;
}

// ---- the paired devices ----

function showPaired({ only, devices = [] }) {
  byId('only').checked = only;
  const list = byId('devices');
  list.replaceChildren(...devices.map((device) => {
    const row = byId('device-row').content.firstElementChild.cloneNode(true);
    row.dataset.device = device.id;
    row.querySelector('[data-name]').textContent = device.name;
    row.querySelector('[data-you]').hidden = !device.you;
    showTime(row.querySelector('[data-added]'), device.added);
    showTime(row.querySelector('[data-used]'), device.used);
    wireRemove(row.querySelector('button'), device);
    return row;
  }));
}

/** Removing asks once more, in place. */
function wireRemove(button, { id, name, you }) {
  button.setAttribute('aria-label', `Remove ${name}`);
  button.addEventListener('click', async () => {
    if (!button.dataset.sure) {
      button.dataset.sure = 'yes';
      button.textContent = you ? 'Really remove this browser?' : 'Really remove?';
      button.removeAttribute('aria-label');
      return;
    }
    await asked('devices-note', { type: 'remove', id }, `${name} is removed. Its live views have ended.`);
  });
}

/** Asks the camera, and says what became of it. */
async function asked(where, message, done) {
  try {
    await visit.ask(message);
    note(where, done);
    return true;
  } catch (error) {
    note(where, error.message, true);
    return false;
  }
}

async function setOnly() {
  const on = byId('only').checked;
  byId('only').disabled = true;
  const done = on ? 'From now on only the devices below can watch. Others were cut off.' : 'Whomever the portal lets through can watch again.';
  if (!(await asked('only-note', { type: 'only', on }, done))) byId('only').checked = !on;
  byId('only').disabled = false;
}

async function add() {
  const code = canonical(byId('new-code').value);
  fieldError('new-code', isCode(code) ? '' : CODE_WRONG);
  if (!isCode(code)) return;
  if (await asked('add-note', { type: 'add', code, name: byId('new-name').value }, 'Done. The other device says so within seconds; it has ten minutes to come.')) {
    byId('new-code').value = byId('new-name').value = '';
    byId('add-compare').hidden = false;
  }
}

// ---- the page ----

/** Groups codes while they are typed, and takes Enter for the button: these fields are in no form, so that nothing is sent. */
function wireField(id, button) {
  const input = byId(id);
  if ('code' in input.dataset) input.addEventListener('input', (event) => !event.isComposing && event.inputType !== 'deleteContentBackward' && (input.value = grouped(input.value)));
  input.addEventListener('keydown', (event) => event.key === 'Enter' && byId(button).click());
}

for (const id of ['pairing-code', 'device-name']) wireField(id, 'pair');
for (const id of ['new-code', 'new-name']) wireField(id, 'add');
byId('pair').addEventListener('click', pair);
byId('add').addEventListener('click', add);
byId('only').addEventListener('change', setOnly);
byId('again').addEventListener('click', connect);
byId('same').addEventListener('click', () => {
  rememberFingerprint(camera, visit.camera);
  byId('compare').hidden = true;
  byId('compare').dataset.done = 'true';
});

let seen = connected === 'true';
signal.addEventListener('status', ({ detail }) => {
  if (detail.camera !== camera) return;
  showPresence(document.querySelector('[data-presence]'), detail.presence);
  const back = detail.presence.online && !seen;
  seen = detail.presence.online;
  if (back && !visit && byId('main').dataset.state === 'offline') connect();
  else if (!seen && !visit) show('offline', `${detail.presence.text}.`);
});
signal.addEventListener('signedout', () => location.assign('/login'));
addEventListener('pagehide', () => {
  visit?.close();
  signal.stop();
});
addEventListener('pageshow', (event) => event.persisted && location.reload());

async function begin() {
  if (!canPair) return show('unsupported');
  record = await ownRecord(camera).catch(() => null);
  if (!record) {
    record = { camera, certificate: await makeCertificate(), paired: false };
    try {
      await keepRecord(record);
    } catch {
      return show('unsupported'); // as in some private windows
    }
  }
  byId('device-name').value = guessName();
  byId('pairing-code').value = grouped(takePairingCode(camera));
  signal.addEventListener('welcome', () => seen && !visit && connect());
  signal.addEventListener('down', () => !visit && show('failed', 'The portal cannot be reached at the moment. It is tried again by itself.'));
  if (!seen) show('offline', `${presenceText}.`);
  keepTimes();
  signal.start();
}

begin();
