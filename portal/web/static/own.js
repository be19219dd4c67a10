// The certificates by which cameras know this browser: one for each camera, so that cameras cannot tell that
// two of them are watched by the same one. Their private keys are the browser's and cannot be read; they go
// with the site's data. Only a browser that is paired uses one to watch: others show another each time.

const DATABASE = 'seccam';
const STORE = 'certificates';
const FLAG = 'seccam.paired.'; // spares pages of other cameras the database
const LIFE_MS = 365 * 24 * 3600 * 1000; // the longest that browsers allow
const FRESH_MS = LIFE_MS * 3 / 4; // with less left a new one is made
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' };

/** Whether this browser can be paired: it has the cryptography only over https, or on this machine. */
export const canPair = Boolean(globalThis.isSecureContext && globalThis.crypto?.subtle && globalThis.indexedDB
  && globalThis.RTCPeerConnection?.generateCertificate);

const settled = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

async function withStore(mode, use) {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: 'camera' });
  const database = await settled(opening);
  try {
    return await settled(use(database.transaction(STORE, mode, { durability: 'strict' }).objectStore(STORE)));
  } finally {
    database.close();
  }
}

/** Makes a certificate that is good for as long as browsers allow. */
export const makeCertificate = () => RTCPeerConnection.generateCertificate({ ...ALGORITHM, expires: LIFE_MS });

/**
 * What this browser has for a camera, or null.
 * @returns {Promise<{camera: string, certificate: RTCCertificate, paired: boolean}|null>}
 */
export async function ownRecord(camera) {
  const record = await withStore('readonly', (store) => store.get(camera));
  return record && record.certificate.expires > Date.now() ? record : null;
}

/** Keeps a record, and asks the browser not to throw it away when the disk is full. */
export async function keepRecord(record) {
  await withStore('readwrite', (store) => store.put(record));
  if (!record.paired) return localStorage.removeItem(FLAG + record.camera);
  localStorage.setItem(FLAG + record.camera, 'yes');
  navigator.storage?.persist?.().catch(() => {}); // it may say no
}

/** Whether a certificate is to be replaced. */
export const isOld = ({ certificate }) => certificate.expires - Date.now() < FRESH_MS;

/**
 * The record by which this browser watches a camera, or null if it is not paired.
 */
export async function pairedRecord(camera) {
  try {
    if (!localStorage.getItem(FLAG + camera)) return null;
    const record = await ownRecord(camera);
    return record?.paired ? record : null;
  } catch {
    return null; // a browser may keep nothing at all
  }
}
