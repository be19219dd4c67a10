// What a camera's label says, as the address in its QR code: PUBLIC_URL/claim#id=…&code=…&fp=…&pair=… The part
// after # stays in the browser. Of it the portal gets the id, the claim code and the fingerprint, when a form
// is sent; the pairing code is for the camera alone.
import { canonical, grouped, isCode } from './code.js';

const PAIRING = 'seccam.pairing-code.'; // in the tab's own memory, until it was used
const LABEL = 'seccam.label'; // likewise, while somebody logs in
const LONGEST = 400; // characters of a label

/** Why a scanned code is not the label of one of this portal's cameras. */
export class NoLabel extends Error {}

const byId = (id) => document.getElementById(id);

const memory = {
  get: (key) => { try { return sessionStorage.getItem(key) ?? ''; } catch { return ''; } },
  set: (key, value) => { try { sessionStorage.setItem(key, value); } catch { /* a browser may keep nothing at all */ } },
  take(key) {
    const value = this.get(key);
    try { sessionStorage.removeItem(key); } catch { /* likewise */ }
    return value;
  },
};

/**
 * Reads the part of a label behind the #.
 * @param {string} fragment
 * @returns {{camera: string, code: string, fingerprint: string, pairing: string}|null}
 */
export function readLabel(fragment) {
  const fields = new URLSearchParams(fragment.slice(0, LONGEST).replace(/^#/, ''));
  const code = (name) => (isCode(fields.get(name) ?? '') ? canonical(fields.get(name)) : '');
  const label = { camera: code('id'), code: code('code'), fingerprint: '', pairing: code('pair') };
  if (/^[\w-]{43}$/.test(fields.get('fp') ?? '')) label.fingerprint = fields.get('fp');
  return label.camera ? label : null;
}

/** Reads a scanned label; it throws {@link NoLabel} with words for other codes. @param {string} text */
export function readScanned(text) {
  let address;
  try {
    address = new URL(text);
  } catch {
    throw new NoLabel("This is not a camera's label.");
  }
  const label = readLabel(address.hash);
  if (!label || address.pathname !== '/claim') throw new NoLabel("This is not a camera's label.");
  if (address.origin !== location.origin) throw new NoLabel(`This camera belongs to another portal: ${address.host}.`);
  return label;
}

/** Takes the pairing code that the label of a camera had, once. @returns {string} */
export function takePairingCode(camera) {
  const code = memory.take(PAIRING + camera);
  return isCode(code) ? canonical(code) : '';
}

/** Whether a label waits for its reader to be logged in. */
export const hasLabel = () => memory.get(LABEL) !== '';

/** Fills a form's fields. What it says of the certificate holds for that id only. */
function fill(label) {
  const { camera_id: id, claim_code: code, fingerprint } = byId('fingerprint').form.elements;
  for (const [input, value] of [[id, label.camera], [code, label.code]]) {
    input.value = grouped(value);
    input.dispatchEvent(new Event('input', { bubbles: true }));
  }
  fingerprint.value = label.fingerprint;
  if (label.pairing) memory.set(PAIRING + label.camera.toLowerCase(), label.pairing);
  byId('label-note').textContent = 'Filled in from the label.';
  byId('label-note').dataset.kind = 'good';
}

/** Fills the form from the label whose address led here, or from one that is scanned. */
export function wireLabel() {
  const { camera_id: id, fingerprint } = byId('fingerprint').form.elements;
  id.addEventListener('input', () => { fingerprint.value = ''; });
  const fragment = location.hash || memory.take(LABEL);
  const label = readLabel(fragment);
  if (label) {
    fill(label);
    history.replaceState(null, '', location.pathname); // neither the history nor a bookmark keeps it
    byId('log-in-link')?.addEventListener('click', () => memory.set(LABEL, fragment));
  }
  if (!navigator.mediaDevices?.getUserMedia) return; // browsers have it over https, or on this machine
  byId('scan-row').hidden = false;
  byId('scan-open').addEventListener('click', async () => {
    const { scan } = await import('./scan.js');
    const found = await scan(readScanned);
    if (found) fill(found);
  });
}
