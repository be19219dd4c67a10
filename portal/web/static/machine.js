// The states of one view, and which event leads from which to which. What is not in the table does
// not happen: such an event changes nothing.

/**
 * idle        nothing is wanted
 * connecting  on the way to the first picture
 * live        frames are arriving
 * waiting     the connection stands, and the camera says itself that it has no frames to send
 * recovering  the picture stopped; getting it back
 * offline     the camera is not connected; starts again by itself when it is
 * nopicture   the camera is connected but its source is not; tried again by itself
 * private     the owner switched the camera off for now; starts again by itself when it is on
 * busy        the camera has all the viewers it can serve; tried again by itself
 * refused     trying again by itself is pointless or dangerous
 * failed      several attempts came to nothing; tried again slowly
 * signedout   the login has ended
 */
const ENDS = { absent: 'offline', blind: 'nopicture', hide: 'private', full: 'busy', refuse: 'refused', fail: 'failed', stop: 'idle' };

const TABLE = {
  idle: { start: 'connecting', absent: 'offline', blind: 'nopicture', hide: 'private' },
  connecting: { ...ENDS, frame: 'live', wait: 'waiting' },
  live: { ...ENDS, lose: 'recovering', wait: 'waiting' },
  waiting: { ...ENDS, frame: 'live', lose: 'recovering' },
  recovering: { ...ENDS, frame: 'live', wait: 'waiting' },
  offline: { start: 'connecting', blind: 'nopicture', hide: 'private', refuse: 'refused', stop: 'idle' },
  nopicture: { start: 'connecting', absent: 'offline', hide: 'private', refuse: 'refused', stop: 'idle' },
  private: { start: 'connecting', absent: 'offline', blind: 'nopicture', refuse: 'refused', stop: 'idle' },
  busy: { start: 'connecting', absent: 'offline', hide: 'private', refuse: 'refused', stop: 'idle' },
  refused: { start: 'connecting', stop: 'idle' },
  failed: { start: 'connecting', absent: 'offline', hide: 'private', refuse: 'refused', stop: 'idle' },
  signedout: {},
};

/** All states. */
export const states = Object.keys(TABLE);

/**
 * The state after an event, or undefined if the event means nothing in this state.
 * @param {string} state
 * @param {string} event
 */
export function next(state, event) {
  if (event === 'signout' && state !== 'signedout') return 'signedout'; // from everywhere
  return TABLE[state]?.[event];
}
