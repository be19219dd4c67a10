// Which dots of a picture are dark. Light falls unevenly on a label, so each dot is compared with the mean of
// its surroundings and not with one value for all.

const WINDOW = 1 / 8; // of the picture's shorter side
const BIAS = 0.93; // darker than so much of the mean counts as dark: paper has grain

/** Dark dots of a picture. */
export class Bits {
  /** @param {number} width @param {number} height */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.data = new Uint8Array(width * height);
  }

  /** Whether a dot is dark; outside all is light. */
  get(x, y) {
    return x >= 0 && y >= 0 && x < this.width && y < this.height && this.data[y * this.width + x] === 1;
  }
}

/** How light each dot is, 0 to 255 (ITU-R BT.601, in whole numbers). */
function lightness({ data, width, height }) {
  const light = new Uint8Array(width * height);
  for (let i = 0, j = 0; i < light.length; i += 1, j += 4) light[i] = (77 * data[j] + 150 * data[j + 1] + 29 * data[j + 2]) >> 8;
  return light;
}

/** Sums of all dots above and left of each, so that any rectangle's sum takes four of them. */
function integral(light, width, height) {
  const sums = new Float64Array((width + 1) * (height + 1));
  for (let y = 0; y < height; y += 1) {
    let row = 0;
    for (let x = 0; x < width; x += 1) {
      row += light[y * width + x];
      sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row;
    }
  }
  return sums;
}

/** @param {{data: Uint8ClampedArray, width: number, height: number}} picture @returns {Bits} */
export function binarize(picture) {
  const { width, height } = picture;
  const light = lightness(picture);
  const sums = integral(light, width, height);
  const bits = new Bits(width, height);
  const reach = Math.max(4, Math.round(Math.min(width, height) * WINDOW / 2));
  for (let y = 0; y < height; y += 1) {
    const top = Math.max(0, y - reach);
    const bottom = Math.min(height, y + reach + 1);
    for (let x = 0; x < width; x += 1) {
      const left = Math.max(0, x - reach);
      const right = Math.min(width, x + reach + 1);
      const sum = sums[bottom * (width + 1) + right] - sums[top * (width + 1) + right] - sums[bottom * (width + 1) + left] + sums[top * (width + 1) + left];
      const mean = sum / ((right - left) * (bottom - top));
      if (light[y * width + x] < mean * BIAS) bits.data[y * width + x] = 1;
    }
  }
  return bits;
}
