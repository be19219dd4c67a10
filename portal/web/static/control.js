// The control channel: a data channel "control" beside picture and sound, by which the page moves
// the camera's settings and hears how the camera fares. A text message is a JSON object with a
// "type"; binary messages are the parts of a picture that was asked for. What is unknown is ignored,
// both ways, and a camera without it is a camera all the same.

const PROTOCOL = 'seccam-control.v1';
const STARTING = 'Its source is starting.';
const TYPES = new Set(['controls', 'talk', 'stats', 'picture', 'error']);
const LONGEST = 300; // characters of a camera's words
const SNAPSHOT_MS = 3_000; // without another part of the picture by then, none is coming
const SNAPSHOT_LARGEST = 32 << 20; // in bytes
const SNAPSHOT_TYPES = new Set(['image/jpeg', 'image/png', 'image/webp']);

export class Control {
  /**
   * Why the camera sends no frames now, by its own word, and since when (performance.now); null while
   * it does.
   * @type {{text: string, since: number}|null}
   */
  dark = null;
  #channel;
  #on;
  #spoken = false;
  #asked = null;
  #patience = 0;
  #picture = null;

  /**
   * Makes the channel, which is then part of the next offer. Nothing waits for it.
   * @param {RTCPeerConnection} pc
   * @param {{message: (message: {type: string}) => void, closed: () => void}} on
   */
  constructor(pc, on) {
    this.#on = on;
    this.#channel = pc.createDataChannel('control', { protocol: PROTOCOL });
    this.#channel.binaryType = 'arraybuffer';
    this.#channel.onmessage = ({ data }) => (typeof data === 'string' ? this.#receive(data) : this.#part(data));
    this.#channel.onclose = () => this.#closed();
  }

  /** Whether the camera speaks this protocol: an older one may open the channel and never say a word. */
  get open() {
    return this.#spoken && this.#channel.readyState === 'open';
  }

  /** Sends a message if that is possible now, and reports whether it was. */
  send(message) {
    if (!this.open) return false;
    this.#channel.send(JSON.stringify(message));
    return true;
  }

  /** Asks for a picture as the camera sees it, before it is made smaller for the way. @returns {Promise<Blob>} */
  snapshot() {
    return new Promise((resolve, reject) => {
      this.#fail('Another picture was asked for.');
      if (!this.send({ type: 'snapshot' })) return reject(new Error('This camera has no control channel.'));
      this.#asked = { resolve, reject };
      this.#wait();
    });
  }

  #closed() {
    this.#fail('The connection ended.');
    if (this.#spoken) this.#on.closed();
  }

  #receive(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (typeof message?.type !== 'string') return;
    this.#spoken = true;
    if (message.type === 'snapshot') return this.#announced(message);
    if (message.type === 'error' && message.about === 'snapshot') return this.#fail(message.message);
    if (message.type === 'picture') this.#pictureChanged(message);
    if (TYPES.has(message.type)) this.#on.message(message);
  }

  #pictureChanged({ state, detail }) {
    if (state === 'live') this.dark = null;
    if (state === 'starting') this.dark = { text: STARTING, since: this.dark?.since ?? performance.now() };
    if (state === 'lost') this.dark = { text: typeof detail === 'string' ? detail.slice(0, LONGEST) : '', since: performance.now() };
  }

  #announced({ size, mime }) {
    const usable = Number.isInteger(size) && size > 0 && size <= SNAPSHOT_LARGEST && SNAPSHOT_TYPES.has(mime);
    this.#picture = usable ? { mime, missing: size, parts: [] } : null;
    if (usable) this.#wait();
    else this.#fail('The camera sent something that is no picture.');
  }

  #part(data) {
    const picture = this.#picture;
    if (!picture) return;
    picture.parts.push(data);
    picture.missing -= data.byteLength;
    if (picture.missing > 0) return this.#wait();
    this.#picture = null;
    if (picture.missing < 0) return this.#fail('The camera sent more than it had announced.');
    clearTimeout(this.#patience);
    this.#asked?.resolve(new Blob(picture.parts, { type: picture.mime }));
    this.#asked = null;
  }

  #wait() {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => this.#fail('The camera sent no picture in time.'), SNAPSHOT_MS);
  }

  #fail(reason) {
    clearTimeout(this.#patience);
    this.#picture = null;
    this.#asked?.reject(new Error(reason));
    this.#asked = null;
  }
}
