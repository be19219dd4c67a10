// Reed-Solomon codes over GF(256) as QR codes have them: the polynomial x^8+x^4+x^3+x^2+1, the generator's
// roots 2^0, 2^1 and so on (ISO/IEC 18004, 7.5.2 and annex B).

const EXP = new Uint8Array(510);
const LOG = new Uint8Array(256);
for (let i = 0, value = 1; i < 255; i += 1) {
  EXP[i] = EXP[i + 255] = value;
  LOG[value] = i;
  value <<= 1;
  if (value & 256) value ^= 0b100011101;
}

const times = (a, b) => (a === 0 || b === 0 ? 0 : EXP[LOG[a] + LOG[b]]);
const over = (a, b) => (a === 0 ? 0 : EXP[LOG[a] + 255 - LOG[b]]);

/** The value of a polynomial, whose lowest coefficient is first, at x. */
const at = (polynomial, x) => polynomial.reduceRight((sum, coefficient) => times(sum, x) ^ coefficient, 0);

/** What the received word leaves at each root of the generator: all zero if nothing is wrong. */
function syndromes(word, count) {
  const reversed = [...word].reverse();
  return Array.from({ length: count }, (_, i) => at(reversed, EXP[i]));
}

/** The error locator, by Berlekamp and Massey: its roots are the inverses of the places that are wrong. */
function locator(syndrome) {
  let current = [1];
  let before = [1];
  let [length, gap, discrepancyBefore] = [0, 1, 1];
  for (let n = 0; n < syndrome.length; n += 1) {
    let discrepancy = syndrome[n];
    for (let i = 1; i <= length; i += 1) discrepancy ^= times(current[i] ?? 0, syndrome[n - i]);
    if (discrepancy === 0) {
      gap += 1;
      continue;
    }
    const factor = over(discrepancy, discrepancyBefore);
    const next = [...current];
    for (let i = 0; i < before.length; i += 1) next[i + gap] = (next[i + gap] ?? 0) ^ times(factor, before[i]);
    for (let i = 0; i < next.length; i += 1) next[i] ??= 0;
    if (2 * length <= n) {
      [before, length, discrepancyBefore, gap] = [current, n + 1 - length, discrepancy, 1];
    } else {
      gap += 1;
    }
    current = next;
  }
  while (current.at(-1) === 0) current.pop();
  return current.length - 1 === length ? current : null;
}

/** By Forney: how wrong the codeword is whose place has this inverse. */
function magnitude(sigma, syndrome, inverse) {
  const omega = Array.from({ length: sigma.length - 1 }, (_, i) => {
    let sum = 0;
    for (let j = 0; j <= i; j += 1) sum ^= times(sigma[j], syndrome[i - j]);
    return sum;
  });
  let derivative = 0;
  for (let i = 1; i < sigma.length; i += 2) derivative ^= times(sigma[i], EXP[(LOG[inverse] * (i - 1)) % 255]);
  return derivative === 0 ? 0 : times(over(at(omega, inverse), derivative), EXP[255 - LOG[inverse]]);
}

/**
 * Corrects a block, up to half as many codewords as there are for correction.
 * @param {number[]} word data and correction
 * @param {number} correction how many of them are for correction
 * @returns {number[]|null} the corrected block, or null if too much is wrong
 */
export function corrected(word, correction) {
  const syndrome = syndromes(word, correction);
  if (syndrome.every((value) => value === 0)) return word;
  const sigma = locator(syndrome);
  if (!sigma || sigma.length - 1 > correction / 2) return null;
  const right = [...word];
  let found = 0;
  for (let place = 0; place < word.length; place += 1) {
    const inverse = EXP[(255 - place) % 255];
    if (at(sigma, inverse) !== 0) continue;
    right[word.length - 1 - place] ^= magnitude(sigma, syndrome, inverse);
    found += 1;
  }
  if (found !== sigma.length - 1) return null;
  return syndromes(right, correction).every((value) => value === 0) ? right : null;
}
