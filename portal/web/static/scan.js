// Scans a camera's label with this device's own camera. Where the browser reads QR codes itself it does, else
// qr.js. The picture stays here.
const EVERY_MS = 120;
const LONGEST_SIDE = 900; // dots; more makes it slow and finds no more

const byId = (id) => document.getElementById(id);
const HOLD = 'Hold the QR code of the label in front of the camera.';

/** Why there is no picture, in words. */
function refusal({ name }) {
  if (name === 'NotAllowedError') return 'The browser may not use the camera. Allow it for this page, or type what the label says.';
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'This device has no camera. Type what the label says.';
  return 'The camera cannot be used at the moment: another program may have it. Type what the label says.';
}

/** A function that reads the code in a video's present frame: its text, or null. */
async function reader(video) {
  const canvas = document.createElement('canvas');
  const paint = canvas.getContext('2d', { willReadFrequently: true });
  const draw = () => {
    const scale = Math.min(1, LONGEST_SIDE / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    paint.drawImage(video, 0, 0, canvas.width, canvas.height);
  };
  const formats = await globalThis.BarcodeDetector?.getSupportedFormats?.().catch(() => []);
  if (formats?.includes('qr_code')) {
    const detector = new globalThis.BarcodeDetector({ formats: ['qr_code'] });
    return async () => (await detector.detect(video).catch(() => []))[0]?.rawValue ?? null;
  }
  const { readQR } = await import('./qr.js');
  return async () => {
    draw();
    return readQR(paint.getImageData(0, 0, canvas.width, canvas.height));
  };
}

/** Shows the dialog until a code is understood or the person closes it. */
class Scan {
  #dialog = byId('scan');
  #video = byId('scan-video');
  #understand;
  #stream = null;
  #timer = 0;
  #open = true;
  #resolve;

  constructor(understand) {
    this.#understand = understand;
    this.done = new Promise((resolve) => { this.#resolve = resolve; });
  }

  async run() {
    this.#dialog.showModal();
    this.#dialog.dataset.state = 'asking';
    this.#say("Allow the browser to use this device's camera.");
    this.#dialog.onclose = () => this.#end(null);
    byId('scan-close').onclick = () => this.#dialog.close();
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment', width: { ideal: 1280 } }, audio: false });
      if (!this.#open) return this.#stopCamera(); // closed meanwhile
      this.#video.srcObject = this.#stream;
      await this.#video.play();
      this.#dialog.dataset.state = 'looking';
      this.#say(HOLD);
      this.#look(await reader(this.#video));
    } catch (error) {
      this.#dialog.dataset.state = 'refused';
      this.#say(refusal(error));
    }
  }

  #say(text) {
    if (byId('scan-text').textContent !== text) byId('scan-text').textContent = text;
  }

  async #look(read) {
    if (!this.#open) return;
    const text = this.#video.videoWidth > 0 ? await read() : null;
    if (text !== null && this.#understood(text)) return;
    this.#timer = setTimeout(() => this.#look(read), EVERY_MS);
  }

  /** Ends with what the code says, or says why it is none of ours. */
  #understood(text) {
    try {
      this.#end(this.#understand(text));
      return true;
    } catch (error) {
      this.#say(error.message);
      return false;
    }
  }

  #stopCamera() {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
  }

  #end(found) {
    if (!this.#open) return;
    this.#open = false;
    clearTimeout(this.#timer);
    this.#stopCamera();
    this.#video.srcObject = null;
    this.#dialog.onclose = null;
    this.#dialog.close();
    this.#resolve(found);
  }
}

/**
 * Scans until a code is understood.
 * @template T
 * @param {(text: string) => T} understand throws, with words for the person, for codes that are none of ours
 * @returns {Promise<T|null>} null if the person gave up
 */
export function scan(understand) {
  const one = new Scan(understand);
  one.run();
  return one.done;
}
