// The pictures on the home page: each camera is asked for one now and then, a few at a time, while
// somebody looks at the page. They are sealed for this page and kept nowhere.
import { canOpen, PageKey } from './sealed.js';
import { showTime } from './time.js';

const WIDTH = 640;
const EVERY_MS = 60_000;
/** A picture that is older although its camera is online says how old it is. */
const OLD_MS = 90_000;
const AT_ONCE = 2;
const TIMEOUT_MS = 15_000;

/** One camera's box. Its data-state is empty, loading, shown, old, offline or private. */
class Thumbnail {
  online = false;
  busy = false;
  due = 0; // when to ask, Unix milliseconds
  #element;
  #image = null;
  #at = 0; // when the picture came

  constructor(card) {
    this.camera = card.dataset.camera;
    this.name = card.querySelector('h2').textContent.trim();
    this.#element = card.querySelector('[data-thumb]');
  }

  /** Follows the camera's presence. The last picture of one that gives none any more is forgotten. */
  follow(presence) {
    const sealed = presence.state === 'private' || (presence.online && presence.only_paired === true);
    const online = presence.state === 'online' && !sealed;
    if (online && !this.online) this.due = 0;
    this.online = online;
    if (sealed) this.forget();
    this.show(sealed ? 'private' : presence.state);
  }

  show(state = 'online') {
    const has = this.#image !== null;
    if (state === 'private') this.#set('private');
    else if (state === 'no_picture') this.#set(has ? 'old' : 'empty');
    else if (state !== 'online') this.#set('offline');
    else if (has) this.#set(Date.now() - this.#at > OLD_MS ? 'old' : 'shown');
    else this.#set(this.busy ? 'loading' : 'empty');
  }

  #set(state) {
    this.#element.dataset.state = state;
  }

  /** Puts a picture into the box in place of the last one. It throws for what is no picture. */
  async put(jpeg) {
    const image = new Image();
    image.alt = `Latest picture of ${this.name}`;
    image.src = URL.createObjectURL(new Blob([jpeg], { type: 'image/jpeg' }));
    try {
      await image.decode();
      if (!this.online) throw new Error('no longer online');
    } catch (error) {
      URL.revokeObjectURL(image.src);
      throw error;
    }
    const last = this.#image;
    this.#image = image;
    this.#at = Date.now();
    this.#element.prepend(image);
    this.#drop(last);
    const age = this.#element.querySelector('[data-age]');
    age.hidden = false;
    showTime(age.querySelector('time'), this.#at);
  }

  forget() {
    this.#drop(this.#image);
    this.#image = null;
    this.#element.querySelector('[data-age]').hidden = true;
  }

  #drop(image) {
    if (!image) return;
    image.remove();
    URL.revokeObjectURL(image.src);
  }
}

/** The boxes of a page, and who of them is asked when. */
export class Thumbnails {
  #boxes = new Map();
  #key = null;
  #asking = 0;
  #timer = 0;

  constructor(cards) {
    for (const card of cards) this.#boxes.set(card.dataset.camera, new Thumbnail(card));
  }

  /** Begins to ask, where the browser can open the answers; elsewhere the boxes stay as they are. */
  async start() {
    if (!canOpen || this.#boxes.size === 0) return;
    this.#key = await PageKey.create();
    document.addEventListener('visibilitychange', () => this.#pump());
    this.#pump();
  }

  stop() {
    this.#key = null;
    clearTimeout(this.#timer);
  }

  follow(camera, presence) {
    this.#boxes.get(camera)?.follow(presence);
    this.#pump();
  }

  #pump() {
    clearTimeout(this.#timer);
    if (!this.#key || document.hidden) return;
    const now = Date.now();
    const waiting = [...this.#boxes.values()].filter((box) => box.online && !box.busy && box.due < Infinity).sort((a, b) => a.due - b.due);
    while (this.#asking < AT_ONCE && waiting[0]?.due <= now) this.#ask(waiting.shift());
    if (waiting.length > 0 && this.#asking < AT_ONCE) {
      this.#timer = setTimeout(() => this.#pump(), waiting[0].due - now);
    }
  }

  async #ask(box) {
    this.#asking += 1;
    box.busy = true;
    box.show();
    let wait = EVERY_MS;
    try {
      wait = await this.#fetch(box);
    } catch {
      // No network, no answer in time, or what is no picture: it is asked again like any other.
    }
    this.#asking -= 1;
    box.busy = false;
    box.due = Date.now() + wait;
    if (box.online) box.show();
    this.#pump();
  }

  /** Asks for one picture and returns after how long to ask again, in milliseconds. */
  async #fetch(box) {
    const response = await fetch(`/api/v1/cameras/${box.camera}/snapshot`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ width: WIDTH, key: this.#key.text }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.status === 429) return 1000 * (Number(response.headers.get('Retry-After')) || 60);
    if (response.status === 401 || response.status === 404) return Infinity; // the page is out of date
    if (!response.ok) return EVERY_MS;
    const sealed = new Uint8Array(await response.arrayBuffer());
    if (this.#key) await box.put(await this.#key.open(sealed, box.camera));
    return EVERY_MS;
  }
}
