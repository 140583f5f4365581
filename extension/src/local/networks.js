// The networks of the package, checked, compiled by LiteRT.js, and tested before they are used.

import { NetworkFault, checked, jsonIn } from "./files.js";
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
 * @property {Network} classifier of one crop
 * @property {Manifest} manifest what is known of them
 * @property {Record<string, string>} versions of what runs them
 * @property {() => void} free
 *
 * @typedef {typeof import("@litertjs/core")} LiteRt
 */

/** Stands among the versions where the networks run slower than they could. */
export const SLOWER = Object.freeze({ slower: "a faster way computed something else" });
/** For how many sizes of pictures the P-Net is kept: those of about three pyramids. */
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
 * @param {Promise<LiteRt>} loading LiteRT.js with its WebAssembly; the files are read meanwhile
 * @param {Read} read a file that `convert browser` wrote
 * @returns {Promise<Networks>} each compared with what it answered natively; raises NetworkFault
 */
export async function openNetworks(loading, read) {
  /** @type {Manifest} */
  const manifest = await jsonIn(read, "networks.json");
  const { detector: { pnet: entry, rnet, onet }, classifier: { network }, probe: { tolerance } } = manifest;
  const [litert, probe, pnetFile] = await Promise.all([loading, checked(read, manifest.probe), checked(read, entry)]);

  /** @param {NetworkEntry} entry @param {(input: Float32Array) => Float32Array} [prepared] */
  const open = async (entry, prepared = (input) => input) => {
    const network = await compiled(litert, await checked(read, entry), entry.shape);
    compare(await network.run(prepared(probed(probe, entry.shape))), entry, tolerance);
    return network;
  };
  const pnet = createPnet(litert, pnetFile, entry.sides_at);
  const [, height, width] = entry.shape;
  compare(await pnet.run({ width, height, channels: 3, data: probed(probe, entry.shape) }), entry, tolerance);
  const [refined, closest, classifier] = await Promise.all([
    open(rnet), open(onet), open(network, toInput),
  ]);
  const free = () => [pnet, refined, closest, classifier].forEach((network) => network.free());
  return { detector: { pnet: pnet.run, rnet: refined, onet: closest }, classifier, manifest, versions: {}, free };
}
