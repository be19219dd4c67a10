// What a camera's label says, as the address in its QR code: PUBLIC_URL/claim#id=…&code=…&fp=…&pair=… The part
// after # stays in the browser. Of it the portal gets the id, the claim code and the fingerprint, when a form
// is sent; the pairing code is for the camera alone.
import { canonical, isCode } from './code.js';

const PAIRING = 'seccam.pairing-code.'; // in the tab's own memory, until it was used

/** Takes the pairing code that the label of a camera had, once. @returns {string} */
export function takePairingCode(camera) {
  try {
    const code = sessionStorage.getItem(PAIRING + camera) ?? '';
    sessionStorage.removeItem(PAIRING + camera);
    return isCode(code) ? canonical(code) : '';
  } catch {
    return '';
  }
}
