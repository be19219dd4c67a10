// One session's RTCPeerConnection. It is made, with its offer, before anyone clicks.
import { checkFingerprints } from './fingerprint.js';

const CONFIG = { bundlePolicy: 'max-bundle' };

/** Thrown when an answer names another certificate than the camera's. */
export class Mismatch extends Error {}

/** H264 first, since it is what cameras encode; constrained baseline in packetization-mode 1 before the rest. */
function rank(codec) {
  if (codec.mimeType !== 'video/H264') return 2;
  return /packetization-mode=1/.test(codec.sdpFmtpLine) && /profile-level-id=42e01f/i.test(codec.sdpFmtpLine) ? 0 : 1;
}

function preferH264(transceiver) {
  const codecs = RTCRtpReceiver.getCapabilities?.('video')?.codecs;
  if (codecs && transceiver.setCodecPreferences) {
    transceiver.setCodecPreferences([...codecs].sort((a, b) => rank(a) - rank(b)));
  }
}

function receiver(pc, kind) {
  const transceiver = pc.addTransceiver(kind, { direction: 'recvonly' });
  if (kind === 'video') preferH264(transceiver);
  // Show frames when they arrive: the first name is the standard's, the second Chromium's older one.
  if ('jitterBufferTarget' in transceiver.receiver) transceiver.receiver.jitterBufferTarget = 0;
  if ('playoutDelayHint' in transceiver.receiver) transceiver.receiver.playoutDelayHint = 0;
  return transceiver.receiver;
}

export class Peer {
  /** The session's id, from {@link open} on. */
  session = '';
  /** Whether an answer to the last offer was accepted. */
  answered = false;
  /** Whether a frame of this session was shown. */
  seen = false;
  #awaiting = false;
  #early = [];
  #closed = false;

  /**
   * @param {RTCIceServer[]} iceServers
   * @param {{candidate: (peer: Peer, candidate: object) => void, state: (peer: Peer) => void}} on
   */
  constructor(iceServers, on) {
    this.pc = new RTCPeerConnection({ ...CONFIG, iceServers });
    this.stream = new MediaStream([receiver(this.pc, 'video').track, receiver(this.pc, 'audio').track]);
    this.pc.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate === '') return; // the end of one generation; null follows
      on.candidate(this, candidate ? candidate.toJSON() : { candidate: '' });
    };
    this.pc.onconnectionstatechange = () => !this.#closed && on.state(this);
    this.prepared = this.pc.createOffer();
    this.prepared.catch(() => {}); // whoever opens the session sees it
  }

  get connected() {
    return this.pc.connectionState === 'connected';
  }

  setIceServers(iceServers) {
    this.pc.setConfiguration({ ...CONFIG, iceServers });
  }

  /** Sends the offer and only then applies it, so that its candidates follow it. */
  async open(session, send) {
    this.session = session;
    await this.#offer(await this.prepared, send);
  }

  /** Offers an ICE restart in the same session. */
  async restart(iceServers, send) {
    this.setIceServers(iceServers);
    await this.#offer(await this.pc.createOffer({ iceRestart: true }), send);
  }

  async #offer(offer, send) {
    if (this.#closed) return;
    this.answered = false;
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
