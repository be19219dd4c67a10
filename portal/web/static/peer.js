// One session's RTCPeerConnection. It is made, with its offer, before anyone clicks.
import { Control } from './control.js';
import { checkFingerprints } from './fingerprint.js';

const CONFIG = { bundlePolicy: 'max-bundle' };

/** Thrown when an answer names another certificate than the camera's. */
export class Mismatch extends Error {}

/**
 * H264 first, since it is what cameras encode: constrained baseline in packetization-mode 1 before
 * the rest. Then VP8, and then whatever else the browser has: the camera chooses.
 */
function rank({ mimeType, sdpFmtpLine = '' }) {
  if (mimeType === 'video/VP8') return 2;
  if (mimeType !== 'video/H264') return 3;
  return /packetization-mode=1/.test(sdpFmtpLine) && /profile-level-id=42e01f/i.test(sdpFmtpLine) ? 0 : 1;
}

function orderCodecs(transceiver) {
  const codecs = RTCRtpReceiver.getCapabilities?.('video')?.codecs;
  if (codecs && transceiver.setCodecPreferences) {
    transceiver.setCodecPreferences([...codecs].sort((a, b) => rank(a) - rank(b)));
  }
}

/** Shows frames when they arrive: the first name is the standard's, the second Chromium's older one. */
function hurry(receiver) {
  if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
  if ('playoutDelayHint' in receiver) receiver.playoutDelayHint = 0;
}

export class Peer {
  /** The session's id, from {@link open} on. */
  session = '';
  /** Whether an answer to the last offer was accepted. */
  answered = false;
  /** Whether a frame of this session was shown. */
  seen = false;
  /** Whether its path goes through a relay. */
  relayed = false;
  /** The types of candidates that each end has offered, such as host or relay. */
  found = { here: new Set(), there: new Set() };
  #audio;
  #allNamed = false; // the camera's candidates
  #awaiting = false;
  #early = [];
  #closed = false;

  /**
   * @param {{iceServers: RTCIceServer[], iceTransportPolicy: RTCIceTransportPolicy}} ice
   * @param {{candidate: (peer: Peer, candidate: object) => void, state: (peer: Peer) => void,
   *   control: (peer: Peer, message: {type: string}) => void, mute: (peer: Peer) => void}} on
   *   mute is called when the control channel ends before the connection
   */
  constructor(ice, on) {
    this.pc = new RTCPeerConnection({ ...CONFIG, ...ice });
    const video = this.pc.addTransceiver('video', { direction: 'recvonly' });
    orderCodecs(video);
    // Both ways and without a track: a microphone can be put in later without another negotiation.
    this.#audio = this.pc.addTransceiver('audio', { direction: 'sendrecv' });
    for (const { receiver } of [video, this.#audio]) hurry(receiver);
    this.stream = new MediaStream([video.receiver.track, this.#audio.receiver.track]);
    this.control = new Control(this.pc, {
      message: (message) => !this.#closed && on.control(this, message),
      closed: () => !this.#closed && on.mute(this),
    });
    this.pc.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate === '') return; // the end of one generation; null follows
      if (candidate) this.found.here.add(candidate.type);
      on.candidate(this, candidate ? candidate.toJSON() : { candidate: '' });
    };
    this.pc.onconnectionstatechange = () => !this.#closed && on.state(this);
    this.prepared = this.pc.createOffer();
    this.prepared.catch(() => {}); // whoever opens the session sees it
  }

  /** The last offer, with the candidates found so far. */
  get offered() {
    return this.pc.localDescription.sdp;
  }

  get connected() {
    return this.pc.connectionState === 'connected';
  }

  /** Whether no more candidates come, of either end. */
  get exhausted() {
    return this.#allNamed && this.pc.iceGatheringState === 'complete';
  }

  /** Whether the camera sends sound, as the last answer says. */
  get sound() {
    return ['sendrecv', 'recvonly'].includes(this.#audio.currentDirection);
  }

  /** Sends a microphone's track to the camera; null ends it. @param {MediaStreamTrack|null} track */
  speak(track) {
    return this.#closed ? Promise.resolve() : this.#audio.sender.replaceTrack(track);
  }

  /** Takes renewed ICE servers. */
  configure(ice) {
    this.pc.setConfiguration({ ...CONFIG, ...ice });
  }

  /** Sends the offer and only then applies it, so that its candidates follow it. */
  async open(session, send) {
    this.session = session;
    await this.#offer(await this.prepared, send);
  }

  /** Offers an ICE restart in the same session. */
  async restart(ice, send) {
    this.answered = false; // from now on, so that there is one at a time
    this.configure(ice);
    await this.#offer(await this.pc.createOffer({ iceRestart: true }), send);
  }

  async #offer(offer, send) {
    if (this.#closed) return;
    this.answered = this.#allNamed = false;
    this.#awaiting = true;
    send(offer.sdp);
    await this.pc.setLocalDescription(offer);
  }

  /**
   * Accepts an answer after its certificate was checked, and checks once more what the browser made
   * of it.
   * @returns {Promise<string|undefined>} the fingerprint; undefined if no answer was expected
   */
  async accept(sdp, pinned) {
    if (!this.#awaiting) return undefined; // a repeated one
    this.#check(sdp, pinned);
    this.#awaiting = false;
    await this.pc.setRemoteDescription({ type: 'answer', sdp });
    const fingerprint = this.#check(this.pc.remoteDescription.sdp, pinned);
    this.answered = true;
    for (const candidate of this.#early.splice(0)) this.#add(candidate);
    return fingerprint;
  }

  #check(sdp, pinned) {
    const verdict = checkFingerprints(sdp, pinned);
    if (!verdict.ok) throw new Mismatch(verdict.reason);
    return verdict.fingerprint;
  }

  /** Adds a candidate of the camera, or keeps it until there is an answer to add it to. */
  addCandidate(candidate) {
    if (candidate.candidate === '') this.#allNamed = true;
    const type = / typ (\w+)/.exec(candidate.candidate)?.[1];
    if (type) this.found.there.add(type);
    if (this.answered) this.#add(candidate);
    else this.#early.push(candidate);
  }

  #add(candidate) {
    // One that the browser cannot use (another address family, an old generation) hurts nobody.
    this.pc.addIceCandidate(candidate).catch(() => {});
  }

  close() {
    this.#closed = true;
    this.pc.close();
  }
}
