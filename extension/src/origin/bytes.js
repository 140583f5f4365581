// Files, whole or in parts, and what their bytes say.

/**
 * @typedef {{read: (from: number, to: number) => Promise<Uint8Array>}} Source the bytes from one place to
 *   another, fewer at the file's end; rejected with NotRead
 */

/** A file, or what is asked of it, is not given out. */
export class NotRead extends Error {}

/** @param {Uint8Array} bytes @returns {Source} */
export const whole = (bytes) => ({ read: async (from, to) => bytes.subarray(from, to) });

/** @param {Uint8Array} bytes @param {number} from @param {number} to each byte a sign; of short parts */
export const signs = (bytes, from, to) => String.fromCharCode(...bytes.subarray(from, to));

/** @param {Uint8Array} bytes */
export const utf8 = (bytes) => new TextDecoder().decode(bytes);

/** @param {string} text @returns {string} without the zeros and blanks around it; in one pass, however many they are */
export function stripped(text) {
  const isBlank = (/** @type {number} */ at) => text[at] === "\0" || text[at].trim() === "";
  let [start, end] = [0, text.length];
  while (start < end && isBlank(start)) start += 1;
  while (start < end && isBlank(end - 1)) end -= 1;
  return text.slice(start, end);
}

/** @param {Uint8Array} bytes */
export const latin = (bytes) => new TextDecoder("latin1").decode(bytes);

/** @param {Uint8Array} bytes @param {number} at @param {number} size @returns {number} big endian; raises RangeError past the end */
export function numberAt(bytes, at, size) {
  if (at + size > bytes.length) throw new RangeError("the data end early");
  return bytes.subarray(at, at + size).reduce((number, byte) => number * 256 + byte, 0);
}

/** @param {Uint8Array} bytes @returns {[Uint8Array, Uint8Array]} before and after the first zero */
export function part(bytes) {
  const at = bytes.indexOf(0);
  return at < 0 ? [bytes, bytes.subarray(bytes.length)] : [bytes.subarray(0, at), bytes.subarray(at + 1)];
}
