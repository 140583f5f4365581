import assert from "node:assert/strict";
import { test } from "node:test";
import { PRIORS } from "../src/verdict/labels.js";
import { fakeInHundred, rightInHundred } from "../src/verdict/worth.js";

const rates = { flags_fake: 0.359, flags_real: 0.019, part: "test" };

test("where fakes are rare, most flags are wrong", () => {
  assert.equal(Math.round(rightInHundred(rates)), 16);
  assert.equal(Math.round(rightInHundred(rates, 0.5)), 95);
});

test("a model that never errs on genuine ones is always right, one that never flags says nothing", () => {
  assert.equal(rightInHundred({ ...rates, flags_real: 0 }), 100);
  assert.equal(rightInHundred({ ...rates, flags_fake: 0, flags_real: 0 }), null);
});

test("the same evidence is worth little where fakes are rare, and much where they are not", () => {
  assert.deepEqual(PRIORS.map((prior) => Math.round(fakeInHundred(6.38, prior))), [6, 86]);
  assert.deepEqual(PRIORS.map((prior) => Math.round(fakeInHundred(1, prior))), PRIORS);
  assert.ok(fakeInHundred(0.2, 50) < 20);
});
