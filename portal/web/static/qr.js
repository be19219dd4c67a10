// A reader of QR codes (ISO/IEC 18004, versions 1 to 15), for browsers without one of their own. The picture
// stays in the browser: a label's pairing code is for nobody else.
//
//   picture ─ qr-binarize ─▶ dark and light ─ qr-find ─▶ three corners ─ qr-grid ─▶ modules
//           ─ qr-format ─▶ codewords ─ qr-rs ─▶ corrected ─ qr-data ─▶ text
import { binarize } from './qr-binarize.js';
import { textOf } from './qr-data.js';
import { findCorners } from './qr-find.js';
import { codewordsOf } from './qr-format.js';
import { sampled } from './qr-grid.js';

/**
 * Reads the QR code in a picture.
 * @param {{data: Uint8ClampedArray, width: number, height: number}} picture an ImageData, for example
 * @returns {string|null} its text, or null if there is none that can be read
 */
export function readQR(picture) {
  const bits = binarize(picture);
  for (const corners of findCorners(bits)) {
    for (const modules of sampled(bits, corners)) {
      const codewords = codewordsOf(modules);
      const text = codewords && textOf(codewords.data, codewords.version);
      if (text !== null && text !== undefined) return text;
    }
  }
  return null;
}
