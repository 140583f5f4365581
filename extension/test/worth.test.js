import assert from "node:assert/strict";
import { test } from "node:test";
import { rightInHundred } from "../src/verdict/worth.js";

const rates = { flags_fake: 0.359, flags_real: 0.019, part: "test" };

test("where fakes are rare, most flags are wrong", () => {
  assert.equal(Math.round(rightInHundred(rates)), 16);
  assert.equal(Math.round(rightInHundred(rates, 0.5)), 95);
});

test("a model that never errs on genuine ones is always right, one that never flags says nothing", () => {
  assert.equal(rightInHundred({ ...rates, flags_real: 0 }), 100);
  assert.equal(rightInHundred({ ...rates, flags_fake: 0, flags_real: 0 }), null);
});
