// A visit to a camera: a connection without picture and sound, over whose data channel this browser is paired
// and the paired devices are looked after. What is said there only the two ends can read.
import { checkFingerprints } from './fingerprint.js';

const PROTOCOL = 'seccam-pairing.v1';
const ANSWER_MS = 5_000; // a camera answers at once, or not at all
const PATH_MS = 20_000; // from the offer to the camera's first word
const REPLY_MS = 15_000;

/** "FINGERPRINT" of the first a=fingerprint line. */
const fingerprintIn = (sdp) => checkFingerprints(sdp, '').fingerprint ?? '';

/**
 * Events: "hello" (detail: how things are, by the camera's word), "ended" (detail: why, in words; and the
 * code of the refusal, if it was one).
 */
export class Visit extends EventTarget {
  /** The certificates of this connection, as SDP has them; known from the first hello on. */
  device = '';
  camera = '';
  /** The camera's nonce, for the next proof. */
  nonce = '';
  #signal;
  #id;
  #pc;
  #channel;
  #session = '';
  #expected;
  #early = [];
  #replies = new Map(); // by what was asked
  #patience = 0;
  #awaiting = false; // the answer
  #over = false;

  /**
   * @param {{signal: import('./signal.js').Signal, camera: string, certificate: RTCCertificate, expected: string}} options
   *   expected is the camera's fingerprint where this browser knows it
   */
  constructor({ signal, camera, certificate, expected }) {
    super();
    this.#signal = signal;
    this.#id = camera;
    this.#expected = expected;
    this.#pc = new RTCPeerConnection({ ...signal.ice, certificates: [certificate] });
    this.#channel = this.#pc.createDataChannel('pairing', { protocol: PROTOCOL });
    this.#channel.onmessage = ({ data }) => typeof data === 'string' && this.#hear(data);
    this.#channel.onclose = () => this.#end('The connection to the camera ended.');
    this.#pc.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate !== '') this.#send({ type: 'candidate', candidate: candidate ? candidate.toJSON() : { candidate: '' } });
    };
    this.#pc.onconnectionstatechange = () => this.#pc.connectionState === 'failed' && this.#end('No way to the camera was found.');
    this.#listener = ({ detail }) => this.#receive(detail);
    signal.addEventListener('message', this.#listener);
  }

  #listener;

  /** Begins. What becomes of it is told by events. */
  async open() {
    this.#session = this.#signal.nextSession();
    this.#wait(ANSWER_MS, 'The camera did not answer.');
    try {
      const offer = await this.#pc.createOffer();
      this.device = fingerprintIn(offer.sdp);
      this.#awaiting = true; // it may come before the browser has set its own description
      this.#send({ type: 'offer', sdp: offer.sdp });
      await this.#pc.setLocalDescription(offer);
    } catch {
      this.#end('This browser could not open a connection.');
    }
  }

  /**
   * Asks the camera for something.
   * @param {{type: string}} message
   * @returns {Promise<object>} the camera's answer; it rejects with the camera's words
   */
  ask(message) {
    return new Promise((resolve, reject) => {
      if (this.#over || this.#channel.readyState !== 'open') return reject(new Error('The connection to the camera ended.'));
      const late = setTimeout(() => this.#reply({ type: 'error', about: message.type, message: 'The camera did not answer in time. Try again.' }), REPLY_MS);
      this.#replies.set(message.type, { resolve, reject, late });
      this.#channel.send(JSON.stringify(message));
    });
  }

  close() {
    this.#end('');
  }

  #send(message) {
    this.#signal.send({ camera: this.#id, session: this.#session, ...message });
  }

  #wait(ms, text) {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => this.#end(text), ms);
  }

  #end(text, code = '') {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#patience);
    this.#signal.removeEventListener('message', this.#listener);
    if (this.#session) this.#send({ type: 'bye', reason: 'left' });
    this.#pc.close();
    for (const about of this.#replies.keys()) this.#reply({ type: 'error', about, message: text || 'The connection to the camera ended.' });
    if (text) this.dispatchEvent(new CustomEvent('ended', { detail: { text, code } }));
  }

  // ---- signalling ----

  async #receive(message) {
    if (message.session !== this.#session || this.#over) return;
    if (message.type === 'error') return this.#end(message.error.message, message.error.code);
    if (message.type === 'bye') return this.#end('The camera ended the connection.');
    if (message.type === 'candidate') return this.#candidate(message.candidate);
    if (message.type === 'answer') await this.#answer(message.sdp);
  }

  async #answer(sdp) {
    if (!this.#awaiting) return; // a repeated one
    this.#awaiting = false;
    const verdict = checkFingerprints(sdp, this.#expected);
    if (!verdict.ok) return this.#end(`${verdict.reason} Nothing was connected.`, 'fingerprint');
    this.#wait(PATH_MS, 'No way to the camera was found.');
    try {
      await this.#pc.setRemoteDescription({ type: 'answer', sdp });
    } catch {
      return this.#end("The camera's answer could not be used.");
    }
    this.camera = fingerprintIn(this.#pc.remoteDescription.sdp);
    for (const candidate of this.#early.splice(0)) this.#candidate(candidate);
  }

  #candidate(candidate) {
    if (!this.#pc.remoteDescription) this.#early.push(candidate);
    else this.#pc.addIceCandidate(candidate).catch(() => {}); // one path less
  }

  // ---- the channel ----

  #hear(data) {
    let word;
    try {
      word = JSON.parse(data);
    } catch {
      return;
    }
    if (word?.nonce) this.nonce = word.nonce;
    if (word?.type === 'hello') {
      clearTimeout(this.#patience);
      this.dispatchEvent(new CustomEvent('hello', { detail: word }));
    } else if (word?.type === 'done' || word?.type === 'error') {
      this.#reply(word);
    }
  }

  #reply(word) {
    const waiting = this.#replies.get(word.about);
    if (!waiting) return;
    this.#replies.delete(word.about);
    clearTimeout(waiting.late);
    if (word.type === 'done') waiting.resolve(word);
    else waiting.reject(new Error(typeof word.message === 'string' ? word.message.slice(0, 300) : 'The camera refused.'));
  }
}
