// Opens pictures that a camera has sealed for this page: what is in between, the portal too, cannot
// look at them. How it is done is in docs/asyncapi.yaml; camerad/seal does the other half.

const CURVE = { name: 'ECDH', namedCurve: 'P-256' };
const POINT_BYTES = 65;
const NONCE_BYTES = 12;
const PURPOSE = 'seccam snapshot v1';

/** Whether this page can have pictures: browsers have the cryptography only over https, or from this machine. */
export const canOpen = globalThis.isSecureContext && Boolean(globalThis.crypto?.subtle);

function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

function joined(...parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The page's own key. Its private half never leaves the browser and ends with the page. */
export class PageKey {
  #private;
  #point;

  /** Makes a new key. */
  static async create() {
    const pair = await crypto.subtle.generateKey(CURVE, false, ['deriveBits']);
    const key = new PageKey();
    key.#private = pair.privateKey;
    key.#point = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
    return key;
  }

  /** The public half in base64, for the request. */
  get text() {
    return base64(this.#point);
  }

  /**
   * Opens what a camera sealed for this key. It throws for anything else.
   * @param {Uint8Array} sealed
   * @param {string} camera the id of the camera that was asked
   * @returns {Promise<ArrayBuffer>}
   */
  async open(sealed, camera) {
    const point = sealed.subarray(0, POINT_BYTES);
    const nonce = sealed.subarray(POINT_BYTES, POINT_BYTES + NONCE_BYTES);
    const other = await crypto.subtle.importKey('raw', point, CURVE, false, []);
    const secret = await crypto.subtle.deriveBits({ name: 'ECDH', public: other }, this.#private, 256);
    const info = joined(new TextEncoder().encode(PURPOSE + camera), point, this.#point);
    const key = await crypto.subtle.deriveKey(
      { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info },
      await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveKey']),
      { name: 'AES-GCM', length: 256 }, false, ['decrypt'],
    );
    return crypto.subtle.decrypt({ name: 'AES-GCM', iv: nonce }, key, sealed.subarray(POINT_BYTES + NONCE_BYTES));
  }
}
