// What a person does to the camera's controls, at a rate that the way to the camera can bear.

const EVERY_MS = 100;

/** Sends the first value of a control at once and then the newest one, at most ten messages a second. */
export class Sets {
  #send;
  #pending = new Map();
  #timer = 0;

  /** @param {(name: string, value: number|string) => void} send */
  constructor(send) {
    this.#send = send;
  }

  /** Sets a control. */
  set(name, value) {
    this.#pending.set(name, value);
    this.#soon();
  }

  /** Moves a relative control: moves that wait are added up, within its bounds. */
  move({ name, min, max }, by) {
    const sum = (this.#pending.get(name) ?? 0) + by;
    this.set(name, Math.min(max, Math.max(min, sum)));
  }

  /** Forgets what is not sent yet. */
  clear() {
    this.#pending.clear();
  }

  #soon() {
    if (this.#timer === 0) this.#next();
  }

  #next() {
    this.#timer = 0;
    const [first] = this.#pending;
    if (!first) return;
    this.#pending.delete(first[0]);
    this.#timer = setTimeout(() => this.#next(), EVERY_MS);
    this.#send(...first);
  }
}
