// Whether the picture moves: frames as they are shown, and once a second what the browser counts,
// which goes on in a hidden tab, where nothing is shown.
import { Readout } from './readout.js';

const TICK_MS = 1_000;

export class Progress {
  #video;
  #on;
  #peer = null;
  #readout;
  #frames = 0;
  #at = 0;
  #looked = 0;

  /**
   * @param {HTMLVideoElement} video
   * @param {{frame: (since: number) => void, sample: (sample: import('./readout.js').Sample) => void, still: (ms: number) => void}} on
   *   frame is told since when the frame came (performance.now): now, or the last look at the
   *   counters; still is told each second for how long there was none
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
    this.#frames = 0;
    this.#at = this.#looked = performance.now();
  }

  #watch() {
    this.#video.requestVideoFrameCallback((_, { width }) => {
      if (width > 2) this.#frame(performance.now()); // Chromium shows a black frame of 2 by 2 before the first one
      this.#watch();
    });
  }

  #frame(since) {
    if (!this.#peer || this.#video.srcObject !== this.#peer.stream) return; // of an earlier session
    this.#at = performance.now();
    this.#on.frame(since);
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
      this.#frame(since);
    }
    this.#on.sample(sample);
    this.#on.still(performance.now() - this.#at);
  }
}
