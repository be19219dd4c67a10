// Finds the three finder patterns of a QR code: dark, light, dark, light, dark in the proportions 1:1:3:1:1 on
// every line through their middle (ISO/IEC 18004, 6.3.3).

const PARTS = [1, 1, 3, 1, 1];
const MODULES = 7;
const MOST = 12; // patterns that are combined; there are three, and what looks like one

/** Whether five lengths have the proportions, and the size of a module then; else 0. */
function moduleSize(lengths) {
  const total = lengths[0] + lengths[1] + lengths[2] + lengths[3] + lengths[4];
  if (total < MODULES) return 0;
  const size = total / MODULES;
  const fits = lengths.every((length, i) => Math.abs(length - PARTS[i] * size) < size * (PARTS[i] === 3 ? 1.5 : 0.75));
  return fits ? size : 0;
}

/**
 * The lengths of the five parts on a line through a point in the middle one, and where the middle is; null if
 * there are none.
 */
function across(bits, x, y, dx, dy) {
  const lengths = [0, 0, 0, 0, 0];
  const walk = (sign, start, parts) => {
    let steps = start;
    for (const [part, dark] of parts) {
      for (;; steps += 1) {
        const atX = Math.floor(x + sign * steps * dx);
        const atY = Math.floor(y + sign * steps * dy);
        if (atX < 0 || atY < 0 || atX >= bits.width || atY >= bits.height || bits.get(atX, atY) !== dark) break;
        lengths[part] += 1;
      }
    }
  };
  walk(1, 0, [[2, true], [3, false], [4, true]]);
  const forth = lengths[2];
  walk(-1, 1, [[2, true], [1, false], [0, true]]);
  return { lengths, shift: (2 * forth - lengths[2]) / 2 };
}

/** The size of a module of the pattern at a, on the line to b. */
export function moduleAlong(bits, a, b) {
  const distance = Math.hypot(b.x - a.x, b.y - a.y);
  return moduleSize(across(bits, a.x, a.y, (b.x - a.x) / distance, (b.y - a.y) / distance).lengths);
}

/** Checks a supposed pattern along both axes and moves it to its middle. @returns {{x: number, y: number, size: number}|null} */
function confirmed(bits, x, y) {
  const column = Math.floor(x);
  const vertical = across(bits, column, y, 0, 1);
  const tall = moduleSize(vertical.lengths);
  if (!tall) return null;
  const middleY = y + vertical.shift;
  const horizontal = across(bits, column, Math.floor(middleY), 1, 0);
  const wide = moduleSize(horizontal.lengths);
  if (!wide || tall > 2.5 * wide || wide > 2.5 * tall) return null;
  return { x: column + horizontal.shift, y: middleY, size: (tall + wide) / 2 };
}

/** Adds a pattern to the list, or to the one that it is already in. */
function collect(patterns, found) {
  const same = patterns.find((p) => Math.hypot(p.x - found.x, p.y - found.y) < 2 * Math.min(p.size, found.size));
  if (!same) return patterns.push({ ...found, count: 1 });
  const n = same.count;
  for (const key of ['x', 'y', 'size']) same[key] = (same[key] * n + found[key]) / (n + 1);
  same.count = n + 1;
  return 0;
}

function findPatterns(bits) {
  const patterns = [];
  for (let y = 0; y < bits.height; y += 1) {
    const runs = [0, 0, 0, 0, 0]; // the last five, the newest last
    let dark = false;
    for (let x = 0; x <= bits.width; x += 1) {
      if (x < bits.width && bits.get(x, y) === dark) {
        runs[4] += 1;
        continue;
      }
      if (dark && moduleSize(runs)) {
        const found = confirmed(bits, x - runs[4] - runs[3] - runs[2] / 2, y);
        if (found) collect(patterns, found);
      }
      runs.shift();
      runs.push(1);
      dark = !dark;
    }
  }
  return patterns.sort((a, b) => b.count - a.count).slice(0, MOST);
}

/** The corners in order: top left is where the right angle is, and the order goes clockwise from there. */
function ordered(a, b, c) {
  const distance = (p, q) => Math.hypot(p.x - q.x, p.y - q.y);
  const [corner, one, two] = [[a, b, c], [b, a, c], [c, a, b]].sort((p, q) => distance(q[1], q[2]) - distance(p[1], p[2]))[0];
  const cross = (one.x - corner.x) * (two.y - corner.y) - (one.y - corner.y) * (two.x - corner.x);
  return cross > 0 ? { topLeft: corner, topRight: one, bottomLeft: two } : { topLeft: corner, topRight: two, bottomLeft: one };
}

/** How far three patterns are from the corners of a square of one size; 0 is perfect. */
function strangeness({ topLeft, topRight, bottomLeft }) {
  const sizes = [topLeft.size, topRight.size, bottomLeft.size];
  const across = Math.hypot(topRight.x - topLeft.x, topRight.y - topLeft.y);
  const down = Math.hypot(bottomLeft.x - topLeft.x, bottomLeft.y - topLeft.y);
  const dot = (topRight.x - topLeft.x) * (bottomLeft.x - topLeft.x) + (topRight.y - topLeft.y) * (bottomLeft.y - topLeft.y);
  if (Math.min(across, down) < 9 * Math.min(...sizes)) return Infinity; // version 1 has 14 modules between them
  return Math.log(Math.max(...sizes) / Math.min(...sizes)) + Math.abs(Math.log(across / down)) + Math.abs(dot / (across * down));
}

/**
 * The likely triples of finder patterns, the likeliest first.
 * @param {import('./qr-binarize.js').Bits} bits
 */
export function findCorners(bits) {
  const patterns = findPatterns(bits);
  const triples = [];
  for (let i = 0; i < patterns.length; i += 1) {
    for (let j = i + 1; j < patterns.length; j += 1) {
      for (let k = j + 1; k < patterns.length; k += 1) {
        const corners = ordered(patterns[i], patterns[j], patterns[k]);
        const score = strangeness(corners);
        if (score < 1.2) triples.push({ ...corners, score });
      }
    }
  }
  return triples.sort((a, b) => a.score - b.score).slice(0, 6);
}
