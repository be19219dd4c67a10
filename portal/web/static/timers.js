// Timers by name: setting one replaces the one of the same name.

export class Timers {
  #running = new Map();

  /** @param {string} name @param {number} ms @param {() => void} run */
  set(name, ms, run) {
    this.clear(name);
    const end = () => {
      this.#running.delete(name);
      run();
    };
    this.#running.set(name, setTimeout(end, ms));
  }

  /** Whether the timer runs. */
  has(name) {
    return this.#running.has(name);
  }

  /** Stops the named timers; those that do not run do not matter. */
  clear(...names) {
    for (const name of names) {
      clearTimeout(this.#running.get(name));
      this.#running.delete(name);
    }
  }

  clearAll() {
    this.clear(...this.#running.keys());
  }
}
