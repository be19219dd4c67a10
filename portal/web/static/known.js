// What this browser knows of cameras by itself. The portal says which certificate is pinned; a portal
// that suddenly says something else is found out by what was seen before.

const PREFIX = 'seccam.camera.';
const FORM = /^[0-9A-F]{2}(:[0-9A-F]{2}){31}$/;
const GROUP = 8; // digits, as in pkg/credential/fingerprint.go

/** The fingerprint that this browser has seen of a camera, or ''. Without storage it remembers nothing. */
export function seenFingerprint(camera) {
  try {
    const seen = localStorage.getItem(PREFIX + camera) ?? '';
    return FORM.test(seen) ? seen : '';
  } catch {
    return '';
  }
}

/** Remembers a fingerprint that a connection was proved to have, or that a person checked. */
export function rememberFingerprint(camera, fingerprint) {
  try {
    localStorage.setItem(PREFIX + camera, fingerprint.toUpperCase());
  } catch {
    // A browser may keep nothing at all.
  }
}

/** A fingerprint in the groups in which it is shown and read out. @returns {string[]} */
export function groupsOf(fingerprint) {
  return fingerprint.replaceAll(':', '').match(new RegExp(`.{1,${GROUP}}`, 'g')) ?? [];
}

/** Whether a person typed how a fingerprint ends. */
export function endsAs(fingerprint, typed) {
  return typed.toUpperCase().replace(/[\s:-]/g, '') === groupsOf(fingerprint).at(-1);
}
