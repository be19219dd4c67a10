// Reads the modules of a QR code off a picture that shows it from the side: the three corners and the alignment
// pattern tell how (ISO/IEC 18004, 6.3.6 and 13).

import { moduleAlong } from './qr-find.js';

const MARGIN = 3.5; // modules from the code's edge to the middle of a finder pattern
const ALIGNMENT = 6.5; // likewise, of the last alignment pattern
const LARGEST_VERSION = 15;

/** The map of one quadrilateral to another (a projective one), by their corners. */
function mapping(from, to) {
  const rows = [];
  for (let i = 0; i < 4; i += 1) {
    const [x, y] = from[i];
    const [u, v] = to[i];
    rows.push([x, y, 1, 0, 0, 0, -u * x, -u * y, u], [0, 0, 0, x, y, 1, -v * x, -v * y, v]);
  }
  const h = solved(rows);
  return h && ((x, y) => {
    const w = h[6] * x + h[7] * y + 1;
    return [(h[0] * x + h[1] * y + h[2]) / w, (h[3] * x + h[4] * y + h[5]) / w];
  });
}

/** Gauss's elimination with the largest pivot; null if there is no one solution. */
function solved(rows) {
  const n = rows.length;
  for (let column = 0; column < n; column += 1) {
    let best = column;
    for (let row = column + 1; row < n; row += 1) if (Math.abs(rows[row][column]) > Math.abs(rows[best][column])) best = row;
    if (Math.abs(rows[best][column]) < 1e-10) return null;
    [rows[column], rows[best]] = [rows[best], rows[column]];
    for (let row = 0; row < n; row += 1) {
      if (row === column) continue;
      const factor = rows[row][column] / rows[column][column];
      for (let k = column; k <= n; k += 1) rows[row][k] -= factor * rows[column][k];
    }
  }
  return rows.map((row, i) => row[n] / row[i]);
}

/** How many modules a code has on a side, judged by its corners: 17 and four for each version. */
function dimensions(bits, { topLeft, topRight, bottomLeft }) {
  const between = (a, b) => {
    const sizes = [moduleAlong(bits, a, b), moduleAlong(bits, b, a)].filter((size) => size > 0);
    const size = sizes.length > 0 ? sizes.reduce((sum, one) => sum + one) / sizes.length : (a.size + b.size) / 2;
    return Math.hypot(a.x - b.x, a.y - b.y) / size;
  };
  const modules = (between(topLeft, topRight) + between(topLeft, bottomLeft)) / 2 + 2 * MARGIN;
  const version = Math.round((modules - 17) / 4);
  return [version, version + 1, version - 1, version + 2, version - 2].filter((v) => v >= 1 && v <= LARGEST_VERSION).map((v) => 17 + 4 * v);
}

/**
 * Looks for the last alignment pattern, a dark module in a light ring in a dark one, near where it should be. Seen
 * from the side it is elsewhere, and its modules are larger or smaller than those of the corners.
 */
function alignment(bits, corners, map, dimension, { reach, scales }) {
  const { topLeft, topRight, bottomLeft } = corners;
  const size = (topLeft.size + topRight.size + bottomLeft.size) / 3;
  const [atX, atY] = map(dimension - ALIGNMENT, dimension - ALIGNMENT);
  const step = Math.max(1, Math.floor(size / 3));
  const far = Math.ceil(size * reach);
  let best = null;
  for (const scale of scales) {
    const right = unit(map, dimension, 1, 0).map((length) => length * scale);
    const down = unit(map, dimension, 0, 1).map((length) => length * scale);
    for (let dy = -far; dy <= far; dy += step) {
      for (let dx = -far; dx <= far; dx += step) {
        if (bits.get(Math.floor(atX + dx + right[0]), Math.floor(atY + dy + right[1]))) continue; // soon clear of most
        const score = likeness(bits, atX + dx, atY + dy, right, down) - Math.hypot(dx, dy) / (far * 3);
        if (!best || score > best.score) best = { score, x: atX + dx, y: atY + dy, right, down };
      }
    }
  }
  return best && best.score > 20.5 ? centred(bits, best, step) : null;
}

/** One module to the right or down, in dots, where the alignment pattern is. */
function unit(map, dimension, across, along) {
  const at = dimension - ALIGNMENT;
  const [x0, y0] = map(at, at);
  const [x1, y1] = map(at + across, at + along);
  return [x1 - x0, y1 - y0];
}

/** How many of the 25 modules around a point are as in an alignment pattern. */
function likeness(bits, x, y, right, down) {
  let same = 0;
  for (let j = -2; j <= 2; j += 1) {
    for (let i = -2; i <= 2; i += 1) {
      const dark = Math.max(Math.abs(i), Math.abs(j)) !== 1;
      if (bits.get(Math.floor(x + i * right[0] + j * down[0]), Math.floor(y + i * right[1] + j * down[1])) === dark) same += 1;
    }
  }
  return same;
}

/** The middle of all neighbouring points that are as good. */
function centred(bits, best, step) {
  const { right, down } = best;
  const good = likeness(bits, best.x, best.y, right, down);
  let [sumX, sumY, count] = [0, 0, 0];
  for (let dy = -2 * step; dy <= 2 * step; dy += 1) {
    for (let dx = -2 * step; dx <= 2 * step; dx += 1) {
      if (likeness(bits, best.x + dx, best.y + dy, right, down) < good) continue;
      sumX += best.x + dx;
      sumY += best.y + dy;
      count += 1;
    }
  }
  return [sumX / count, sumY / count];
}

/** Where the alignment pattern is looked for, near first: in modules, and sizes against those expected. */
const SEARCHES = [{ reach: 4, scales: [1] }, { reach: 13, scales: [1, 0.84, 1.19, 0.7, 1.42] }];

/** The maps from modules to dots: by the alignment pattern where there is one, else as if seen from the front. */
function* maps(bits, corners, dimension) {
  const { topLeft, topRight, bottomLeft } = corners;
  const far = dimension - MARGIN;
  const dots = [[topLeft.x, topLeft.y], [topRight.x, topRight.y], [bottomLeft.x, bottomLeft.y]];
  const modules = [[MARGIN, MARGIN], [far, MARGIN], [MARGIN, far]];
  const opposite = [topRight.x + bottomLeft.x - topLeft.x, topRight.y + bottomLeft.y - topLeft.y];
  const plain = mapping([...modules, [far, far]], [...dots, opposite]);
  if (!plain) return;
  if (dimension > 21) { // version 1 has no alignment pattern
    const last = dimension - ALIGNMENT;
    for (const search of SEARCHES) {
      const found = alignment(bits, corners, plain, dimension, search);
      if (found) yield mapping([...modules, [last, last]], [...dots, found]);
    }
  }
  yield plain;
}

/** The timing patterns alternate between the corners (6.3.5): how many of their modules do. */
function timing(modules) {
  let right = 0;
  const last = modules.length - 8;
  for (let i = 8; i < last; i += 1) right += (modules[6][i] === (i % 2 === 0)) + (modules[i][6] === (i % 2 === 0));
  return right / (2 * (last - 8));
}

/**
 * The ways to read modules, the likeliest first: rows of booleans, true is dark.
 * @param {import('./qr-binarize.js').Bits} bits
 */
export function* sampled(bits, corners) {
  for (const dimension of dimensions(bits, corners)) {
    for (const map of maps(bits, corners, dimension)) {
      if (!map) continue;
      const modules = Array.from({ length: dimension }, (_, y) => Array.from({ length: dimension }, (__, x) => {
        const [dotX, dotY] = map(x + 0.5, y + 0.5);
        return bits.get(Math.floor(dotX), Math.floor(dotY));
      }));
      if (timing(modules) > 0.75) yield modules;
    }
  }
}
