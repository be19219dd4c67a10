// The text in a code's data: segments, each with a mode and a count (ISO/IEC 18004, 7.4).

const MODES = { end: 0b0000, numeric: 0b0001, alphanumeric: 0b0010, bytes: 0b0100, eci: 0b0111 };
const ALPHANUMERIC = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';

/** How many bits a segment's count has, for versions up to 9 and up to 26 (table 3). */
const COUNT_BITS = { [MODES.numeric]: [10, 12], [MODES.alphanumeric]: [9, 11], [MODES.bytes]: [8, 16] };

class Reader {
  #bytes;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  get left() {
    return this.#bytes.length * 8 - this.#at;
  }

  /** The next n bits; past the end it throws. */
  take(n) {
    if (n > this.left) throw new RangeError('the data ends within a segment');
    let value = 0;
    for (let i = 0; i < n; i += 1, this.#at += 1) value = value * 2 + ((this.#bytes[this.#at >> 3] >> (7 - (this.#at & 7))) & 1);
    return value;
  }
}

function numeric(reader, count) {
  let text = '';
  for (let left = count; left > 0; left -= 3) {
    const digits = Math.min(3, left);
    text += String(reader.take(digits * 3 + 1)).padStart(digits, '0');
  }
  return text;
}

function alphanumeric(reader, count) {
  let text = '';
  for (let left = count; left > 0; left -= 2) {
    const pair = reader.take(left > 1 ? 11 : 6);
    text += left > 1 ? ALPHANUMERIC[Math.floor(pair / 45)] + ALPHANUMERIC[pair % 45] : ALPHANUMERIC[pair];
  }
  return text;
}

/**
 * Bytes are UTF-8, as everybody writes them; where they are not, they are Latin-1, as the standard says.
 */
function bytes(reader, count) {
  const raw = Uint8Array.from({ length: count }, () => reader.take(8));
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(raw);
  } catch {
    return String.fromCharCode(...raw);
  }
}

const READERS = { [MODES.numeric]: numeric, [MODES.alphanumeric]: alphanumeric, [MODES.bytes]: bytes };

/**
 * The text of all segments, or null where they make no sense.
 * @param {number[]} data @param {number} version @returns {string|null}
 */
export function textOf(data, version) {
  const reader = new Reader(data);
  let text = '';
  try {
    while (reader.left >= 4) {
      const mode = reader.take(4);
      if (mode === MODES.end) break;
      if (mode === MODES.eci) { // which character set; all but UTF-8 is too rare to care
        if (reader.take(8) & 0x80) reader.take(8);
        continue;
      }
      const read = READERS[mode];
      if (!read) return null;
      text += read(reader, reader.take(COUNT_BITS[mode][version < 10 ? 0 : 1]));
    }
    return text;
  } catch {
    return null;
  }
}
