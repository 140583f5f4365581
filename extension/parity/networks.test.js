import assert from "node:assert/strict";
import { test } from "node:test";
import { Analysis } from "../src/local/analyze.js";
import { iou } from "../src/local/boxes.js";
import { findFaces } from "../src/local/faces.js";
import { NetworkFault } from "../src/local/files.js";
import { picture, values } from "./golden.js";
import { networks, read } from "./runtime.js";

/** By how much P(fake) may differ, of one crop and of a face's mean: sums in 8 bits are rounded otherwise, and noise of one level in each pixel moves P(fake) as far (0.10 on val). */
const [ONE_CROP, ONE_FACE] = [0.12, 0.06];

/** How far two landmarks are apart. */
const distance = ([x, y], [u, v]) => Math.hypot(x - u, y - v);

test("the faces of a picture are the same", async () => {
  const { detector, free } = await networks();
  for (const { name, faces } of values.pictures) {
    const found = await findFaces(detector, picture(name));
    assert.equal(found.length, faces.length, name);
    for (const { box, score, landmarks } of faces) {
      const same = found.find((other) => iou(other.box, box) >= 0.9);
      assert.ok(same, `${name}: nobody at ${box}`);
      assert.ok(Math.abs(same.score - score) < 0.01);
      landmarks.forEach((point, i) => assert.ok(distance(same.landmarks[i], point) <= 1, `${name}: landmark ${i}`));
    }
  }
  free();
});

test("a clip gets the same verdict", async () => {
  const opened = await networks();
  for (const { frames, times_s, verdict } of values.clips) {
    // What a JPEG does to a crop is the browser's to show; whatever else a label must survive is here.
    const analysis = new Analysis(opened, async (rgb) => rgb);
    for (const [i, name] of frames.entries()) await analysis.add(picture(name), times_s[i]);
    const about = { kind: verdict.media.kind, duration_s: verdict.media.duration_s, last: true };
    sameVerdict(await analysis.verdict(about), verdict);
  }
  opened.free();
});

/** Whether a face lost its label to a JPEG alone, which is not made here. */
const byJpeg = (face, same) => face.reasons.includes("unstable") && !same.reasons.includes("unstable");

function sameVerdict(found, expected) {
  assert.deepEqual([found.schema, found.basis], [expected.schema, expected.basis]);
  assert.equal(found.faces.length, expected.faces.length);
  if (!expected.faces.some((face, i) => byJpeg(face, found.faces[i]))) {
    assert.deepEqual([found.label, found.level, found.reasons], [expected.label, expected.level, expected.reasons]);
  }
  for (const [i, face] of expected.faces.entries()) {
    const same = found.faces[i];
    assert.equal(same.id, face.id);
    if (!byJpeg(face, same)) assert.deepEqual([same.label, same.level, same.reasons], [face.label, face.level, face.reasons]);
    assert.deepEqual([same.crops, Object.keys(same.scores)], [face.crops, Object.keys(face.scores).filter((name) => name === expected.model.name)]);
    assert.equal(same.lr === null, face.lr === null);
    if (face.lr !== null) assert.ok(Math.abs(Math.log(same.lr / face.lr)) < 0.35, `LR ${same.lr}, not ${face.lr}`);
    assert.ok(Math.abs(same.p_fake - face.p_fake) <= ONE_FACE, `P(fake) ${same.p_fake}, not ${face.p_fake}`);
    assert.equal(same.samples.length, face.samples.length);
    for (const [k, { box, p_fake }] of face.samples.entries()) {
      assert.ok(box.every((part, n) => Math.abs(same.samples[k].box[n] - part) < 0.01), `${same.samples[k].box}, not ${box}`);
      assert.equal(same.samples[k].p_fake === null, p_fake === null);
      if (p_fake !== null) assert.ok(Math.abs(same.samples[k].p_fake - p_fake) <= ONE_CROP, `${k}: ${same.samples[k].p_fake}, not ${p_fake}`);
    }
  }
}

/** Reads what `which` finds in the manifest with another answer than the network's. */
const lying = (which) => async (file) => {
  const content = await read(file);
  if (file !== "networks.json") return content;
  const manifest = JSON.parse(new TextDecoder().decode(content));
  which(manifest).answer[0] += 1;
  return new TextEncoder().encode(JSON.stringify(manifest));
};

test("a network that is another's, or that computes something else, is not used", async () => {
  const damaged = (which) => async (file) => {
    const content = await read(file);
    if (which.test(file)) content[content.length >> 1] ^= 1;
    return content;
  };
  await assert.rejects(networks(damaged(/onet/)), { code: "network-changed" });
  for (const which of ["pnet", "rnet", "onet"]) {
    await assert.rejects(networks(lying(({ detector }) => detector[which])), { code: "network-wrong" });
  }
  await assert.rejects(networks(lying(({ classifier }) => classifier.network)), { code: "network-wrong" });
  const absent = async (file) => (/onet/.test(file) ? Promise.reject(new NetworkFault("file-missing", file)) : read(file));
  await assert.rejects(networks(absent), { code: "file-missing" });
});
