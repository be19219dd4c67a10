// From modules to codewords: the format, which modules are data, in which order, and the mask over them
// (ISO/IEC 18004, 7.7 to 7.10), then the blocks (7.6), each corrected by itself.
import { corrected } from './qr-rs.js';

/** By error correction level, L M Q H, and version from 1: codewords of correction in a block, and blocks (table 9). */
const CORRECTION = {
  L: [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22],
  M: [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24],
  Q: [13, 22, 18, 26, 18, 24, 18, 22, 20, 24, 28, 26, 24, 20, 30],
  H: [17, 28, 22, 16, 22, 28, 26, 26, 24, 28, 24, 28, 22, 24, 24],
};
const BLOCKS = {
  L: [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6],
  M: [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10],
  Q: [1, 1, 2, 2, 4, 4, 6, 6, 8, 8, 8, 10, 12, 16, 12],
  H: [1, 1, 2, 4, 4, 4, 5, 6, 8, 8, 11, 11, 16, 16, 18],
};
const LEVELS = ['M', 'L', 'H', 'Q']; // by their number in the format
const FORMAT_MASK = 0b101010000010010;
const MOST_WRONG = 3; // bits of a format that can be corrected

const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (x, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** The 32 formats, each with its ten bits of BCH correction (annex C). */
const FORMATS = Array.from({ length: 32 }, (_, data) => {
  let rest = data << 10;
  for (let bit = 14; bit >= 10; bit -= 1) if (rest & (1 << bit)) rest ^= 0b10100110111 << (bit - 10);
  return { level: LEVELS[data >> 3], mask: MASKS[data & 7], bits: ((data << 10) | rest) ^ FORMAT_MASK };
});

const ones = (n) => n.toString(2).replaceAll('0', '').length;

/** The format, from the better of its two copies; null if neither can be read. */
function formatOf(modules) {
  const n = modules.length;
  const read = (places) => places.reduce((bits, [x, y]) => (bits << 1) | Number(modules[y][x]), 0);
  const first = [[0, 8], [1, 8], [2, 8], [3, 8], [4, 8], [5, 8], [7, 8], [8, 8], [8, 7], [8, 5], [8, 4], [8, 3], [8, 2], [8, 1], [8, 0]];
  const second = [...Array.from({ length: 7 }, (_, i) => [8, n - 1 - i]), ...Array.from({ length: 8 }, (_, i) => [n - 8 + i, 8])];
  const copies = [read(first), read(second)];
  const wrong = (format) => Math.min(...copies.map((bits) => ones(bits ^ format.bits)));
  const best = FORMATS.reduce((a, b) => (wrong(b) < wrong(a) ? b : a));
  return wrong(best) <= MOST_WRONG ? best : null;
}

/** Where the middles of alignment patterns are, along each axis (annex E). */
function alignments(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = Math.floor((version * 8 + count * 3 + 5) / (count * 4 - 4)) * 2;
  const last = 4 * version + 10;
  return [6, ...Array.from({ length: count - 1 }, (_, i) => last - (count - 2 - i) * step)];
}

/** Which modules are no data: finders, timing, alignment, format and version. */
function reserved(version) {
  const n = 17 + 4 * version;
  const taken = Array.from({ length: n }, () => new Array(n).fill(false));
  const take = (x0, y0, width, height) => {
    for (let y = y0; y < y0 + height; y += 1) for (let x = x0; x < x0 + width; x += 1) taken[y][x] = true;
  };
  take(0, 0, 9, 9);
  take(n - 8, 0, 8, 9);
  take(0, n - 8, 9, 8);
  take(0, 6, n, 1);
  take(6, 0, 1, n);
  const middles = alignments(version);
  const last = middles.at(-1);
  for (const y of middles) {
    for (const x of middles) {
      const finder = (x === 6 && y === 6) || (x === 6 && y === last) || (x === last && y === 6);
      if (!finder) take(x - 2, y - 2, 5, 5);
    }
  }
  if (version >= 7) {
    take(n - 11, 0, 3, 6);
    take(0, n - 11, 6, 3);
  }
  return taken;
}

/** The codewords as they stand: two columns at a time from the right, up and down in turn (7.7.3). */
function readCodewords(modules, version, mask) {
  const n = modules.length;
  const taken = reserved(version);
  const codewords = [];
  let [byte, bits] = [0, 0];
  for (let right = n - 1, up = true; right > 0; right -= 2, up = !up) {
    if (right === 6) right -= 1; // the vertical timing pattern
    for (let i = 0; i < n; i += 1) {
      const y = up ? n - 1 - i : i;
      for (const x of [right, right - 1]) {
        if (taken[y][x]) continue;
        byte = (byte << 1) | Number(modules[y][x] !== mask(x, y));
        bits += 1;
        if (bits % 8 === 0) {
          codewords.push(byte);
          byte = 0;
        }
      }
    }
  }
  return codewords;
}

/** Takes the codewords of all blocks apart, which stand in turn, and corrects each block; null if one is beyond. */
function correctBlocks(codewords, version, level) {
  const blocks = BLOCKS[level][version - 1];
  const correction = CORRECTION[level][version - 1];
  const length = Math.floor(codewords.length / blocks);
  const short = blocks - (codewords.length % blocks); // the first ones have a codeword of data less
  const all = Array.from({ length: blocks }, () => []);
  let at = 0;
  for (let i = 0; i < length - correction + 1; i += 1) {
    for (let b = 0; b < blocks; b += 1) if (i < length - correction || b >= short) all[b].push(codewords[at++]);
  }
  for (let i = 0; i < correction; i += 1) for (let b = 0; b < blocks; b += 1) all[b].push(codewords[at++]);
  const data = [];
  for (const block of all) {
    const right = corrected(block, correction);
    if (!right) return null;
    data.push(...right.slice(0, -correction));
  }
  return data;
}

/**
 * The data of a code, corrected.
 * @param {boolean[][]} modules rows of modules, true is dark
 * @returns {{data: number[], version: number}|null}
 */
export function codewordsOf(modules) {
  const version = (modules.length - 17) / 4;
  const format = formatOf(modules);
  if (!format) return null;
  const data = correctBlocks(readCodewords(modules, version, format.mask), version, format.level);
  return data && { data, version };
}
