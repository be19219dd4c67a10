// Replaces the certificate by which a camera knows this browser before it expires. The new one is announced
// over a connection with the old one, which holds until the new one is used.
import { keepRecord, makeCertificate } from './own.js';
import { Visit } from './visit.js';

/** The fingerprint of a certificate, also where browsers do not tell it themselves. */
async function fingerprintOf(certificate) {
  const pc = new RTCPeerConnection({ certificates: [certificate] });
  pc.createDataChannel('none');
  const { sdp } = await pc.createOffer();
  pc.close();
  return /a=fingerprint:sha-256 (\S+)/.exec(sdp)[1].toUpperCase();
}

/**
 * Renews a record's certificate.
 * @param {import('./signal.js').Signal} signal
 * @param {{camera: string, certificate: RTCCertificate, paired: boolean}} record
 * @param {string} expected the camera's fingerprint
 */
export async function renew(signal, record, expected) {
  const certificate = await makeCertificate();
  const fingerprint = await fingerprintOf(certificate);
  const visit = new Visit({ signal, camera: record.camera, certificate: record.certificate, expected });
  const greeted = new Promise((resolve, reject) => {
    visit.addEventListener('hello', ({ detail }) => resolve(detail), { once: true });
    visit.addEventListener('ended', ({ detail }) => reject(new Error(detail.text)), { once: true });
  });
  try {
    await visit.open();
    const { paired } = await greeted;
    if (!paired) return;
    await visit.ask({ type: 'renew', fingerprint });
    await keepRecord({ ...record, certificate });
  } finally {
    visit.close();
  }
}
