import assert from "node:assert/strict";
import { test } from "node:test";
import { iou, squareAround, toFractions } from "../src/local/boxes.js";
import { bestFirst, nmsNongreedy } from "../src/local/cascade.js";
import { spread } from "../src/local/crops.js";
import { assign } from "../src/local/matching.js";
import { rounded } from "../src/local/picture.js";

const find = (box, logit) => ({ box, logit, landmarks: [] });
/** The least sum over all ways to pair rows with columns. */
const least = (costs, most, row = 0, taken = new Set()) => {
  if (row === costs.length) return most * Math.max(0, costs[0].length - costs.length);
  const others = costs[row].map((cost, column) => (taken.has(column) ? Infinity
    : Math.min(cost, most) + least(costs, most, row + 1, new Set([...taken, column]))));
  return Math.min(...others);
};
const random = (seed) => () => { seed = (seed * 48271) % 2147483647; return seed / 2147483647; };

test("halves are rounded to the even number, as in Python", () => {
  assert.deepEqual([0.5, 1.5, 2.5, -0.5, -1.5, 2.4999, 2.5001].map(rounded).map((value) => value + 0), [0, 2, 2, 0, -2, 2, 3]);
});

test("boxes without area have nothing in common", () => {
  assert.equal(iou([0, 0, 0, 0], [0, 0, 0, 0]), 0);
  assert.equal(iou([0, 0, 10, 10], [5, 0, 15, 10]), 1 / 3);
  assert.deepEqual(squareAround([0, 0, 10, 20]), [-5, 0, 15, 20]);
  assert.deepEqual(toFractions([-5, 10, 50, 300], { width: 100, height: 200 }), [0, 0.05, 0.5, 0.95]);
});

test("a worse find goes even if the better one goes too", () => {
  const finds = [find([0, 0, 10, 10], 1), find([1, 0, 11, 10], 3), find([2, 0, 12, 10], 2)];
  const best = bestFirst(finds);
  assert.deepEqual(best.map(({ logit }) => logit), [3, 2, 1]);
  assert.equal(nmsNongreedy(best, 0.7).length, 1);
  assert.equal(nmsNongreedy([find([0, 0, 10, 10], 2), find([4, 4, 6, 6], 1)], 0.7).length, 2);
  assert.equal(nmsNongreedy([find([0, 0, 10, 10], 2), find([4, 4, 6, 6], 1)], 0.7, "smaller").length, 1);
});

test("the cheapest assignment is found, and no pair costs too much", () => {
  const next = random(7);
  for (let n = 0; n < 200; n += 1) {
    const [rows, columns] = [1 + Math.floor(next() * 4), 4 + Math.floor(next() * 2)];
    const costs = Array.from({ length: rows }, () => Array.from({ length: columns }, () => (next() < 0.2 ? Infinity : next() * 3)));
    const pairs = assign(costs, 2);
    assert.equal(new Set(pairs.map(([, column]) => column)).size, pairs.length);
    const sum = pairs.reduce((total, [row, column]) => total + costs[row][column], 0);
    const unpaired = 2 * (columns - pairs.length);
    assert.ok(Math.abs(sum + unpaired - least(costs, 2)) < 1e-9);
    assert.ok(pairs.every(([row, column]) => costs[row][column] < 2));
  }
  assert.deepEqual(assign([], 2), []);
  assert.deepEqual(assign([[]], 2), []);
});

test("crops that are kept are good ones, spread over time", () => {
  const crop = (time_s, sharpness) => ({ time_s, sharpness, frontality: 1, size_px: 100, rgb: { height: 100 } });
  let crops = [];
  for (let i = 0; i < 50; i += 1) crops = spread([...crops, crop(i, i % 2 ? 0.9 : 0.3)], 8);
  assert.equal(crops.length, 8);
  const gaps = crops.slice(1).map(({ time_s }, i) => time_s - crops[i].time_s);
  assert.ok(Math.max(...gaps) <= 16, String(gaps));
});
