// The states of one view, and which event leads from which to which. What is not in the table does
// not happen: such an event changes nothing.

/**
 * idle        nothing is wanted
 * connecting  on the way to the first picture
 * live        frames are arriving
 * recovering  the picture stopped; getting it back
 * offline     the camera is not connected; starts again by itself when it is
 * nopicture   the camera is connected but its source is not; tried again by itself
 * busy        the camera has all the viewers it can serve; tried again by itself
 * refused     trying again by itself is pointless or dangerous
 * failed      several attempts came to nothing; tried again slowly
 * signedout   the login has ended
 */
const TABLE = {
  idle: { start: 'connecting', absent: 'offline', blind: 'nopicture' },
  connecting: { frame: 'live', absent: 'offline', blind: 'nopicture', full: 'busy', refuse: 'refused', fail: 'failed', stop: 'idle' },
  live: { lose: 'recovering', absent: 'offline', blind: 'nopicture', full: 'busy', refuse: 'refused', fail: 'failed', stop: 'idle' },
  recovering: { frame: 'live', absent: 'offline', blind: 'nopicture', full: 'busy', refuse: 'refused', fail: 'failed', stop: 'idle' },
  offline: { start: 'connecting', blind: 'nopicture', refuse: 'refused', stop: 'idle' },
  nopicture: { start: 'connecting', absent: 'offline', refuse: 'refused', stop: 'idle' },
  busy: { start: 'connecting', absent: 'offline', refuse: 'refused', stop: 'idle' },
  refused: { start: 'connecting', stop: 'idle' },
  failed: { start: 'connecting', absent: 'offline', refuse: 'refused', stop: 'idle' },
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
