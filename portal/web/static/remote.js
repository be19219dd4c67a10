// What a camera with a control channel adds to the watch page: its controls, talking to it, and how
// it sees the connection. watch.js loads all of it when a camera first speaks on that channel, so
// that the first picture waits for none of it.
import { showStats } from './figures.js';
import { wireHold } from './hold.js';
import { Panel } from './panel.js';
import { Steady } from './steady.js';
import { Talk } from './talk.js';

const OPEN_KEY = 'seccam.panel';
const DUCKED = 0.125; // the loudness of the picture's sound while its viewer talks
const NOTE_MS = 8_000;
const LONGEST = 300; // characters of a camera's words

/** How long the quality has to last before the page says it: worse soon, better when it is sure. */
const lasting = (quality) => (quality === 'full' ? 5_000 : 1_500);

const WEAK = {
  full: '',
  low: 'Weak connection: showing a smaller picture so that it keeps moving.',
  key_frames: 'Weak connection: this camera cannot send less, so you see about one picture a second.',
};

const LABELS = { asking: 'Microphone…', calling: 'Calling…', talking: 'Talking' };

const byId = (id) => document.getElementById(id);

function showNote(element, text) {
  if (element.textContent !== text) element.textContent = text; // screen readers read it again otherwise
}

export class Remote {
  #viewer;
  #video;
  #panel;
  #talk;
  #weak;
  #loudness = null;
  #refusal = 0;
  #stats = null;

  /** @param {import('./viewer.js').Viewer} viewer @param {HTMLVideoElement} video */
  constructor(viewer, video) {
    this.#viewer = viewer;
    this.#video = video;
    const send = (message) => viewer.peer?.control.send(message) ?? false;
    this.#panel = new Panel(byId('panel'), send);
    this.#talk = new Talk({ send, speak: async (track) => viewer.peer?.speak(track) }, () => this.#showTalk());
    this.#weak = new Steady('full', lasting, (quality) => showNote(byId('weak-note'), WEAK[quality]));
    wireHold(byId('talk'), 't', {
      down: () => this.#talk.begin(), up: () => this.#talk.end(), held: () => this.#talk.phase !== 'idle',
    });
    remember(byId('panel'));
    viewer.addEventListener('change', () => this.#changed());
    viewer.addEventListener('sample', () => this.#look()); // each second
  }

  /** Takes what the camera says. */
  receive(message) {
    switch (message.type) {
      case 'controls':
        return this.#panel.receive(message.controls);
      case 'talk':
        return this.#talk.receive(message.state);
      case 'stats':
        this.#stats = message;
        return this.#look();
      case 'error':
        return this.#refused(message);
    }
  }

  /** The session ended, or its channel. */
  reset() {
    this.#panel.reset();
    this.#talk.reset();
    this.#weak.reset('full');
    this.#stats = null;
  }

  /** Shows what the camera said last, which holds until it says something else. */
  #look() {
    if (!this.#stats) return;
    if (Object.hasOwn(WEAK, this.#stats.quality)) this.#weak.offer(this.#stats.quality);
    showStats(this.#stats);
  }

  #refused({ about, message }) {
    const text = typeof message === 'string' && message ? message.slice(0, LONGEST) : 'The camera could not do that.';
    if (about === 'talk') this.#talk.refused(text);
    if (about !== 'set') return;
    this.#panel.refused();
    showNote(byId('panel-note'), text);
    clearTimeout(this.#refusal);
    this.#refusal = setTimeout(() => showNote(byId('panel-note'), ''), NOTE_MS);
  }

  /** Without a view nothing of it is left; during an interruption it stays where it is. */
  #changed() {
    if (['connecting', 'live', 'waiting', 'recovering'].includes(this.#viewer.state)) return;
    this.#panel.receive([]);
    byId('talk').hidden = true;
  }

  #showTalk() {
    const { floor, phase, note } = this.#talk;
    const button = byId('talk');
    if (floor) button.hidden = floor === 'off';
    button.disabled = !floor;
    button.dataset.phase = phase;
    button.dataset.floor = floor;
    button.setAttribute('aria-pressed', String(phase === 'talking'));
    button.querySelector('[data-label]').textContent = LABELS[phase] ?? (floor === 'busy' ? 'Busy' : 'Hold to talk');
    showNote(byId('talk-note'), phase === 'talking' ? 'You are heard at the camera.' : note);
    this.#duck(phase === 'talking');
  }

  /** Makes the picture's sound low, so that it does not come back through the microphone. */
  #duck(on) {
    const video = this.#video;
    if (on === (this.#loudness !== null)) return;
    if (!on) {
      Object.assign(video, this.#loudness);
      this.#loudness = null;
      return;
    }
    this.#loudness = { volume: video.volume };
    video.volume = Math.min(video.volume, DUCKED);
    if (video.volume > DUCKED && !video.muted) { // some systems leave loudness to their own buttons
      this.#loudness = { muted: false };
      video.muted = true;
    }
  }
}

/** Keeps a <details> as this browser's person left it. */
function remember(details) {
  try {
    details.open = localStorage.getItem(OPEN_KEY) === 'open';
    details.addEventListener('toggle', () => localStorage.setItem(OPEN_KEY, details.open ? 'open' : 'closed'));
  } catch {
    // A browser may keep nothing at all; then it is closed at first.
  }
}
