// Camera ids and claim codes as people type them; the same rules as pkg/credential/code.go.

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LENGTH = 20;
const GROUP = 5;

/** What a person typed, without separators, in the alphabet's letters where it has them. */
export function canonical(typed) {
  return typed.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
}

/** A code in groups of five. */
export function grouped(typed) {
  return canonical(typed).replace(new RegExp(`(.{${GROUP}})(?=.)`, 'g'), '$1-');
}

/** Whether a code is complete and its check character right. */
export function isCode(typed) {
  const values = [...canonical(typed)].map((letter) => ALPHABET.indexOf(letter));
  if (values.length !== LENGTH || values.includes(-1)) return false;
  let sum = 0;
  for (const value of values.slice(0, -1)) {
    sum = (sum ^ value) << 1; // times 2 in GF(32), x^5+x^2+1
    if (sum & 32) sum ^= 0b100101;
  }
  return sum === values.at(-1);
}
