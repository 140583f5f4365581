import assert from "node:assert/strict";
import { test } from "node:test";
import { clearest, compose, intersect, pictureRect, toViewport } from "../src/verdict/geometry.js";

const IDENTITY = { a: 1, b: 0, c: 0, d: 1 };
const turned = (degrees) => {
  const [cos, sin] = [Math.cos, Math.sin].map((f) => f((degrees * Math.PI) / 180));
  return { a: cos, b: sin, c: -sin, d: cos };
};
const apply = ({ a, b, c, d, e, f }, x, y) => ({ x: a * x + c * y + e, y: b * x + d * y + f });
const close = (one, other) => {
  for (const key of Object.keys(other)) assert.ok(Math.abs(one[key] - other[key]) < 1e-9, `${key}: ${one[key]}`);
};

const box = { width: 800, height: 300 };
const picture = { width: 640, height: 480 };

test("contain keeps the shape and leaves bars", () => {
  close(pictureRect(box, picture), { x: 200, y: 0, width: 400, height: 300 });
});

test("cover crops, on both sides alike", () => {
  close(pictureRect(box, picture, "cover"), { x: 0, y: -150, width: 800, height: 600 });
});

test("fill stretches, none keeps the size, scale-down takes the smaller", () => {
  close(pictureRect(box, picture, "fill"), { x: 0, y: 0, width: 800, height: 300 });
  close(pictureRect(box, picture, "none"), { x: 80, y: -90, width: 640, height: 480 });
  close(pictureRect(box, { width: 80, height: 60 }, "scale-down"), { x: 360, y: 120, width: 80, height: 60 });
  close(pictureRect(box, picture, "scale-down"), pictureRect(box, picture, "contain"));
});

test("object-position, as computed styles write it", () => {
  assert.equal(pictureRect(box, picture, "contain", "0% 50%").x, 0);
  assert.equal(pictureRect(box, picture, "contain", "100% 50%").x, 400);
  assert.equal(pictureRect(box, picture, "contain", "12px 50%").x, 12);
  assert.equal(pictureRect(box, picture, "contain", "calc(100% - 30px) 50%").x, 370);
  assert.equal(pictureRect(box, picture, "contain", "calc(-5px + 50%) 50%").x, 195);
});

test("any fit but fill keeps the picture's shape", () => {
  for (let i = 1; i < 200; i += 1) {
    const size = { width: 1 + ((i * 37) % 900), height: 1 + ((i * 91) % 700) };
    for (const fit of ["contain", "cover", "none", "scale-down"]) {
      const rect = pictureRect(size, picture, fit);
      assert.ok(Math.abs(rect.width / rect.height - 4 / 3) < 1e-9);
    }
  }
});

test("an element that is not transformed is where its rectangle is", () => {
  const map = toViewport({ x: 10, y: 20, width: 640, height: 480 }, picture, IDENTITY);
  close(apply(map, 0, 0), { x: 10, y: 20 });
  close(apply(map, 640, 480), { x: 650, y: 500 });
});

test("a quarter turn takes the right edge down", () => {
  const bounds = { x: 80, y: -80, width: 480, height: 640 };
  const map = toViewport(bounds, picture, turned(90));
  close(apply(map, 0, 0), { x: 560, y: -80 });
  close(apply(map, 640, 0), { x: 560, y: 560 });
});

test("what the transforms do not explain is zoom", () => {
  const map = toViewport({ x: 0, y: 0, width: 1280, height: 960 }, picture, IDENTITY);
  close(apply(map, 320, 240), { x: 640, y: 480 });
});

test("turns add up", () => {
  for (let i = 0; i < 360; i += 15) close(compose(turned(i), turned(30)), turned(i + 30));
});

test("an intersection lies in both, and is empty where they do not meet", () => {
  const one = { x: 0, y: 0, width: 10, height: 10 };
  close(intersect(one, { x: 5, y: -5, width: 10, height: 10 }), { x: 5, y: 0, width: 5, height: 5 });
  assert.equal(intersect(one, { x: 20, y: 0, width: 5, height: 5 }).width, 0);
});

test("a panel stays where it hides no face, else goes where it hides least", () => {
  const [low, high] = [0, 100].map((y) => ({ x: 0, y, width: 100, height: 20 }));
  const face = (y, height) => ({ x: 40, y, width: 20, height });
  assert.equal(clearest([low, high], [], 1), 1);
  assert.equal(clearest([low, high], [face(10, 30)], 0), 1);
  assert.equal(clearest([low, high], [face(10, 30)], 1), 1);
  assert.equal(clearest([low, high], [face(-20, 122)], 0), 1, "both hide some: the lesser");
});
