// Finds out which link between this browser, the portal, the relays and the camera is broken. Each check
// stands for itself; verdict() puts them together into words.

const GATHER_MS = 6_000; // a relay over TLS needs some round trips
const PORTAL_MS = 4_000;

/**
 * @typedef {object} Check
 * @property {string} id portal, camera, stun, relay-udp, relay-tcp, relay-tls, here, there
 * @property {string} title
 * @property {'running'|'good'|'bad'|'unknown'} state
 * @property {string} text
 */

/** How a TURN URL is reached: udp, tcp or tls (RFC 7065). */
export function transportOf(url) {
  if (url.startsWith('turns:')) return 'tls';
  return /[?&]transport=tcp$/i.test(url) ? 'tcp' : 'udp';
}

/** The servers of one kind: stun, or a relay's transport; with one URL each. */
export function serversOf(iceServers, kind) {
  const all = iceServers.flatMap(({ urls, ...rest }) => [urls].flat().map((url) => ({ ...rest, urls: url })));
  return all.filter(({ urls }) => (kind === 'stun' ? /^stuns?:/.test(urls) : /^turns?:/.test(urls) && transportOf(urls) === kind));
}

const ERRORS = {
  300: 'was told to try another server',
  401: 'refused this page’s credential; reload the page for a new one',
  403: 'forbade it',
  438: 'refused this page’s credential; reload the page for a new one',
  486: 'has no room left for you; close other views and try again',
  508: 'has no room left; try again later',
  701: 'did not answer',
};

/**
 * Gathers candidates from some servers alone.
 * @param {RTCIceServer[]} iceServers
 * @param {'srflx'|'relay'} wanted
 * @returns {Promise<string>} '' if there was one, else why not
 */
async function gather(iceServers, wanted) {
  const pc = new RTCPeerConnection({ iceServers, iceTransportPolicy: wanted === 'relay' ? 'relay' : 'all' });
  pc.createDataChannel('check');
  let why = ERRORS[701];
  const found = new Promise((resolve) => {
    setTimeout(() => resolve(false), GATHER_MS);
    pc.onicecandidate = ({ candidate }) => {
      if (candidate?.type === wanted) resolve(true);
      else if (!candidate) resolve(false);
    };
    pc.onicecandidateerror = ({ errorCode, errorText }) => {
      why = ERRORS[errorCode] ?? `answered with error ${errorCode}${errorText ? ` (${errorText.slice(0, 80)})` : ''}`;
    };
  });
  await pc.setLocalDescription();
  const ok = await found;
  pc.close();
  return ok ? '' : why;
}

const KINDS = { host: 'its own address', srflx: 'an address behind a router', prflx: 'an address behind a router', relay: 'a relay' };

/** What one end of the last view had to offer. @param {Set<string>} found types of candidates */
function describe(found) {
  if (found.size === 0) return '';
  const kinds = [...new Set([...found].map((type) => KINDS[type] ?? type))];
  return `${kinds.join(', ')}.`;
}

const RELAYS = { udp: 'Relay over UDP', tcp: 'Relay over TCP', tls: 'Relay over TLS' };

function checkPortal(signal) {
  if (signal.ready) return { state: 'good', text: 'Reached.' };
  return new Promise((resolve) => {
    const stop = setTimeout(() => resolve({ state: 'bad', text: 'Not reached.' }), PORTAL_MS);
    signal.addEventListener('welcome', () => {
      clearTimeout(stop);
      resolve({ state: 'good', text: 'Reached.' });
    }, { once: true });
    signal.reconnect();
  });
}

function checkCamera({ presence }) {
  const good = presence.state === 'online';
  return { state: good ? 'good' : 'bad', text: `${presence.text}.` };
}

async function checkStun(ice) {
  const servers = serversOf(ice.iceServers, 'stun');
  if (servers.length === 0) return { state: 'unknown', text: 'None is set up at the portal.' };
  if (ice.iceTransportPolicy === 'relay') return { state: 'unknown', text: 'Not needed: the portal has all views relayed.' };
  const why = await gather(servers, 'srflx');
  if (why === '') return { state: 'good', text: 'Answered.' };
  return { state: 'unknown', text: 'No address behind a router was found. That is normal without a router in between.' };
}

async function checkRelay(ice, transport) {
  const servers = serversOf(ice.iceServers, transport);
  if (servers.length === 0) return { state: 'unknown', text: 'None is set up at the portal.' };
  const why = await gather(servers, 'relay');
  return why === '' ? { state: 'good', text: 'Works.' } : { state: 'bad', text: `It ${why}.` };
}

function checkEnd(found, who) {
  if (!found) return { state: 'unknown', text: 'Not known before the first try.' };
  const text = describe(found);
  return text ? { state: 'good', text: `Offered ${text}` } : { state: 'bad', text: `${who} has offered no address.` };
}

/**
 * Runs every check, and tells of each as it goes.
 * @param {import('./signal.js').Signal} signal
 * @param {import('./viewer.js').Viewer} viewer
 * @param {(check: Check) => void} tell
 * @returns {Promise<Map<string, Check>>}
 */
export async function runChecks(signal, viewer, tell) {
  const results = new Map();
  const run = async (id, title, check) => {
    const told = (result) => {
      results.set(id, { id, title, ...result });
      tell(results.get(id));
    };
    told({ state: 'running', text: 'Looking…' });
    told(await check());
  };
  await run('portal', 'This page and the portal', () => checkPortal(signal));
  await run('camera', 'The portal and the camera', () => checkCamera(viewer));
  await Promise.all([
    run('stun', 'STUN', () => checkStun(signal.ice)),
    ...Object.entries(RELAYS).map(([transport, title]) => run(`relay-${transport}`, title, () => checkRelay(signal.ice, transport))),
    run('here', 'This browser', () => checkEnd(viewer.found?.here, 'This browser')),
    run('there', 'The camera', () => checkEnd(viewer.found?.there, 'The camera')),
  ]);
  return results;
}

/**
 * What the checks mean, and what to do.
 * @param {(id: string) => string} state of a check
 * @param {{live: boolean, path: string, camera: string, there: Set<string>|undefined}} view camera is its presence
 */
export function verdict(state, { live, path, camera, there }) {
  if (state('portal') === 'bad') {
    return 'This browser does not reach the portal. Check your network; if other pages work, the portal is down or blocked here.';
  }
  if (camera !== 'online') {
    return camera === 'no_picture' || camera === 'private'
      ? 'The camera is connected, but has no picture to send.'
      : 'The camera is not connected to the portal. Check its power and its network: nothing is wrong at your end.';
  }
  if (live) return path === 'relayed' ? 'Everything works. The picture goes through a relay, since the two networks let nothing through directly.' : 'Everything works.';
  const relays = ['relay-udp', 'relay-tcp', 'relay-tls'].map(state);
  if (!relays.includes('good')) {
    return relays.includes('bad')
      ? 'This network lets no relay through, and there was no direct way. Try another network, or ask whoever runs the portal for a relay over TLS on port 443.'
      : 'The two networks let nothing through directly, and the portal has no relay. Whoever runs it can set “turn” in portal.yml.';
  }
  if (there && there.size === 0) return 'The camera has not answered. Try again; if that does not help, restart it.';
  if (there && !there.has('relay')) {
    return 'The relay works from here, but the camera did not get one. Its network may block it: allow it UDP, or TLS on port 443, to the portal.';
  }
  return 'Both ends reach a relay, so a connection should be possible. Press “Try again”; if it fails once more, the portal’s log says why.';
}
