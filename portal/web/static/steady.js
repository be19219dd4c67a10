// Follows a value that is looked at now and then, but only when it has lasted: what flickers is
// not shown.

export class Steady {
  /** The value that counts. */
  shown;
  #show;
  #lasting;
  #next;
  #since = 0;

  /**
   * @template T
   * @param {T} first the value to begin with
   * @param {(value: T) => number} lasting how many milliseconds a value has to last
   * @param {(value: T) => void} show
   */
  constructor(first, lasting, show) {
    this.shown = this.#next = first;
    this.#lasting = lasting;
    this.#show = show;
  }

  /** Takes the value of now, in milliseconds. */
  offer(value, now = performance.now()) {
    if (value !== this.#next) {
      this.#next = value;
      this.#since = now;
    }
    if (value !== this.shown && now - this.#since >= this.#lasting(value)) this.reset(value);
  }

  /** Shows a value at once. */
  reset(value) {
    this.#next = value;
    if (value === this.shown) return;
    this.shown = value;
    this.#show(value);
  }
}
