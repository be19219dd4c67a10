// What a refusal (pkg/signaling, Error) or an end (bye) means for the view: the event for the state
// machine, a text, and when to try again by itself (seconds; 0 is never).

const EVENTS = {
  offline: 'absent',
  busy: 'full',
  source_lost: 'blind',
  not_found: 'refuse',
  unauthorised: 'refuse',
  sign_up_unfinished: 'refuse',
  no_common_codec: 'refuse',
  unsupported_version: 'refuse',
};

/** Codes after which a new session is all that is needed. */
const NEW_SESSION = new Set(['unknown_session', 'replayed', 'rate_limited']);

/** The end of privacy is told by the camera's presence; looking again is for when that was missed. */
const PRIVATE_SECONDS = 30;

const RETRY_SECONDS = { busy: 5, source_lost: 5, offline: 5 };

/** The end of a view because the owner wants it so. The page has its own words for that. */
export const HIDDEN = { event: 'hide', text: '', retry: PRIVATE_SECONDS };

/** Only paired devices may watch, and this browser is none, or none any more. */
const UNPAIRED = 'Only devices that are paired with this camera may watch it, and this browser is not one of them.';

/** @param {{code: string, message?: string, retry_after?: number}} error */
export function ofError(error) {
  if (error.code === 'private') return HIDDEN;
  if (error.code === 'unpaired') return { event: 'refuse', text: UNPAIRED, retry: 0, unpaired: true };
  const retry = error.retry_after || RETRY_SECONDS[error.code] || 0;
  if (NEW_SESSION.has(error.code)) return { event: 'again', text: error.message ?? '', retry };
  return { event: EVENTS[error.code] ?? 'fail', text: error.message || 'The camera refused.', retry };
}

/** @param {string} reason */
export function ofBye(reason) {
  switch (reason) {
    case 'revoked':
      return { event: 'refuse', text: 'You may no longer see this camera.', retry: 0 };
    case 'logged_out':
      return { event: 'signout', text: '', retry: 0 };
    case 'shutdown':
      return { event: 'absent', text: 'The camera is stopping.', retry: 5 };
    case 'private':
      return HIDDEN;
    case 'unpaired':
      return { event: 'refuse', text: UNPAIRED, retry: 0, unpaired: true };
    default:
      return { event: 'again', text: 'The camera ended the connection.', retry: 0 };
  }
}
