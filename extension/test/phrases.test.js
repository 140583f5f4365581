import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import rules from "../src/local/rules.js";
import { lookedAt } from "../src/verdict/extent.js";
import { nextSteps } from "../src/view/next.js";
import { evidenceText, hundredTexts, isOpen, labelText, reasonText, worthTexts } from "../src/view/phrases.js";
import { makeWords } from "../src/words.js";

const LOCALES = new URL("../src/_locales/", import.meta.url);
const wordsOf = (language) => {
  const entries = JSON.parse(readFileSync(new URL(`${language}/messages.json`, LOCALES), "utf8"));
  const messages = Object.fromEntries(Object.entries(entries).map(([key, { message }]) => [key, message]));
  return makeWords({ language, messages });
};
const golden = (schema) => JSON.parse(readFileSync(new URL(`../../tests/contract/verdict-${schema}.json`, import.meta.url), "utf8"));
const english = wordsOf("en");

test("support comes in words, in every language", () => {
  for (const language of readdirSync(LOCALES)) {
    const words = wordsOf(language);
    const said = rules.likelihood.STRENGTHS.slice(1).flatMap((strength) => ["manipulated", "genuine"].map((direction) =>
      evidenceText(words, { level: "fake", support: { direction, strength } })));
    assert.equal(new Set(said).size, said.length, language);
    assert.ok(said.every((text) => !/[$_]/.test(text)), said.join());
  }
  assert.equal(evidenceText(english, { level: "inconclusive", support: { direction: null, strength: "none" } }), "No support either way");
  assert.equal(evidenceText(english, { level: "inconclusive", support: null, p_fake: 0.57 }), "", "no number where nothing was told");
});

test("no sign names what was looked for", () => {
  const real = { label: "real", level: "real" };
  assert.equal(labelText(english, real, { covers: ["face swap"], blind_to: ["generated face"] }), "No sign of: face swap");
  assert.equal(labelText(english, real, { covers: ["face swap", "composite"], blind_to: [] }), "No sign of: face swap, hand-made composite");
  assert.equal(labelText(english, real, null), "No sign of manipulation found", "of a network that nothing is known of");
  assert.equal(labelText(english, { label: "inconclusive", level: "suspicious" }, null), "Suspicious");
});

test("what a check that goes on cannot tell yet is no finding", () => {
  assert.deepEqual([{ label: "inconclusive" }, { label: "no-face" }].map(isOpen), [true, true]);
  const found = [{ label: "inconclusive", level: "suspicious" }, { label: "fake", level: "fake" }, { label: "real", level: "real" }];
  assert.deepEqual(found.map(isOpen), [false, false, false]);
});

test("an answer says what its evidence is worth, and one of schema 1 what its flag is", () => {
  const [rare, often] = hundredTexts(english, golden(2));
  assert.equal(rare, "Where fakes make up 1 in 100 such videos, they make up 12 in 100 of those with evidence like this.");
  assert.equal(often, "Where fakes make up 50 in 100 such videos, they make up 93 in 100 of those with evidence like this.");
  assert.match(hundredTexts(english, { lr: 0.3 })[0], /they make up under 1 in 100/, "rare is not never");
  assert.deepEqual(hundredTexts(english, golden(1)), []);
  const [blind, people, guarantee, viewers] = worthTexts(english, golden(2));
  assert.match(viewers, /right on 57 of 100/);
  assert.equal(blind, "Not looked for: fully generated face.");
  assert.match(people, /32 manipulated/);
  assert.match(guarantee, /Of 532 genuine people who were checked, 5 .* at most 2.0%/);
  assert.match(worthTexts(english, golden(1))[0], /right in 16 of 100/);
});

test("where scores disagree it is told when, in every language", () => {
  for (const language of readdirSync(LOCALES)) {
    const said = (label) => reasonText(wordsOf(language), "scores-disagree", { label, stretch_s: [0.3, 1.6] });
    assert.ok(said("fake").includes("0:00") && said("fake").includes("0:02"), language);
    assert.notEqual(said("fake"), said("inconclusive"), language);
  }
  assert.equal(reasonText(english, "scores-disagree", golden(2)), "0:00 to 0:01 looks manipulated; the rest does not.");
  assert.match(reasonText(english, "scores-disagree", golden(1)), /^Only a part/);
});

test("every answer leads on, each step once", () => {
  const of = (level, ...reasons) => nextSteps({ label: level, level, reasons });
  assert.deepEqual(of("fake", "scores-disagree"), ["reverse-search"]);
  assert.deepEqual(of("inconclusive", "too-few-frames", "blurred"), ["longer-part", "better-copy"]);
  assert.deepEqual(of("suspicious", "unstable", "scores-disagree"), ["better-copy", "reverse-search"]);
  for (const level of ["fake", "suspicious", "real", "no-face"]) assert.equal(of(level).length, 1, level);
});

test("a check that goes on tells how much it has looked at", () => {
  const seconds = (count) => Array.from({ length: count }, (_, i) => i / 3);
  const part = (sampled_s, options = { start_s: 0, end_s: null, samples_per_s: 3, max_samples: 720 }) => lookedAt({
    media: { kind: "video", duration_s: 60, analyzed_s: [sampled_s[0], sampled_s.at(-1)], sampled_s }, options,
  });
  assert.deepEqual(part(seconds(36)), { seconds: 12, of: 60 });
  assert.deepEqual(part([0, 11, 22, 33, 44, 55]), { seconds: 2, of: 60 }, "a first look at six pictures");
  assert.deepEqual(part(seconds(36), { start_s: 10, end_s: 40, samples_per_s: 3, max_samples: 720 }), { seconds: 12, of: 30 });
  assert.deepEqual(part(seconds(720), { start_s: 0, end_s: null, samples_per_s: 3, max_samples: 120 }), { seconds: 60, of: 60 });
  assert.deepEqual(lookedAt({ media: { kind: "video", duration_s: 60, analyzed_s: [3, 15.5] } }), { seconds: 12, of: 60 });
  assert.equal(lookedAt({ media: { kind: "image", duration_s: 0, analyzed_s: [0, 0] } }), null);
});
