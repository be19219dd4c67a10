// Timers by name: setting one replaces the one of the same name.

export class Timers {
  #running = new Map();

  /** @param {string} name @param {number} ms @param {() => void} run */
  set(name, ms, run) {
    this.clear(name);
    this.#running.set(name, setTimeout(run, ms));
  }

  /** Stops the named timers; those that do not run do not matter. */
  clear(...names) {
    for (const name of names) clearTimeout(this.#running.get(name));
  }

  clearAll() {
    this.clear(...this.#running.keys());
  }
}
