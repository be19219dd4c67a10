// The signalling WebSocket: kept open for ever, and told apart from the video, which needs it only
// to begin and to recover.

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 10_000;
/** A socket that has not said welcome by then is given up. */
const WELCOME_MS = 8_000;
/** A clock that jumps by so much while the page can be seen was asleep, as after a laptop's lid was closed. */
const ASLEEP_MS = 15_000;
const AWAKE_MS = 2_000;
/** The close codes by which the portal says that the login, or a guest's link, has ended. */
const CLOSE_LOGGED_OUT = 4401;
const CLOSE_REVOKED = 4403;
/** The close code by which a page says that it will not come back: what it has open ends with it. */
const CLOSE_LEFT = 1000;

/**
 * Events: "welcome" (connected; also when ICE servers are renewed), "down", "signedout", "network"
 * (another network may have come; a new socket is on its way), "status" (detail: the message) and
 * "message" (detail: an answer, candidate, bye or error).
 */
export class Signal extends EventTarget {
  /** The ICE servers of the last welcome, and which paths views may take. */
  ice = { iceServers: [], iceTransportPolicy: 'all' };
  /** Whether the portal wants to hear how long the stages of views take. */
  measure = false;
  /** Whose sessions this page may use; kept over reconnects, so that a session outlives a socket. */
  viewer = '';
  #socket = null;
  #welcomed = false;
  #wanted = false;
  #attempts = 0;
  #retry = 0;
  #patience = 0;
  #sessions = 0;

  /** @param {boolean} guest whether the page is watched by a guest link, without a login */
  constructor(guest = false) {
    super();
    this.path = guest ? '/api/v1/signal?as=guest' : '/api/v1/signal';
    this.account = guest ? '/api/v1/guest' : '/api/v1/account';
    addEventListener('online', () => this.#networkChanged());
    let type = navigator.connection?.type; // its change event also fires for mere estimates
    navigator.connection?.addEventListener?.('change', () => {
      if (type !== navigator.connection.type) this.#networkChanged();
      type = navigator.connection.type;
    });
    let awake = Date.now();
    setInterval(() => {
      const slept = Date.now() - awake > ASLEEP_MS && !document.hidden; // hidden pages' timers are slow
      awake = Date.now();
      if (slept) this.#networkChanged();
    }, AWAKE_MS);
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden && !this.ready) this.reconnect();
    });
  }

  /** Whether messages can be sent now. */
  get ready() {
    return this.#welcomed && this.#socket?.readyState === WebSocket.OPEN;
  }

  /** A new session's id: "<viewer>-<n>". */
  nextSession() {
    this.#sessions += 1;
    return `${this.viewer}-${this.#sessions}`;
  }

  /** Whether a session may still be used: the portal may have given this page a new viewer id. */
  owns(session) {
    return this.viewer !== '' && session.startsWith(`${this.viewer}-`);
  }

  start() {
    this.#wanted = true;
    if (!this.#socket) this.#open();
  }

  stop() {
    this.#wanted = false;
    this.#drop(CLOSE_LEFT);
  }

  /** Opens a new socket at once, whatever state the old one seems to be in. */
  reconnect() {
    if (!this.#wanted) return;
    this.#drop();
    this.#open();
  }

  /** Sends a message if that is possible now, and reports whether it was. */
  send(message) {
    if (!this.ready) return false;
    this.#socket.send(JSON.stringify({ v: 1, ...message }));
    return true;
  }

  #networkChanged() {
    if (!this.#wanted) return;
    this.reconnect(); // what looks open may be dead
    this.#emit('network');
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #open() {
    clearTimeout(this.#retry);
    const address = new URL(this.path, location.href);
    if (this.viewer) address.searchParams.set('viewer', this.viewer);
    address.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#closed(event.code);
    this.#patience = setTimeout(() => {
      this.#drop();
      this.#closed(0);
    }, WELCOME_MS);
  }

  /** Forgets the socket; its late events mean nothing any more. */
  #drop(code) {
    clearTimeout(this.#retry);
    clearTimeout(this.#patience);
    const socket = this.#socket;
    this.#socket = null;
    this.#welcomed = false;
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close(code);
    }
  }

  #closed(code) {
    const refused = !this.#welcomed;
    this.#drop();
    if (!this.#wanted) return;
    if (code === CLOSE_LOGGED_OUT || code === CLOSE_REVOKED) return this.#signedOut();
    this.#emit('down');
    if (refused) this.#askLogin();
    const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#retry = setTimeout(() => this.#open(), longest * (0.5 + Math.random() / 2));
  }

  /** A refused upgrade shows a page no status, so another request asks whether the login holds. */
  async #askLogin() {
    try {
      const response = await fetch(this.account);
      if (response.status === 401 || response.status === 410) this.#signedOut();
    } catch {
      // No network: the next attempt will tell.
    }
  }

  #signedOut() {
    this.stop();
    this.#emit('signedout');
  }

  #receive(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message.v !== 1) return;
    if (message.type === 'welcome') return this.#welcome(message);
    this.#emit(message.type === 'status' ? 'status' : 'message', message);
  }

  #welcome(message) {
    clearTimeout(this.#patience);
    this.#attempts = 0;
    this.#welcomed = true;
    this.viewer = message.viewer;
    this.measure = message.measure === true;
    this.ice = { iceServers: message.ice_servers ?? [], iceTransportPolicy: message.ice_policy === 'relay' ? 'relay' : 'all' };
    this.#emit('welcome');
  }
}
