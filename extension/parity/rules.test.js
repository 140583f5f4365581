import assert from "node:assert/strict";
import { test } from "node:test";
import { side } from "../src/local/boxes.js";
import { Tracker } from "../src/local/tracks.js";
import { judge } from "../src/local/verdict.js";
import { apart, picture, values } from "./golden.js";

test("people are followed alike, past each other and over a cut", () => {
  const { side_px, frames, tracks } = values.tracks;
  const tracker = new Tracker(side_px, 3);
  for (const { name, time_s, faces } of frames) tracker.add(picture(name), time_s, faces);
  const found = tracker.tracks();
  assert.ok(tracks.length >= 3, "two before the cut, one after it");
  assert.deepEqual(found.map(({ id }) => id), tracks.map(({ id }) => id));
  for (const [i, expected] of tracks.entries()) {
    const { times_s, boxes, crops } = found[i];
    assert.deepEqual(times_s, expected.times_s);
    assert.ok(apart(boxes.flat(), expected.boxes.flat()).most < 1e-3);
    assert.deepEqual(crops.map(({ time_s }) => time_s), expected.crop_times_s);
    assert.ok(apart(crops.map(({ sharpness }) => sharpness), expected.sharpness).most < 0.01);
    assert.ok(crops.every((crop) => crop.rgb.height === side_px && crop.size_px === side(boxes[times_s.indexOf(crop.time_s)])));
  }
});

test("the same scores get the same label, for the same reasons", async () => {
  const labels = new Set();
  for (const one of values.judged) {
    const crops = one.times_s.map((time_s, i) => ({
      time_s, rgb: null, sharpness: one.sharpness[i], frontality: one.frontality[i], size_px: one.sizes_px[i],
    }));
    const track = { id: 1, times_s: one.times_s, boxes: one.times_s.map(() => [10, 20, 110, 140]), crops };
    const thresholds = { ...one.thresholds, likelihood: one.likelihood };
    const how = { name: "meso3", thresholds, still: one.still, size: { width: 480, height: 270 }, means: null };
    const found = await judge(track, one.p_fake, how);
    assert.deepEqual([found.label, found.level, found.reasons], [one.label, one.level, one.reasons]);
    assert.deepEqual(found.support, one.support);
    assert.deepEqual(found.stretch_s, one.stretch_s);
    const ratios = [[found.lr, ...(found.lr_interval ?? [])], [one.lr, ...(one.lr_interval ?? [])]];
    if (one.lr !== null) assert.ok(ratios[0].every((lr, i) => Math.abs(Math.log(lr / ratios[1][i])) < 0.01), String(ratios));
    assert.equal(found.p_fake === null, one.p === null);
    if (one.p !== null) assert.ok(apart([found.p_fake, ...found.interval], [one.p, ...one.interval]).most < 1e-4);
    assert.deepEqual(found.moments.map(({ t }) => t), one.moments.map(([t]) => t));
    assert.deepEqual(found.samples[0].box, one.box);
    labels.add(found.level).add(found.support?.strength).add(found.label).add(found.reasons[0]).add(found.stretch_s && "stretch");
  }
  const strengths = ["none", "weak", "moderate", "moderately-strong"];
  const expected = [...strengths, "fake", "suspicious", "real", "inconclusive", "scores-disagree", "not-certain", "too-few-frames", "stretch"];
  for (const label of expected) assert.ok(labels.has(label), label);
});
