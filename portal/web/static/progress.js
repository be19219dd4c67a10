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

  /**
   * @param {HTMLVideoElement} video
   * @param {{frame: () => void, sample: (sample: import('./readout.js').Sample) => void, still: (ms: number) => void}} on
   *   still is told each second for how long there was no frame
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
    this.#at = performance.now();
  }

  #watch() {
    this.#video.requestVideoFrameCallback((_, { width }) => {
      if (width > 2) this.#frame(); // Chromium shows a black frame of 2 by 2 before the first one
      this.#watch();
    });
  }

  #frame() {
    if (!this.#peer || this.#video.srcObject !== this.#peer.stream) return; // of an earlier session
    this.#at = performance.now();
    this.#on.frame();
  }

  async #tick() {
    const peer = this.#peer;
    if (!peer?.answered) return;
    const sample = await this.#readout.sample(peer.pc);
    if (peer !== this.#peer) return;
    if (sample.frames > this.#frames) {
      this.#frames = sample.frames;
      this.#frame();
    }
    this.#on.sample(sample);
    this.#on.still(performance.now() - this.#at);
  }
}
