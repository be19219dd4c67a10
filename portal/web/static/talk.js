// Talking to whoever is at the camera, while a button is held.
//
// The browser asks for the microphone at the first press and never before. The microphone is closed
// at each release instead of being kept for the next press: opening it again takes a moment, which
// the button shows, but the browser's recording sign then says the truth.

const ANSWER_MS = 3_000; // a camera that has not answered by then does not
const AGAIN_MS = 1_000; // an end that belonged to an earlier press is followed by a new word by then
const ASKING_MS = 400; // a browser that has nobody to ask is done by then
const TAP_MS = 300; // nobody says anything in less
const NOTE_MS = 8_000; // how long a note stays

const WORDS = {
  busy: 'Someone else is talking. Try again when they have finished.',
  hold: 'Hold the button while you talk.',
  asking: 'Allow the microphone in your browser, then hold the button to talk.',
  ready: 'The microphone is ready. Hold the button to talk.',
  insecure: 'Browsers open the microphone only for pages that came by https. Ask whoever runs this portal to serve it by https.',
  denied: 'The microphone is blocked. Allow it for this site in your browser, beside the address, and try again.',
  none: 'No microphone was found. Connect one and try again.',
  used: 'The microphone cannot be opened. Another program may be using it.',
  gone: 'The microphone was disconnected.',
  lost: 'The connection was interrupted, so nobody hears you.',
  silent: 'The camera did not answer. Try again.',
  ended: 'The camera stopped listening. Hold the button again to go on.',
};

/** What a refusal of getUserMedia means (Media Capture and Streams, section 10.3.1). */
function refusal({ name }) {
  if (name === 'NotAllowedError' || name === 'SecurityError') return WORDS.denied;
  return name === 'NotFoundError' || name === 'OverconstrainedError' ? WORDS.none : WORDS.used;
}

export class Talk {
  /** Who talks, as the camera says: "off" (it has no speaker), "free", "yours", "busy"; "" until it says so. */
  floor = '';
  /** Where a press is: "idle", "asking" (for the microphone), "calling" (the camera) or "talking". */
  phase = 'idle';
  /** What to tell the person, if anything. */
  note = '';
  #port;
  #change;
  #press = null;
  #track = null;
  #timer = 0;
  #fade = 0;

  /**
   * @param {{send: (message: object) => boolean, speak: (track: MediaStreamTrack|null) => Promise<void>}} port
   *   to the camera in view
   * @param {() => void} change is called after each change of floor, phase or note
   */
  constructor(port, change) {
    this.#port = port;
    this.#change = change;
  }

  /** Begins to talk, if the person, the browser and the camera let it. */
  async begin() {
    if (this.#press) return;
    if (this.floor === 'busy') return this.#say(WORDS.busy);
    if (!navigator.mediaDevices?.getUserMedia) return this.#say(isSecureContext ? WORDS.none : WORDS.insecure);
    const press = { at: performance.now() };
    this.#press = press;
    this.#set('asking', '');
    this.#after(ASKING_MS, () => this.#say(WORDS.asking));
    try {
      const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
      const stream = await navigator.mediaDevices.getUserMedia({ audio });
      this.#opened(press, stream.getAudioTracks()[0]);
    } catch (error) {
      if (this.#press === press) this.end(refusal(error));
      else if (!this.#press) this.#say(refusal(error));
    }
  }

  #opened(press, track) {
    if (this.#press !== press) { // released meanwhile, perhaps to answer the browser's question
      track.stop();
      if (!this.#press) this.#say(WORDS.ready);
      return;
    }
    track.onended = () => this.end(WORDS.gone);
    this.#track = track;
    this.#call(ANSWER_MS, WORDS.silent);
    if (!this.#port.send({ type: 'talk', on: true })) this.end(WORDS.lost);
  }

  /** Ends it; more often than needed does no harm. */
  end(note = '') {
    const { phase } = this;
    const press = this.#press;
    if (!press) return;
    this.#press = null;
    clearTimeout(this.#timer);
    if (phase === 'talking') this.#port.speak(null).catch(() => {});
    if (phase !== 'asking') this.#port.send({ type: 'talk', on: false });
    if (this.#track) {
      this.#track.onended = null;
      this.#track.stop();
      this.#track = null;
    }
    const tap = performance.now() - press.at < TAP_MS;
    this.#set('idle', note || (tap ? WORDS.hold : this.note));
  }

  /** Takes the camera's word on who talks. */
  receive(floor) {
    if (!['off', 'free', 'yours', 'busy'].includes(floor)) return;
    this.floor = floor;
    if (floor === 'yours' && this.phase === 'calling') this.#speak();
    else if (floor === 'busy') this.end(WORDS.busy);
    else if (floor === 'off') this.end(WORDS.ended);
    else if (floor === 'free' && this.phase === 'talking') this.#call(AGAIN_MS, WORDS.ended);
    this.#change();
  }

  /** Takes the camera's refusal, in words. */
  refused(text) {
    if (this.#press) this.end(text);
    else this.#say(text);
  }

  /** The session ended: what its camera said counts no more. */
  reset() {
    this.floor = '';
    this.end(WORDS.lost);
    this.#change();
  }

  /** Waits for the camera to give the floor. */
  #call(ms, otherwise) {
    if (this.phase === 'talking') this.#port.speak(null).catch(() => {});
    this.#set('calling', '');
    this.#after(ms, () => this.end(otherwise));
  }

  #speak() {
    clearTimeout(this.#timer);
    this.#set('talking', '');
    this.#port.speak(this.#track).catch(() => this.end(WORDS.lost));
  }

  #after(ms, run) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(run, ms);
  }

  #set(phase, note) {
    this.phase = phase;
    this.#say(note);
  }

  #say(note) {
    clearTimeout(this.#fade);
    if (note && note !== WORDS.asking) this.#fade = setTimeout(() => this.#say(''), NOTE_MS);
    this.note = note;
    this.#change();
  }
}
