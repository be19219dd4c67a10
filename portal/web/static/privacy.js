// The privacy card of the settings page. The camera keeps the settings, so they are asked from it and
// saved in it: nothing here changes while it is offline, and the card says so.
import { Schedule } from './schedule.js';

const ASK_MS = 12_000; // the portal gives up after eight seconds

/** What a refusal or a failure means, in words. */
async function wordsOf(response) {
  const problem = await response.json().catch(() => ({}));
  return { errors: problem.errors ?? {}, text: problem.detail || problem.title || 'The portal did not understand. Reload the page.' };
}

/** After these the camera may have changed: 0 is no answer of the portal, 504 none of the camera. */
const UNSURE = [0, 504];
const LOOK_AGAIN_MS = 3_000;

function failure({ status, text }) {
  if (status === 422) return 'Not saved: look at what is marked.';
  return UNSURE.includes(status) ? text : `Not saved. ${text}`;
}

const UNREACHABLE = 'The portal cannot be reached. Check your connection and try again.';

/** data-state of the card is asking, loading, ready, saving, or absent: offline, or without an answer. */
export class PrivacyCard {
  #card;
  #form;
  #switch;
  #schedule;
  #path;
  #settings = null; // as the camera has them
  #text = ''; // its words for what holds now
  #dirty = false;
  #online = true;

  constructor(card) {
    this.#card = card;
    this.#path = `/api/v1/cameras/${card.dataset.camera}/privacy`;
    this.#form = card.querySelector('#privacy-form');
    this.#switch = card.querySelector('#privacy-on');
    this.#schedule = new Schedule(this.#form, card.querySelector('#span-row'), () => this.#edited());
    this.#switch.addEventListener('change', () => this.#flip());
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#saveSchedule();
    });
    card.querySelector('#privacy-again').addEventListener('click', () => this.load());
  }

  /** Asks the camera. What was typed and not saved stays. */
  async load() {
    if (this.#busy) return;
    if (!this.#settings) this.#state('asking', 'Asking the camera…');
    this.#card.dataset.state = 'loading';
    const answer = await this.#call('GET');
    if (answer.ok) this.#hold(answer.body);
    else this.#absent(answer.text);
  }

  /** Follows the camera's presence: asks again when it is back, or when its privacy mode changed by itself. */
  follow(presence) {
    const back = presence.online && !this.#online;
    this.#online = presence.online;
    if (!presence.online) return this.#absent(`${presence.text}. Its privacy settings can be changed when it is back; until then it keeps those it has.`);
    const other = presence.state === 'private' ? presence.text !== this.#text : this.#card.querySelector('#privacy-state').dataset.active === 'true';
    if (back || (this.#settings && other)) this.load();
  }

  /** One request; the answer is {ok, body} or {ok: false, status, errors, text}. */
  async #call(method, settings) {
    try {
      const response = await fetch(this.#path, {
        method,
        headers: settings && { 'Content-Type': 'application/json' },
        body: settings && JSON.stringify(settings),
        signal: AbortSignal.timeout(ASK_MS),
      });
      if (response.status === 401) location.assign('/login');
      if (response.ok) return { ok: true, body: await response.json() };
      return { ok: false, status: response.status, ...(await wordsOf(response)) };
    } catch {
      return { ok: false, status: 0, errors: {}, text: UNREACHABLE };
    }
  }

  /** Shows what the camera says. */
  #hold({ settings, active, text }) {
    this.#settings = settings;
    this.#text = text;
    this.#switch.checked = settings.on;
    if (!this.#dirty) this.#schedule.show(settings);
    this.#trouble('');
    this.#form.hidden = false;
    this.#enable(true);
    this.#state('ready', text, active);
    this.#arrange();
  }

  #absent(text) {
    this.#enable(false);
    this.#trouble(text);
    this.#state('absent', this.#online ? 'Not known at the moment' : 'The camera is offline');
  }

  #trouble(text) {
    const place = this.#card.querySelector('#privacy-trouble');
    place.hidden = text === '';
    place.querySelector('[data-text]').textContent = text;
    place.querySelector('button').hidden = !this.#online;
  }

  #state(state, words, active = '') {
    this.#card.dataset.state = state;
    const line = this.#card.querySelector('#privacy-state');
    line.dataset.active = active;
    line.querySelector('[data-words]').textContent = words;
  }

  #enable(yes) {
    this.#switch.disabled = !yes;
    this.#card.querySelector('#schedule').disabled = !yes;
    this.#card.querySelector('#save-schedule').disabled = !yes;
  }

  #note(text, kind = '') {
    const note = this.#card.querySelector('#privacy-note');
    note.textContent = text;
    note.dataset.kind = kind;
    this.#arrange();
  }

  #edited() {
    this.#dirty = true;
    this.#note('Not saved yet.');
  }

  /** The button to save is there when there is something to save, or to say. */
  #arrange() {
    const says = this.#card.querySelector('#privacy-note').textContent !== '';
    this.#card.querySelector('#save-schedule').hidden = !this.#dirty && this.#settings?.schedule.length === 0;
    this.#card.querySelector('#save-row').hidden = !says && !this.#dirty && this.#settings?.schedule.length === 0;
  }

  /** The switch counts at once; the schedule that was saved stays as it is. */
  async #flip() {
    const on = this.#switch.checked;
    if (this.#busy || !(await this.#save({ ...this.#settings, on }))) this.#switch.checked = !on;
  }

  async #saveSchedule() {
    if (this.#busy) return;
    const dirty = this.#dirty;
    this.#dirty = false; // what the camera answers is shown in its place
    if (!(await this.#save({ ...this.#schedule.value, on: this.#settings.on }))) this.#dirty = dirty;
  }

  get #busy() {
    return ['loading', 'saving'].includes(this.#card.dataset.state);
  }

  async #save(settings) {
    this.#card.dataset.state = 'saving';
    this.#note('Saving…');
    const answer = await this.#call('PUT', settings);
    if (answer.ok) {
      this.#hold(answer.body);
      this.#note(this.#dirty ? 'Saved. The schedule is not saved yet.' : 'Saved.', 'good');
      return true;
    }
    this.#card.dataset.state = this.#online ? 'ready' : 'absent';
    this.#schedule.showErrors(answer.errors);
    this.#note(failure(answer), 'bad');
    if (UNSURE.includes(answer.status)) setTimeout(() => this.load(), LOOK_AGAIN_MS);
    return false;
  }
}
