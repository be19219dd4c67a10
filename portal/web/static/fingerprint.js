// The camera's DTLS certificate is its identity (RFC 8122). Whoever could put another fingerprint
// into the answer, a hostile broker or relay, could put itself in the middle.

const LINE = /^a=fingerprint:(\S+) ([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})+)$/;
const PINNED = /^[0-9A-F]{2}(:[0-9A-F]{2}){31}$/;

/**
 * Compares every fingerprint of an SDP with the pinned one. Without a pinned one the first is taken,
 * and all have to be equal.
 * @param {string} sdp
 * @param {string} pinned SHA-256, as in an a=fingerprint line without the hash's name; may be empty
 * @returns {{ok: true, fingerprint: string} | {ok: false, reason: string}}
 */
export function checkFingerprints(sdp, pinned) {
  // A line that only looks like one must not slip through, however the browser would read it.
  const lines = sdp.split(/[\r\n]+/).filter((line) => /^\s*a\s*=\s*fingerprint/i.test(line));
  if (lines.length === 0) return { ok: false, reason: 'The answer names no certificate.' };
  let expected = pinned.toUpperCase();
  if (expected && !PINNED.test(expected)) return { ok: false, reason: 'The pinned fingerprint is malformed.' };
  for (const line of lines) {
    const [, hash, value] = LINE.exec(line) ?? [];
    if (!value) return { ok: false, reason: 'The answer has a malformed fingerprint.' };
    if (hash.toLowerCase() !== 'sha-256') {
      return { ok: false, reason: `The answer has a ${hash} fingerprint; only sha-256 is accepted.` };
    }
    const actual = value.toUpperCase();
    if (!PINNED.test(actual)) return { ok: false, reason: 'The answer has a malformed fingerprint.' };
    expected ||= actual;
    if (actual !== expected) {
      return { ok: false, reason: 'The certificate in the answer is not the one that belongs to your camera.' };
    }
  }
  return { ok: true, fingerprint: expected };
}
