// One view of one camera: from the click to the picture, and back to the picture after whatever
// interrupted it, without a reload. The states are in machine.js, the connections in link.js.
//
// Measured in DevTools (Performance, Timings): "seccam:click" when a view begins and
// "seccam:first-frame" when the first frame of each session is shown.
import { Link } from './link.js';
import { next } from './machine.js';
import { Progress } from './progress.js';
import { HIDDEN, ofBye, ofError } from './refusals.js';
import { Timers } from './timers.js';

const FRAME_MS = 12_000; // from the answer to the first frame; a sleeping source needs some of it
const RETURN_MS = 5_000; // from an interruption's end to the next frame
const SILENT_MS = 1_200; // without a single packet for so long another path is looked for: a camera without pictures says how it fares each second
const STALL_MS = 3_000; // a picture that stands still for so long is lost
const STALL_ABSENT_MS = 1_500; // the same when the portal says that there is a reason
const LATE_MS = 300; // a frame may be received for so long after the camera, on another way, said that there are no more
const FIRST_RETRY_MS = 300;
const ATTEMPTS = 5; // in a row, before it is called failed
const FAILED_RETRY_MS = 30_000;

/** Adds jitter, so that the viewers of one camera do not all return at once. */
const jitter = (ms) => ms * (0.75 + Math.random() / 2);

/**
 * Events: "change" (state, step or text), "sample" (detail: a Sample), "presence", "trust",
 * "session" (another one, or none), "control" (detail: what the camera said on the control channel).
 */
export class Viewer extends EventTarget {
  state = 'idle';
  /** Where a connecting or recovering view is: portal, camera, path, picture, wait, restart, again. */
  step = '';
  /** Why it is in this state, in words. */
  text = '';
  presence;
  /** Whether it was refused since the camera at the other end may be another one. */
  doubted = false;
  /** Whether it was refused since this browser is not paired with the camera. */
  unpaired = false;
  /** "direct", "relayed" or "" while unknown. */
  path = '';
  #link;
  #video;
  #wanted = false;
  #attempts = 0;
  #timers = new Timers();
  #progress;

  /**
   * @param {{signal: import('./signal.js').Signal, camera: string, video: HTMLVideoElement,
   *   fingerprint: string, certificates?: RTCCertificate[], presence: {online: boolean, state: string, text: string}}} options
   *   certificates are those by which the camera knows this browser
   */
  constructor({ signal, camera, video, fingerprint, certificates, presence }) {
    super();
    this.presence = presence;
    this.#video = video;
    this.#link = new Link({ signal, camera, fingerprint, certificates }, {
      step: (step) => (step !== 'restart' || this.state === 'recovering') && this.#setStep(step),
      opened: () => this.#opened(),
      answered: () => this.#answered(),
      connected: () => this.#connected(),
      interrupted: () => this.#to('lose', { step: 'wait' }),
      lost: (why) => this.#again(why),
      refused: (why) => this.#doubted(why),
      pinned: () => this.#emit('trust'),
      control: (message) => this.#said(message),
      mute: () => this.#emit('session'),
    });
    signal.addEventListener('signedout', () => this.#end('signout', ''));
    signal.addEventListener('status', ({ detail }) => detail.camera === camera && this.#status(detail.presence));
    signal.addEventListener('message', ({ detail }) => this.#receive(detail));
    this.#progress = new Progress(video, {
      frame: (since) => this.#frame(since),
      sample: (sample) => this.#sampled(sample),
      still: (ms, silent) => this.#still(ms, silent),
    });
  }

  /** The session in use, for what goes on beside the picture, or null. */
  get peer() {
    return this.#link.peer;
  }

  get session() {
    return this.peer?.session ?? '';
  }

  /** The state of the RTCPeerConnection in use. */
  get connection() {
    return this.peer?.pc.connectionState ?? 'closed';
  }

  /** The types of candidates that the ends of the latest session have offered, or null. */
  get found() {
    return this.#link.found;
  }

  /** Whether the camera's certificate is pinned by the portal. */
  get pinned() {
    return this.#link.pinned;
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
    this.#close(reason);
    this.#video.srcObject = null;
    this.#end('stop', '');
    this.#link.warm();
  }

  #doubted(why) {
    this.doubted = true;
    this.#end('refuse', why);
  }

  #sampled(sample) {
    this.path = sample.path;
    if (this.peer) this.peer.relayed = sample.path === 'relayed';
    this.#emit('sample', sample);
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  // ---- states ----

  #to(event, { step = '', text = '' } = {}) {
    const state = next(this.state, event);
    if (!state) return false;
    Object.assign(this, { state, step, text });
    this.#emit('change');
    return true;
  }

  #setStep(step, text = '') {
    Object.assign(this, { step, text });
    this.#emit('change');
  }

  /** Leaves a view for a state without a picture; retry is in seconds, 0 for never. */
  #end(event, text, retry = 0) {
    if (!next(this.state, event)) return;
    this.#close('failed');
    this.#to(event, { text });
    if (event !== 'signout') this.#link.warm();
    if (retry > 0) this.#timers.set('retry', jitter(retry * 1000), () => this.#retry());
  }

  /** Tries again by itself; while the camera is offline or private that waits for its return. */
  #retry() {
    const { online, state } = this.presence;
    if (this.#wanted && online && state !== 'private' && this.#to('start')) this.#begin();
  }

  // ---- sessions ----

  #begin() {
    this.#close('failed');
    this.doubted = this.unpaired = false;
    this.#link.open();
  }

  #opened() {
    this.#progress.follow(this.peer);
    this.#emit('session');
    if (this.state !== 'recovering') this.#show(); // else the last picture stays until the answer
  }

  #answered() {
    const { peer } = this;
    this.#show();
    this.#emit('trust');
    if (peer.seen) return; // an ICE restart; the link watches over it
    if (!peer.connected) this.#setStep('path');
    this.#expectFrame(FRAME_MS);
  }

  #show() {
    const { stream } = this.peer;
    if (this.#video.srcObject !== stream) this.#video.srcObject = stream;
    this.#video.play().catch(() => {}); // autoplay does it too, and a browser may refuse
  }

  #close(reason) {
    this.#timers.clearAll();
    this.#progress.follow(null);
    this.#link.close(reason);
    this.#emit('session');
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
    this.#close('failed');
    const backoff = this.#attempts === 1 ? 0 : FIRST_RETRY_MS * 2 ** (this.#attempts - 1);
    this.#setStep('again', text);
    this.#timers.set('again', jitter(Math.max(backoff, seconds * 1000)), () => this.#begin());
  }

  /** The camera has just come back: what was sent before did not reach it. */
  #returned() {
    this.#attempts = 0;
    this.#timers.clear('again');
    this.#begin();
  }

  /** The picture cannot come, by what the portal knows of the camera. */
  #absent() {
    const { online, state, text } = this.presence;
    if (state === 'private') this.#end('hide', '');
    else if (online) this.#end('blind', text, 5);
    else this.#end('absent', text);
  }

  // ---- messages ----

  #status(presence) {
    const known = this.presence.since; // not before the first status
    const back = known !== undefined && presence.since > 0 && presence.since !== known;
    this.presence = presence;
    this.#emit('presence');
    if (presence.fingerprint) this.#link.pin(presence.fingerprint);
    if (!this.#wanted) return;
    const resting = ['offline', 'nopicture', 'private', 'failed'].includes(this.state);
    const reaching = ['connecting', 'recovering'].includes(this.state);
    if (presence.state === 'online') {
      if (resting) this.#retry();
      else if (back && reaching && !this.peer?.connected) this.#returned();
    } else if (resting || reaching || (this.state === 'waiting' && presence.state !== 'no_picture')) {
      this.#absent();
      if (resting) this.#setStep('', this.state === 'private' ? '' : presence.text);
    }
    // A live picture needs no portal: it goes on until its frames stop.
  }

  #receive(message) {
    const { peer } = this;
    if (message.type === 'error' && (!message.session || message.session === peer?.session)) {
      return this.#refused(ofError(message.error), message.session);
    }
    if (!peer || message.session !== peer.session) return;
    if (message.type === 'answer') this.#link.answer(message.sdp);
    if (message.type === 'candidate') peer.addCandidate(message.candidate);
    if (message.type === 'restart') this.#link.asked();
    if (message.type === 'bye') this.#refused(ofBye(message.reason), message.session);
  }

  #refused({ event, text, retry, unpaired = false }, session) {
    if (!this.#wanted || (!session && this.state === 'live')) return;
    this.unpaired = unpaired;
    if (event === 'again') return this.#again(text, retry);
    this.#end(event, text, retry);
  }

  // ---- progress ----

  #connected() {
    if (this.#wait()) return;
    if (this.state === 'recovering') this.#expectFrame(RETURN_MS);
    if (this.state !== 'live') this.#setStep('picture');
  }

  #expectFrame(ms) {
    this.#timers.set('frame', ms, () => {
      if (!this.#wait()) this.#again(this.peer.connected ? 'The camera sent no picture.' : 'No way to the camera was found.');
    });
  }

  /** A frame of the current session was shown, or decoded in a hidden tab. */
  #frame(since) {
    const { peer } = this;
    if (!peer.seen) {
      peer.seen = true;
      performance.mark('seccam:first-frame');
      this.#link.seen();
    } else if (!peer.connected) {
      return; // a last one from the buffer
    }
    if (this.state === 'waiting' && since - peer.control.dark?.since < LATE_MS) return;
    if (this.state === 'live' || !this.#to('frame')) return;
    this.#timers.clear('frame');
    this.#link.settled();
    this.#attempts = 0;
  }

  #still(ms, silent) {
    if (!['live', 'recovering'].includes(this.state) || ms < SILENT_MS) return;
    if (this.state === 'live' && this.#wait()) return;
    const longest = this.presence.state === 'online' ? STALL_MS : STALL_ABSENT_MS;
    if (this.state === 'live' && ms > longest) return this.#again('The picture stood still.');
    if (silent < SILENT_MS || this.presence.state !== 'online') return;
    this.#link.restart();
    if (this.#to('lose', { step: 'restart' })) this.#expectFrame(RETURN_MS);
  }

  /** Takes what the camera says about its picture, and passes on what else it says. */
  #said(message) {
    if (message.type !== 'picture') return this.#emit('control', message);
    if (message.state === 'private') return this.#refused(HIDDEN, this.session);
    if (message.state === 'lost') this.#wait();
    else if (this.state === 'waiting' && !this.#wait()) this.#expectFrame(RETURN_MS);
  }

  /** Leaves it to a camera that lost its picture to get it back; reports whether it is such a one. */
  #wait() {
    const { connected, control } = this.peer;
    if (!control.dark || !connected) return false;
    const { text } = control.dark;
    if (!this.#to('wait', { text })) this.#setStep('', text);
    this.#timers.clear('frame');
    return true;
  }
}
