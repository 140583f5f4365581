// What the Python side computed (tests/extension/golden.py), read back.

import { readFileSync } from "node:fs";
import { join } from "node:path";

const { GOLDEN } = process.env;
if (!GOLDEN) throw new Error("GOLDEN names no folder; run: pytest tests/extension/test_parity.py");

/** Numbers and lists by name. */
export const values = JSON.parse(readFileSync(join(GOLDEN, "values.json"), "utf8"));

/** An array by name, as a picture: floats, or bytes. */
export function picture(name) {
  const { shape: [height, width, channels = 1], dtype } = values.arrays[name];
  const content = readFileSync(join(GOLDEN, `${name}.bin`));
  const whole = content.buffer.slice(content.byteOffset, content.byteOffset + content.byteLength);
  return { height, width, channels, data: new (dtype === "uint8" ? Uint8ClampedArray : Float32Array)(whole) };
}

/** How far two arrays are apart: at most, and on average. */
export function apart(found, expected) {
  if (found.length !== expected.length) throw new Error(`${found.length} numbers, not ${expected.length}`);
  const differences = Array.from(found, (value, i) => Math.abs(value - expected[i]));
  return {
    most: differences.reduce((most, value) => Math.max(most, value), 0),
    mean: differences.reduce((sum, value) => sum + value, 0) / Math.max(1, differences.length),
  };
}
