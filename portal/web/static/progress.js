// Whether the picture moves: frames as they are shown, and once a second what the browser counts,
// which goes on in a hidden tab, where nothing is shown.
import { Readout, received } from './readout.js';

const TICK_MS = 1_000;
const STILL_MS = 500; // without a frame for so long, it is looked closer, to tell a weak path from a dead one
const CLOSER_MS = 200;
const CLOSER_FOR_MS = 10_000;

export class Progress {
  #video;
  #on;
  #peer = null;
  #readout;
  #frames = 0;
  #received = 0;
  #at = 0; // of the last frame,
  #heard = 0; // of the last packet,
  #looked = 0; // and of the last tick
  #closer = 0;

  /**
   * @param {HTMLVideoElement} video
   * @param {{frame: (since: number) => void, sample: (sample: import('./readout.js').Sample) => void,
   *   still: (ms: number, silent: number) => void}} on
   *   frame is told since when the frame came (performance.now): now, or the last look at the
   *   counters; still is told for how long there was no frame, and for how long no packet at all
   */
  constructor(video, on) {
    this.#video = video;
    this.#on = on;
    if (video.requestVideoFrameCallback) this.#watch();
    setInterval(() => this.#tick(), TICK_MS);
  }

  /** Looks at another session from now on; null is none. */
  follow(peer) {
    this.#peer = peer;
    this.#readout = new Readout();
    this.#frames = this.#received = 0;
    this.#at = this.#heard = this.#looked = performance.now();
    clearTimeout(this.#closer);
  }

  #watch() {
    this.#video.requestVideoFrameCallback((_, { width, receiveTime = performance.now() }) => {
      if (width > 2) this.#frame(receiveTime); // Chromium shows a black frame of 2 by 2 before the first one
      this.#watch();
    });
  }

  #frame(since) {
    if (!this.#peer || this.#video.srcObject !== this.#peer.stream) return; // of an earlier session
    this.#at = performance.now();
    clearTimeout(this.#closer);
    this.#closer = setTimeout(() => this.#lookCloser(this.#peer), STILL_MS);
    this.#on.frame(since);
  }

  async #lookCloser(peer) {
    const report = await peer.pc.getStats();
    if (peer !== this.#peer) return;
    if (this.#heard < this.#at) { // what came before the last frame is no sign of life
      this.#heard = this.#at;
      this.#received = received(report);
    }
    this.#still(received(report));
    if (performance.now() - this.#at > CLOSER_FOR_MS) return;
    clearTimeout(this.#closer);
    this.#closer = setTimeout(() => this.#lookCloser(peer), CLOSER_MS);
  }

  #still(bytes) {
    const now = performance.now();
    if (bytes !== this.#received) this.#heard = now;
    this.#received = bytes;
    this.#on.still(now - this.#at, now - this.#heard);
  }

  async #tick() {
    const peer = this.#peer;
    if (!peer?.answered) return;
    const since = this.#looked;
    const looked = performance.now();
    const sample = await this.#readout.sample(peer.pc);
    if (peer !== this.#peer) return;
    this.#looked = looked;
    if (sample.frames > this.#frames) {
      this.#frames = sample.frames;
      if (this.#at <= since) this.#frame(since); // else it is known better when the last one was shown
    }
    this.#on.sample(sample);
    this.#still(sample.received);
  }
}
