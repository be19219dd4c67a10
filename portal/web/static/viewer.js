// One view of one camera: from the click to the picture, and back to the picture after whatever
// interrupted it, without a reload. The states are in machine.js.
//
// Measured in DevTools (Performance, Timings): "seccam:click" when a view begins and
// "seccam:first-frame" when the first frame of each session is shown.
import { next } from './machine.js';
import { Mismatch, Peer } from './peer.js';
import { Progress } from './progress.js';
import { ofBye, ofError } from './refusals.js';
import { Timers } from './timers.js';

const ANSWER_MS = 3_000; // an offer without an answer by then was lost
const FRAME_MS = 12_000; // from the answer to the first frame; a sleeping source needs some of it
const GRACE_MS = 1_500; // a short interruption ends by itself
const RESTART_MS = 5_000; // an ICE restart without success by then needs a new session
const STALL_MS = 3_000; // a picture that stands still for so long is lost
const STALL_ABSENT_MS = 1_500; // the same when the portal says that there is a reason
const FIRST_RETRY_MS = 300;
const ATTEMPTS = 5; // in a row, before it is called failed
const FAILED_RETRY_MS = 30_000;

/** Adds jitter, so that the viewers of one camera do not all return at once. */
const jitter = (ms) => ms * (0.75 + Math.random() / 2);

/** Events: "change" (state, step or text), "sample" (detail: a Sample), "presence", "trust". */
export class Viewer extends EventTarget {
  state = 'idle';
  /** Where a connecting or recovering view is: portal, camera, path, picture, wait, restart, again. */
  step = '';
  /** Why it is in this state, in words. */
  text = '';
  presence;
  /** Whether the pinned fingerprint is the portal's, and not just the first one this page saw. */
  pinned;
  #signal;
  #camera;
  #video;
  #wanted = false;
  #fingerprint;
  #peer = null;
  #spare = null;
  #onWelcome = null;
  #attempts = 0;
  #timers = new Timers();
  #progress;

  /**
   * @param {{signal: import('./signal.js').Signal, camera: string, video: HTMLVideoElement,
   *   fingerprint: string, presence: {online: boolean, state: string, text: string}}} options
   */
  constructor({ signal, camera, video, fingerprint, presence }) {
    super();
    Object.assign(this, { presence, pinned: fingerprint !== '' });
    this.#signal = signal;
    this.#camera = camera;
    this.#video = video;
    this.#fingerprint = fingerprint;
    signal.addEventListener('welcome', () => this.#welcome());
    signal.addEventListener('signedout', () => this.#end('signout', ''));
    signal.addEventListener('status', ({ detail }) => detail.camera === camera && this.#status(detail.presence));
    signal.addEventListener('message', ({ detail }) => this.#receive(detail));
    signal.addEventListener('network', () => this.#networkChanged());
    this.#progress = new Progress(video, {
      frame: () => this.#frame(),
      sample: (detail) => this.dispatchEvent(new CustomEvent('sample', { detail })),
      still: (ms) => this.#still(ms),
    });
  }

  get session() {
    return this.#peer?.session ?? '';
  }

  get connection() {
    return this.#peer?.pc.connectionState ?? 'closed';
  }

  /** Whether a picture is wanted, shown or not. */
  get wanted() {
    return this.#wanted;
  }

  /** Begins a view, at once. */
  start() {
    if (!next(this.state, 'start')) return;
    performance.mark('seccam:click');
    this.#wanted = true;
    this.#attempts = 0;
    this.#to('start');
    this.#begin();
  }

  /** Begins a view if the camera can be seen, else waits until it can. */
  autostart() {
    this.#wanted = true;
    if (this.presence.state === 'online') this.start();
    else this.#absent();
  }

  /** Ends the view. */
  stop(reason = 'left') {
    this.#wanted = false;
    this.#closePeer(reason);
    this.#video.srcObject = null;
    this.#end('stop', '');
    this.#warm();
  }

  // ---- states ----

  #to(event, { step = '', text = '' } = {}) {
    const state = next(this.state, event);
    if (!state) return false;
    Object.assign(this, { state, step, text });
    this.dispatchEvent(new Event('change'));
    return true;
  }

  #setStep(step, text = '') {
    Object.assign(this, { step, text });
    this.dispatchEvent(new Event('change'));
  }

  /** Leaves a view for a state without a picture; retry is in seconds, 0 for never. */
  #end(event, text, retry = 0) {
    if (!next(this.state, event)) return;
    this.#timers.clearAll();
    this.#onWelcome = null;
    this.#closePeer('failed');
    this.#to(event, { text });
    if (event !== 'signout') this.#warm();
    if (retry > 0) this.#timers.set('retry', jitter(retry * 1000), () => this.#retry());
  }

  /** Tries again by itself; while the camera is offline that waits for its return. */
  #retry() {
    if (this.#wanted && this.presence.online && this.#to('start')) this.#begin();
  }

  // ---- sessions ----

  /** Has a connection and its offer ready for the next click. */
  #warm() {
    this.#spare ??= new Peer(this.#signal.iceServers, {
      candidate: (peer, candidate) => peer === this.#peer && this.#send({ type: 'candidate', session: peer.session, candidate }),
      state: (peer) => peer === this.#peer && this.#connectionChanged(),
    });
    return this.#spare;
  }

  #send(message) {
    return this.#signal.send({ camera: this.#camera, ...message });
  }

  /** Begins a new session, or does when the portal is reached. */
  #begin() {
    this.#timers.clearAll();
    this.#closePeer('failed');
    if (!this.#signal.ready) {
      this.#onWelcome = () => this.#begin();
      return this.#setStep('portal');
    }
    const peer = this.#warm();
    const session = this.#signal.nextSession();
    this.#spare = null;
    this.#peer = peer;
    this.#progress.follow(peer);
    peer.open(session, (sdp) => this.#send({ type: 'offer', session, sdp })).catch(() => peer === this.#peer && this.#again());
    if (this.state !== 'recovering') this.#show(peer); // else the last picture stays until the answer
    this.#timers.set('answer', ANSWER_MS, () => this.#unanswered());
    this.#setStep('camera');
  }

  #show(peer) {
    if (this.#video.srcObject !== peer.stream) this.#video.srcObject = peer.stream;
    this.#video.play().catch(() => {}); // autoplay does it too, and a browser may refuse
  }

  #closePeer(reason) {
    const peer = this.#peer;
    this.#peer = null;
    this.#progress.follow(null);
    if (!peer) return;
    if (peer.session) this.#send({ type: 'bye', session: peer.session, reason });
    peer.close();
  }

  /** Gives a session up and begins another one, later each time. */
  #again(text = '', seconds = 0) {
    if (!this.#wanted) return;
    if (this.presence.state !== 'online') return this.#absent();
    this.#attempts += 1;
    if (this.#attempts > ATTEMPTS) {
      return this.#end('fail', text || 'No connection to the camera came about.', FAILED_RETRY_MS / 1000);
    }
    this.#to('lose');
    this.#timers.clearAll();
    this.#onWelcome = null;
    this.#closePeer('failed');
    const backoff = this.#attempts === 1 ? 0 : FIRST_RETRY_MS * 2 ** (this.#attempts - 1);
    this.#setStep('again', text);
    this.#timers.set('again', jitter(Math.max(backoff, seconds * 1000)), () => this.#begin());
  }

  /** The picture cannot come, by what the portal knows of the camera. */
  #absent() {
    if (this.presence.online) this.#end('blind', this.presence.text, 5);
    else this.#end('absent', this.presence.text);
  }

  #unanswered() {
    this.#signal.reconnect(); // a socket may look open and be dead
    this.#again('The camera did not answer.');
  }

  // ---- recovery ----

  #connectionChanged() {
    switch (this.connection) {
      case 'connected':
        this.#timers.clear('grace', 'restart');
        if (this.state === 'recovering') this.#timers.set('frame', RESTART_MS, () => this.#again('The camera sent no picture.'));
        if (this.state !== 'live') this.#setStep('picture');
        break;
      case 'disconnected':
        this.#to('lose', { step: 'wait' });
        this.#timers.set('grace', GRACE_MS, () => this.#restart());
        break;
      case 'failed':
        this.#again('The connection to the camera was lost.');
    }
  }

  /** Looks for a new path in the same session (RFC 8445 section 9). */
  #restart() {
    const peer = this.#peer;
    if (!peer) return;
    if (!this.#signal.ready) {
      this.#onWelcome = () => this.#restart();
      return this.#setStep('portal');
    }
    if (!this.#signal.owns(peer.session)) return this.#again();
    if (this.state === 'recovering') this.#setStep('restart');
    this.#timers.set('restart', RESTART_MS, () => this.#restartFailed());
    peer.restart(this.#signal.iceServers, (sdp) => this.#send({ type: 'offer', session: peer.session, sdp }))
      .catch(() => peer === this.#peer && this.#again());
  }

  #restartFailed() {
    const lost = this.connection !== 'connected';
    if (!this.#peer?.answered) this.#signal.reconnect();
    if (lost) this.#again('The connection to the camera was lost.');
  }

  /** Another network may have come: asks for a new path before the old one is found dead. */
  #networkChanged() {
    if (this.#peer?.answered) this.#onWelcome = () => this.#restart();
  }

  #welcome() {
    const run = this.#onWelcome;
    this.#onWelcome = null;
    if (this.#spare) this.#spare.setIceServers(this.#signal.iceServers);
    else if (!this.#peer) this.#warm();
    run?.();
  }

  // ---- messages ----

  #status(presence) {
    this.presence = presence;
    this.dispatchEvent(new Event('presence'));
    if (presence.fingerprint) this.#pin(presence.fingerprint);
    if (!this.#wanted) return;
    const waiting = ['offline', 'nopicture', 'failed'].includes(this.state);
    if (presence.state === 'online') {
      if (waiting) this.#retry();
    } else if (['connecting', 'recovering'].includes(this.state) || waiting) {
      this.#absent();
      if (waiting) this.#setStep('', presence.text);
    }
    // A live picture needs no portal: it goes on until its frames stop.
  }

  /** Takes over the portal's pinned fingerprint; a connection to another certificate ends. */
  #pin(fingerprint) {
    const before = this.#fingerprint;
    this.#fingerprint = fingerprint;
    this.pinned = true;
    this.dispatchEvent(new Event('trust'));
    if (before && before.toUpperCase() !== fingerprint.toUpperCase() && this.#peer?.answered) {
      this.#end('refuse', 'The certificate of this connection is not the one that belongs to your camera.');
    }
  }

  #receive(message) {
    const peer = this.#peer;
    if (message.type === 'error' && (!message.session || message.session === peer?.session)) {
      return this.#refused(ofError(message.error), message.session);
    }
    if (!peer || message.session !== peer.session) return;
    if (message.type === 'answer') this.#answer(peer, message.sdp);
    if (message.type === 'candidate') peer.addCandidate(message.candidate);
    if (message.type === 'bye') this.#refused(ofBye(message.reason), message.session);
  }

  #refused({ event, text, retry }, session) {
    if (!this.#wanted || (!session && this.state === 'live')) return;
    if (event === 'again') return this.#again(text, retry);
    this.#end(event, text, retry);
  }

  async #answer(peer, sdp) {
    this.#timers.clear('answer');
    try {
      const fingerprint = await peer.accept(sdp, this.#fingerprint);
      if (!fingerprint) return;
      this.#fingerprint = fingerprint;
    } catch (error) {
      if (peer !== this.#peer) return;
      if (error instanceof Mismatch) return this.#mismatch(error.message);
      return this.#again("The camera's answer could not be used.");
    }
    if (peer !== this.#peer) return;
    this.#show(peer);
    this.dispatchEvent(new Event('trust'));
    if (peer.seen) return; // an ICE restart; its own timer runs
    if (!peer.connected) this.#setStep('path');
    this.#timers.set('frame', FRAME_MS, () => this.#again(peer.connected ? 'The camera sent no picture.' : 'No way to the camera was found.'));
  }

  #mismatch(reason) {
    this.#end('refuse', `${reason} Somebody may be trying to put themselves between you and the camera, so nothing was connected. ` +
      'If the camera was reset or replaced, release it and claim it again.');
  }

  // ---- progress ----

  /** A frame of the current session was shown, or decoded in a hidden tab. */
  #frame() {
    const peer = this.#peer;
    if (!peer.seen) {
      peer.seen = true;
      performance.mark('seccam:first-frame');
    } else if (!peer.connected) {
      return; // a last one from the buffer
    }
    if (this.state === 'live' || !this.#to('frame')) return;
    this.#timers.clear('frame', 'grace', 'restart');
    this.#attempts = 0;
  }

  #still(ms) {
    const longest = this.presence.state === 'online' ? STALL_MS : STALL_ABSENT_MS;
    if (this.state === 'live' && ms > longest) this.#again('The picture stood still.');
  }
}
