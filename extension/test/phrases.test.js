import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import rules from "../src/local/rules.js";
import { evidenceText, isOpen, labelText, worthTexts } from "../src/view/phrases.js";
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
  assert.equal(labelText(english, real, null), "No sign of manipulation found");
  assert.equal(labelText(english, { label: "inconclusive", level: "suspicious" }, null), "Suspicious");
});

test("what a check that goes on cannot tell yet is no finding", () => {
  assert.deepEqual([{ label: "inconclusive" }, { label: "no-face" }].map(isOpen), [true, true]);
  const found = [{ label: "inconclusive", level: "suspicious" }, { label: "fake", level: "fake" }, { label: "real", level: "real" }];
  assert.deepEqual(found.map(isOpen), [false, false, false]);
});

test("an answer says what its evidence is worth, and one of schema 1 what its flag is", () => {
  const [rare, often, blind, people, guarantee] = worthTexts(english, golden(2));
  assert.equal(rare, "If 1 of 100 such videos are fake, 12 of 100 with evidence like this are fake.");
  assert.equal(often, "If 50 of 100 such videos are fake, 93 of 100 with evidence like this are fake.");
  assert.equal(blind, "Not looked for: fully generated face.");
  assert.match(people, /32 manipulated/);
  assert.match(guarantee, /Of 532 genuine people who were checked, 5 .* at most 2.0%/);
  assert.match(worthTexts(english, golden(1))[0], /right in 16 of 100/);
});
