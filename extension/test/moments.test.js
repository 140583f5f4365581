import assert from "node:assert/strict";
import { test } from "node:test";
import { LIVE_S, boxAt, level, placedIn, sameMedia, stretches, withLater } from "../src/verdict/moments.js";

const sample = (t, x, p_fake = 0.5) => ({ t, box: [x, 0.2, 0.1, 0.1], p_fake });
const face = (samples, p_fake = 0.5) => ({
  id: 1, label: "fake", p_fake, interval: null, reasons: [], samples,
  start_s: samples[0].t, end_s: samples.at(-1).t,
});

test("between two samples the box moves on the straight line", () => {
  const samples = [sample(0, 0), sample(1, 0.4)];
  assert.equal(boxAt(samples, 0.25)[0], 0.1);
  assert.equal(boxAt(samples, 0)[0], 0);
  assert.equal(boxAt(samples, 1)[0], 0.4);
});

test("a gap is not bridged, and a face lingers for a moment only", () => {
  const samples = [sample(1, 0), sample(5, 0.4)];
  assert.equal(boxAt(samples, 3), null);
  assert.deepEqual(boxAt(samples, 1.2), samples[0].box);
  assert.deepEqual(boxAt(samples, 4.8), samples[1].box);
  assert.equal(boxAt(samples, 0.5), null);
  assert.equal(boxAt(samples, 5.5), null);
  assert.equal(boxAt([], 1), null);
});

test("while what plays is looked at, the newest box holds longer, and no other one", () => {
  const samples = [sample(1, 0), sample(5, 0.4)];
  assert.deepEqual(boxAt(samples, 6.4, LIVE_S), samples[1].box);
  assert.equal(boxAt(samples, 6.6, LIVE_S), null);
  assert.equal(boxAt(samples, 3, LIVE_S), null);
});

test("a first look is kept where the check has not come to yet", () => {
  const first = { media: { analyzed_s: [0, 60] }, faces: [face([sample(0, 0), sample(40, 0.1), sample(41, 0.2)])] };
  const now = { media: { analyzed_s: [0, 10] }, faces: [face([sample(0, 0), sample(10, 0.3)])] };
  const times = /** @param {any} verdict */ (verdict) => withLater(verdict, first).map((one) => one.samples.map(({ t }) => t));
  assert.deepEqual(times(now), [[0, 10], [40, 41]]);
  assert.deepEqual(times({ ...now, media: { analyzed_s: [0, 60] } }), [[0, 10]]);
  assert.deepEqual(withLater(now, null), now.faces);
});

test("stretches cover the face's time without a hole, each of one level", () => {
  const ps = [0.95, 0.9, 0.5, 0.1, 0.1, 0.95];
  const found = stretches(face(ps.map((p, i) => sample(i / 3, 0, p))));
  assert.deepEqual(found.map((one) => one.level), ["high", "middle", "low", "high"]);
  assert.equal(found[0].from_s, 0);
  assert.equal(found.at(-1).to_s, 5 / 3);
  for (let i = 1; i < found.length; i += 1) assert.equal(found[i].from_s, found[i - 1].to_s);
});

test("whom the service did not judge is unclear throughout", () => {
  const found = stretches(face([sample(0, 0, 0.99), sample(2, 0, 0.99)], null));
  assert.deepEqual(found, [{ from_s: 0, to_s: 2, level: "middle" }]);
});

test("levels", () => {
  const model = { fake_at: 0.7, real_at: 0.2 };
  const levels = [0, 0.2, 0.3, 0.7, 1].map((p) => level(p, model));
  assert.deepEqual(levels, ["low", "low", "middle", "high", "high"], "the model's own thresholds");
  assert.equal(level(0.7), "middle");
});

test("an advert is not what was judged", () => {
  const judged = { kind: "video", width_px: 1280, height_px: 720, duration_s: 60 };
  const playing = { width: 640, height: 360, duration_s: 60.4 };
  assert.ok(sameMedia(judged, playing));
  assert.ok(!sameMedia(judged, { ...playing, duration_s: 15 }));
  assert.ok(!sameMedia(judged, { ...playing, width: 360, height: 640 }));
  assert.ok(!sameMedia(judged, { ...playing, width: 0, height: 0 }));
  assert.ok(sameMedia(judged, { ...playing, duration_s: Infinity }), "a stream has no length");
});

test("a captured part lies where it was captured", () => {
  const media = { kind: "video", width_px: 1, height_px: 1, duration_s: 2, analyzed_s: [0, 2] };
  const verdict = { schema: 1, media, faces: [face([sample(0, 0), sample(2, 0)])] };
  const placed = placedIn(verdict, 40, 90);
  assert.deepEqual(placed.media.analyzed_s, [40, 42]);
  assert.equal(placed.media.duration_s, 90);
  assert.deepEqual(placed.faces[0].samples.map(({ t }) => t), [40, 42]);
  const told = { ...verdict, media: { ...verdict.media, sampled_s: [0, 2] } };
  told.faces = [{ ...verdict.faces[0], moments: [{ t: 2, p_fake: 0.9, regions: null }] }];
  assert.deepEqual(placedIn(told, 40, 90).media.sampled_s, [40, 42]);
  assert.equal(placedIn(told, 40, 90).faces[0].moments[0].t, 42);
  const parted = { ...verdict, stretch_s: [0, 1], faces: [{ ...verdict.faces[0], stretch_s: [0, 1] }] };
  assert.deepEqual([placedIn(parted, 40, 90), placedIn(parted, 40, 90).faces[0]].map(({ stretch_s }) => stretch_s), [[40, 41], [40, 41]]);
  assert.equal(verdict.faces[0].samples[0].t, 0);
  assert.equal(placedIn(null, 40, 90), null);
});
