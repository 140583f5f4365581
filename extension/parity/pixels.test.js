import assert from "node:assert/strict";
import { test } from "node:test";
import { grey, lab } from "../src/local/colour.js";
import { extractPatches } from "../src/local/cascade.js";
import { frontality, sharpness } from "../src/local/crops.js";
import { likeness, thumbnail } from "../src/local/cuts.js";
import { appearance } from "../src/local/matching.js";
import { flipped, asFloats, faceCrop, resized, shrunk } from "../src/local/picture.js";
import { levels, windowsAlong } from "../src/local/pyramid.js";
import { scaled, shifted } from "../src/local/stability.js";
import { apart, picture, values } from "./golden.js";

const face = picture("face");
// A byte in a hundred may differ by 1: sums in floating point end a hair above or below a half.
const close = (found, name, most, mean = most) => {
  const difference = apart(found.data, picture(name).data);
  assert.ok(difference.most <= most && difference.mean <= mean, `${name}: ${JSON.stringify(difference)}`);
};

test("pictures shrink by area, bytes and floats, whole and broken ratios", () => {
  for (const { name, width, height } of values.shrunk) {
    close(shrunk(face, width, height), `${name}-bytes`, 1, 0.01);
    close(shrunk(asFloats(face), width, height), `${name}-floats`, 0.01);
  }
});

test("a pyramid has the same levels, with the same cells", () => {
  for (const { size, levels: expected } of values.pyramids) {
    const found = levels(size).map(({ scale, width, height }) =>
      ({ scale, width, height, cells: [windowsAlong(height), windowsAlong(width)] }));
    assert.deepEqual(found.map(({ scale, ...rest }) => rest), expected.map(({ scale, ...rest }) => rest));
    assert.ok(apart(found.map(({ scale }) => scale), expected.map(({ scale }) => scale)).most < 1e-9);
  }
});

test("windows are sampled alike, also across the edge", () => {
  const finds = values.windows.map((box) => ({ box, logit: 0, landmarks: [] }));
  const expected = picture("windows").data;
  const found = new Float32Array(expected.length);
  extractPatches(asFloats(face), finds, 24, found);
  const difference = apart(found, expected);
  assert.ok(difference.most <= 4 && difference.mean <= 0.15, JSON.stringify(difference));
});

test("faces are cut out alike, larger, smaller and over the edge", () => {
  values.crops.forEach(({ landmarks, side_px }, i) => close(faceCrop(face, landmarks, side_px), `crop-${i}`, 1, 0.01));
  assert.equal(faceCrop(face, values.crops[0].landmarks.map(([x, y]) => [x + 5000, y]), 48), null);
});

test("colours are turned alike", () => {
  close(lab(face), "lab", 2, 0.2);
  close(grey(face), "grey", 1, 0.01);
});

test("crops are as sharp and as frontal", () => {
  values.crops.forEach(({ sharpness: expected, frontality: front, landmarks }, i) => {
    assert.ok(Math.abs(sharpness(picture(`crop-${i}`)) - expected) < 0.01, `${i}`);
    assert.ok(Math.abs(frontality(landmarks) - front) < 1e-4, `${i}`);
  });
});

test("a crop is changed alike before it is judged again", () => {
  close(scaled(picture("crop-0")), "scaled", 1, 0.01);
  close(shifted(picture("crop-0")), "shifted", 0);
  close(flipped(picture("crop-0")), "flipped", 0);
});

test("looks and scenes are as alike", () => {
  values.crops.forEach(({ landmarks }, i) =>
    assert.ok(Math.hypot(...appearance(face, landmarks).map((value, k) => value - values.looks[i][k])) < 0.05, `look ${i}`));
  const scenes = values.scenes.map((name) => thumbnail(picture(name)));
  values.likeness.forEach((row, i) => row.forEach((expected, k) => {
    const found = likeness(scenes[i], scenes[k]);
    assert.ok(Math.abs(found - expected) < 0.01, `${i}, ${k}: ${found}, not ${expected}`);
  }));
});

test("a picture grows linearly", () => close(resized(picture("crop-1"), 200), "grown", 1, 0.01));
