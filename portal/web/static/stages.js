// How long each stage of a session's beginning took. The portal makes a trace of it, if it wants to.

const STAGES = ['offer', 'answer', 'connected', 'frame'];
const LONGEST_MS = 60_000; // more is no beginning any more, and the portal would refuse it

export class Stages {
  #began = performance.now();
  #over = {};

  /** Notes that a stage is over; only the first time counts. */
  over(stage) {
    this.#over[stage] ??= Math.round(performance.now() - this.#began);
  }

  /** When each was over, in milliseconds since the click; null if that says nothing. */
  get times() {
    const last = this.#over.frame;
    if (last === undefined || last > LONGEST_MS) return null;
    let before = 0;
    const times = {};
    for (const stage of STAGES) { // a frame may be shown before the page hears that it is connected
      before = times[stage] = Math.min(Math.max(before, this.#over[stage] ?? last), last);
    }
    return times;
  }
}
