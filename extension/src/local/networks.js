// The networks of the package, checked, compiled by LiteRT.js, and tested before they are believed.

import { NetworkFault, checked, manifestIn } from "./files.js";
import { windowsAlong } from "./pyramid.js";

/**
 * @import { Manifest, NetworkEntry, Read } from "./files.js"
 * @import { Picture } from "./picture.js"
 *
 * @typedef {{batch: number, run: (input: Float32Array) => Promise<Float32Array>, free: () => void}} Network
 *   of one shape; the answer is the caller's to keep
 * @typedef {object} Detector
 * @property {(level: Picture) => Promise<Float32Array>} pnet answers for any size, cell after cell
 * @property {Network} rnet
 * @property {Network} onet
 *
 * @typedef {object} Networks
 * @property {Detector} detector
 * @property {Network[]} classifier by size of batch, the smallest first
 * @property {Manifest} manifest what is known of them
 * @property {() => void} free
 *
 * @typedef {typeof import("@litertjs/core")} LiteRt
 */

/** The P-Net is kept for so many sizes of pictures, those of about three pyramids. */
const MOST_SIZES = 32;

/** @param {LiteRt} litert @param {Uint8Array} content @param {number[]} shape @returns {Promise<Network>} */
async function compiled(litert, content, shape) {
  const model = await litert.loadAndCompile(content, { accelerator: "wasm" });
  return {
    batch: shape[0],
    free: () => model.delete(),
    async run(input) {
      const given = new litert.Tensor(input, shape);
      try {
        const [answer] = await model.run(given);
        const values = Float32Array.from(/** @type {Float32Array} */ (answer.toTypedArray()));
        answer.delete();
        return values;
      } finally {
        given.delete();
      }
    },
  };
}

/**
 * The P-Net, compiled anew for each size of picture.
 * @param {LiteRt} litert @param {Uint8Array} content @param {{input: number, answer: number}} sides_at
 */
function createPnet(litert, content, sides_at) {
  /** @type {Map<string, Network>} the one used last stands last */
  const bySize = new Map();
  /** @param {number} width @param {number} height */
  const compile = (width, height) => {
    const own = content.slice();
    const view = new DataView(own.buffer);
    const cells = [windowsAlong(height), windowsAlong(width)];
    [height, width].forEach((length, i) => view.setInt32(sides_at.input + 4 * i, length, true));
    cells.forEach((length, i) => view.setInt32(sides_at.answer + 4 * i, length, true));
    return compiled(litert, own, [1, height, width, 3]);
  };
  return {
    /** @param {Picture} level */
    async run({ width, height, data }) {
      const size = `${width} x ${height}`;
      const network = bySize.get(size) ?? await compile(width, height);
      bySize.delete(size);
      bySize.set(size, network);
      const [[oldest, unused]] = bySize;
      if (bySize.size > MOST_SIZES) {
        unused.free();
        bySize.delete(oldest);
      }
      return network.run(/** @type {Float32Array} */ (data));
    },
    free() {
      for (const network of bySize.values()) network.free();
      bySize.clear();
    },
  };
}

/** @param {Float32Array} found @param {NetworkEntry} entry @param {number} tolerance */
function compare(found, { file, answer }, tolerance) {
  const agrees = found.length === answer.length && answer.every((value, i) => Math.abs(found[i] - value) <= tolerance);
  if (!agrees) throw new NetworkFault("network-wrong", file);
}

/** @param {Uint8Array} probe @param {number[]} shape @returns {Float32Array} the probe over and over */
function probed(probe, shape) {
  return Float32Array.from({ length: shape.reduce((product, length) => product * length, 1) }, (_, i) => probe[i % probe.length]);
}

/** @param {Float32Array} pixels 0..255 @returns {Float32Array} -1..1, which every classifier expects */
export function toInput(pixels) {
  return pixels.map((value) => value / 127.5 - 1);
}

/**
 * @param {Networks} networks @param {Uint8Array} probe
 * @returns {Promise<void>} raises NetworkFault unless each answers to the probe what it answered natively
 */
async function selfTest({ detector, classifier, manifest }, probe) {
  const { tolerance } = manifest.probe;
  const { pnet, rnet, onet } = manifest.detector;
  const [, height, width] = pnet.shape;
  compare(await detector.pnet({ width, height, channels: 3, data: probed(probe, pnet.shape) }), pnet, tolerance);
  compare(await detector.rnet.run(probed(probe, rnet.shape)), rnet, tolerance);
  compare(await detector.onet.run(probed(probe, onet.shape)), onet, tolerance);
  for (const [i, entry] of manifest.classifier.networks.entries()) {
    compare(await classifier[i].run(toInput(probed(probe, entry.shape))), entry, tolerance);
  }
}

/**
 * @param {LiteRt} litert with its WebAssembly loaded @param {Read} read a file that `convert browser` wrote
 * @returns {Promise<Networks>} tested; raises NetworkFault
 */
export async function openNetworks(litert, read) {
  const manifest = await manifestIn(read);
  const open = async (/** @type {NetworkEntry} */ entry) =>
    compiled(litert, await checked(read, entry), entry.shape);
  const { pnet: entry, rnet, onet } = manifest.detector;
  const pnet = createPnet(litert, await checked(read, entry), entry.sides_at);
  const detector = { pnet: pnet.run, rnet: await open(rnet), onet: await open(onet) };
  /** @type {Network[]} */
  const classifier = [];
  for (const entry of manifest.classifier.networks) classifier.push(await open(entry));
  const free = () => [pnet, detector.rnet, detector.onet, ...classifier].forEach((network) => network.free());
  const networks = { detector, classifier, manifest, free };
  await selfTest(networks, await checked(read, manifest.probe));
  return networks;
}
