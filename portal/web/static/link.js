// The sessions of this page with one camera, one after the other: their offers and answers over the
// portal, the way back after an interruption, and whether the camera at the other end is the right
// one. What follows from all that for the view is up to viewer.js.
import { rememberFingerprint, seenFingerprint } from './known.js';
import { Mismatch, Peer } from './peer.js';
import { Stages } from './stages.js';
import { Timers } from './timers.js';

const ANSWER_MS = 3_000; // an offer without an answer by then was lost
const GRACE_MS = 500; // a short interruption ends by itself
const RESTART_MS = 5_000; // an ICE restart without success by then needs a new session
const TRICKLE_MS = 3_000; // for the candidates that are still to come when those that came have failed
const UNHEARD_MS = 800; // an offer of a restart without an answer by then was sent into a dead socket

const LOST = 'The connection to the camera was lost.';
const CHANGED = 'The certificate of this connection is not the one that belongs to your camera.';
const IN_BETWEEN = 'Somebody may be putting themselves in between, or the camera was reset or replaced. Nothing was connected.';
const REPINNED = 'The portal names another certificate for this camera than the one that this browser has seen. ' +
  'If nobody replaced the camera, somebody else may control the portal. Nothing was connected.';

/**
 * What a link tells, always of the session in use.
 * @typedef {object} Listener
 * @property {(step: string) => void} step what it is at: portal, camera, restart
 * @property {() => void} opened an offer of a new session is on its way
 * @property {() => void} answered the answer was accepted
 * @property {() => void} connected
 * @property {() => void} interrupted no packets arrive; it looks for another way by itself
 * @property {(why: string) => void} lost only a new session helps
 * @property {(why: string) => void} refused the certificate is not the camera's, or may not be
 * @property {() => void} pinned the portal says which certificate is the camera's
 * @property {(message: {type: string}) => void} control the camera said something on the control channel
 * @property {() => void} mute the control channel ended, and the connection did not
 */

export class Link {
  /** The session in use, or null. @type {Peer|null} */
  peer = null;
  /** What the ends of the latest session have offered, or null. @type {Peer['found']|null} */
  found = null;
  /** Whether the pinned fingerprint is the portal's, and not just the first one this page saw. */
  pinned;
  #signal;
  #camera;
  #fingerprint;
  #seen; // by this browser
  #certificates;
  #on;
  #spare = null;
  #onWelcome = null;
  #stages = null; // of the session in use
  #timers = new Timers();

  /**
   * @param {{signal: import('./signal.js').Signal, camera: string, fingerprint: string, certificates?: RTCCertificate[]}} options
   * @param {Listener} on
   */
  constructor({ signal, camera, fingerprint, certificates = [] }, on) {
    this.#signal = signal;
    this.#camera = camera;
    this.#certificates = certificates;
    this.#seen = seenFingerprint(camera);
    this.#fingerprint = fingerprint || this.#seen;
    this.pinned = fingerprint !== '';
    this.#on = on;
    signal.addEventListener('welcome', () => this.#welcome());
    signal.addEventListener('network', () => this.#networkChanged());
  }

  /** Has a connection and its offer ready for the next click. */
  warm() {
    const current = (peer) => peer === this.peer;
    this.#spare ??= new Peer(this.#configuration, {
      candidate: (peer, candidate) => current(peer) && this.#send({ type: 'candidate', session: peer.session, candidate }),
      state: (peer) => current(peer) && this.#stateChanged(),
      control: (peer, message) => current(peer) && this.#on.control(message),
      mute: (peer) => current(peer) && this.#on.mute(),
    });
    return this.#spare;
  }

  /** Begins a new session, or does when the portal is reached. */
  open() {
    this.close('failed');
    this.#stages = new Stages();
    if (this.#repinned) return this.#on.refused(REPINNED);
    if (this.#signal.ready) return this.#open();
    this.#onWelcome = () => this.#open();
    this.#on.step('portal');
  }

  #open() {
    const peer = this.warm();
    this.#spare = null;
    this.peer = peer;
    this.found = peer.found;
    peer.open(this.#signal.nextSession(), (sdp) => this.#offer(peer, sdp)).catch(() => this.#gaveUp(peer));
    this.#timers.set('answer', ANSWER_MS, () => this.#unanswered());
    this.#on.opened();
    this.#on.step('camera');
  }

  /** Ends the session, or the attempt to begin one. */
  close(reason) {
    const { peer } = this;
    this.peer = null;
    this.#onWelcome = null;
    this.#timers.clearAll();
    if (!peer) return;
    this.#send({ type: 'bye', session: peer.session, reason });
    peer.close();
  }

  /** The first frame of the session was shown. */
  seen() {
    this.#stages.over('frame');
    const { times } = this.#stages;
    if (this.#signal.measure && times) this.#send({ type: 'stages', session: this.peer.session, stages: times });
  }

  /** Takes the answer to the last offer. */
  async answer(sdp) {
    const { peer } = this;
    this.#timers.clear('answer', 'unheard');
    try {
      const fingerprint = await peer.accept(sdp, this.#fingerprint);
      if (!fingerprint || peer !== this.peer) return; // it came twice, or too late
      this.#fingerprint = fingerprint;
      this.#stages.over('answer');
      this.#on.answered();
    } catch (error) {
      if (peer !== this.peer) return;
      if (error instanceof Mismatch) this.#on.refused(`${error.message} ${IN_BETWEEN}`);
      else this.#on.lost("The camera's answer could not be used.");
    }
  }

  /** Takes over the portal's pinned fingerprint; a connection to another certificate is refused. */
  pin(fingerprint) {
    const before = this.#fingerprint;
    this.#fingerprint = fingerprint;
    this.pinned = true;
    this.#on.pinned();
    if (this.#repinned && this.peer) return this.#on.refused(REPINNED);
    if (before && before.toUpperCase() !== fingerprint.toUpperCase() && this.peer?.answered) this.#on.refused(CHANGED);
  }

  /** Browsers refuse another configuration that leaves the certificates out. */
  get #configuration() {
    return this.#certificates.length > 0 ? { ...this.#signal.ice, certificates: this.#certificates } : this.#signal.ice;
  }

  get #repinned() {
    return this.#seen !== '' && this.#fingerprint.toUpperCase() !== this.#seen;
  }

  #offer(peer, sdp) {
    this.#send({ type: 'offer', session: peer.session, sdp });
    this.#stages.over('offer');
  }

  #send(message) {
    this.#signal.send({ camera: this.#camera, ...message });
  }

  #unanswered() {
    this.#signal.reconnect(); // a socket may look open and be dead
    this.#on.lost('The camera did not answer.');
  }

  /** Keeps the certificate of a connection that stands: DTLS has proved it (RFC 8122, 6.2). */
  #remember() {
    if (this.#seen) return;
    this.#seen = this.#fingerprint.toUpperCase();
    rememberFingerprint(this.#camera, this.#seen);
  }

  #gaveUp(peer) {
    if (peer === this.peer) this.#on.lost('');
  }

  // ---- recovery ----

  #stateChanged() {
    switch (this.peer.pc.connectionState) {
      case 'connecting':
        return this.#timers.clear('failed');
      case 'connected':
        this.#timers.clear('grace', 'restart', 'failed');
        this.#remember();
        this.#stages.over('connected');
        return this.#on.connected();
      case 'disconnected':
        this.#timers.set('grace', GRACE_MS, () => this.restart());
        return this.#on.interrupted();
      case 'failed': // also said where the first candidates are useless, and others still come
        if (this.peer.exhausted) return this.#on.lost(LOST);
        return this.#timers.set('failed', TRICKLE_MS, () => this.#on.lost(LOST));
    }
  }

  /**
   * Looks for a new path in the same session (RFC 8445 section 9), unless that is under way already.
   * What packets still come over the old one are not lost.
   */
  restart() {
    if (!this.#timers.has('restart')) this.#restart();
  }

  /** The picture is back, however. */
  settled() {
    this.#timers.clear('restart');
  }

  #restart() {
    const { peer } = this;
    if (!peer?.answered) return;
    if (!this.#signal.ready) {
      this.#onWelcome = () => this.restart();
      return this.#on.step('portal');
    }
    if (!this.#signal.owns(peer.session)) return this.#on.lost('');
    this.#on.step('restart');
    this.#timers.clear('grace');
    this.#timers.set('restart', RESTART_MS, () => this.#restartFailed());
    this.#timers.set('unheard', UNHEARD_MS, () => this.#unheard(peer));
    peer.restart(this.#configuration, (sdp) => this.#offer(peer, sdp)).catch(() => this.#gaveUp(peer));
  }

  /** The camera asks for a restart: its network is another one, and an offer to its old one was lost. */
  asked() {
    if (this.peer?.answered) this.#restart();
    else this.#repeat();
  }

  /** Repeats the offer of a restart, with the candidates that were found meanwhile. */
  #repeat() {
    const { peer } = this;
    if (peer?.pc.signalingState !== 'have-local-offer' || !peer.pc.remoteDescription) return; // the first one is not repeated
    this.#timers.set('unheard', UNHEARD_MS, () => this.#unheard(peer));
    this.#offer(peer, peer.offered);
  }

  /** Repeats it over a new socket: the one that there is may look open and be dead. */
  #unheard(peer) {
    if (peer === this.peer && !peer.answered) this.#signal.reconnect();
  }

  #restartFailed() {
    if (!this.peer.answered) this.#signal.reconnect();
    if (!this.peer.connected) this.#on.lost(LOST);
  }

  /** Another network may have come: asks for a new path before the old one is found dead. */
  #networkChanged() {
    if (this.peer?.answered) this.#onWelcome = () => this.restart();
  }

  /** Takes over renewed ICE servers, and does what waited for the portal. */
  #welcome() {
    const run = this.#onWelcome;
    this.#onWelcome = null;
    if (this.#spare) this.#spare.configure(this.#configuration);
    else if (!this.peer) this.warm();
    if (run) run();
    else if (this.peer?.answered === false) this.#repeat(); // the socket before may have been dead
    else if (this.peer?.relayed) this.restart(); // a relay ends with the credential it was made with
  }
}
