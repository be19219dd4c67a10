// What a pairing is proved with; camerad/pairing/proof.go does the other half, and says why.

const PURPOSE = 'seccam pairing v1';
const DEVICE_CODE = 'seccam device code v1';
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const RANDOM_LETTERS = 19; // of a code; one more checks them

const text = (string) => new TextEncoder().encode(string);

/** @param {ArrayBuffer|Uint8Array} bytes */
export const toBase64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));

/** @param {string} base64 */
export const fromBase64 = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

/** Puts the length of each part before it, as 4 bytes, so that no border can be moved. */
function framed(parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + 4 + part.length, 0));
  let at = 0;
  for (const part of parts) {
    new DataView(all.buffer).setUint32(at, part.length);
    all.set(part, at + 4);
    at += 4 + part.length;
  }
  return all;
}

async function keyOf(code, camera) {
  const base = await crypto.subtle.importKey('raw', text(code.toLowerCase()), 'HKDF', false, ['deriveKey']);
  return crypto.subtle.deriveKey(
    { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(32), info: text(`${PURPOSE} ${camera}`) },
    base, { name: 'HMAC', hash: 'SHA-256', length: 256 }, false, ['sign', 'verify'],
  );
}

/**
 * What both ends of a connection see of it.
 * @typedef {{camera: string, device: string, own: string, cameraNonce: Uint8Array, deviceNonce: Uint8Array}} Meeting
 */

const seen = (end, { camera, device, own, cameraNonce, deviceNonce }) =>
  framed([text(end), text(camera), text(device), text(own), cameraNonce, deviceNonce]);

/**
 * Proves that this end knows the pairing code, on this connection.
 * @param {string} code in canonical form
 * @param {'device'|'camera'} end
 * @param {Meeting} meeting
 */
export async function prove(code, end, meeting) {
  return new Uint8Array(await crypto.subtle.sign('HMAC', await keyOf(code, meeting.camera), seen(end, meeting)));
}

/** Whether the other end's proof is right; the comparison takes as long whatever differs. */
export async function proves(code, end, meeting, proof) {
  return crypto.subtle.verify('HMAC', await keyOf(code, meeting.camera), proof, seen(end, meeting));
}

/** A certificate in a form that a person can type, in capitals and without hyphens. */
export async function deviceCode(camera, fingerprint) {
  const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', text(`${DEVICE_CODE}|${camera}|${fingerprint}`)));
  const values = [...sum.subarray(0, RANDOM_LETTERS)].map((byte) => byte & 31);
  let check = 0;
  for (const value of values) {
    check = (check ^ value) << 1; // times 2 in GF(32), x^5+x^2+1, as in code.js
    if (check & 32) check ^= 0b100101;
  }
  return [...values, check].map((value) => ALPHABET[value]).join('').toUpperCase();
}
