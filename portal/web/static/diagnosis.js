// The panel "Why can't I connect?" of the watch page. watch.js loads it when somebody opens it.
import { runChecks, verdict } from './checks.js';

const STATES = { running: 'Looking', good: 'Works', bad: 'Broken', unknown: 'Not known' };

export class Diagnosis {
  #signal;
  #viewer;
  #list;
  #verdict;
  #button;
  #running = false;

  /**
   * @param {HTMLDetailsElement} details with [data-checks], [data-verdict] and a button in it
   * @param {import('./signal.js').Signal} signal
   * @param {import('./viewer.js').Viewer} viewer
   */
  constructor(details, signal, viewer) {
    this.#signal = signal;
    this.#viewer = viewer;
    this.#list = details.querySelector('[data-checks]');
    this.#verdict = details.querySelector('[data-verdict]');
    this.#button = details.querySelector('button');
    this.#button.addEventListener('click', () => this.run());
  }

  async run() {
    if (this.#running) return;
    this.#running = this.#button.disabled = true;
    this.#verdict.textContent = 'Looking at each link…';
    this.#list.replaceChildren();
    const results = await runChecks(this.#signal, this.#viewer, (check) => this.#show(check));
    const { state, presence, found, path } = this.#viewer;
    this.#verdict.textContent = verdict((id) => results.get(id)?.state, {
      live: state === 'live', path, camera: presence.state, there: found?.there,
    });
    this.#running = this.#button.disabled = false;
  }

  #show({ id, title, state, text }) {
    let item = this.#list.querySelector(`[data-check="${id}"]`);
    if (!item) {
      item = document.createElement('li');
      item.dataset.check = id;
      for (const part of ['mark', 'title', 'text']) {
        const span = document.createElement('span');
        span.className = `check-${part}`;
        item.append(span);
      }
      item.querySelector('.check-mark').setAttribute('role', 'img');
      item.querySelector('.check-title').textContent = title;
      this.#list.append(item);
    }
    item.dataset.state = state;
    item.querySelector('.check-mark').setAttribute('aria-label', STATES[state]);
    item.querySelector('.check-text').textContent = text;
  }
}
