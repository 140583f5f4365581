import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { crowd } from "../src/verdict/crowd.js";
import { mayChange, problemText } from "../src/view/problems.js";
import LANGUAGES from "../src/view/languages.js";
import { makeWords } from "../src/words.js";

const speaking = (language) => {
  const file = new URL(`../src/_locales/${language}/messages.json`, import.meta.url);
  const entries = Object.entries(JSON.parse(readFileSync(file, "utf8")));
  return makeWords({ language, messages: Object.fromEntries(entries.map(([key, { message }]) => [key, message])) });
};
const face = (id, label, ...reasons) => ({ id, label, reasons, samples: [] });

test("percent signs stand as each language has them", () => {
  const said = Object.fromEntries(LANGUAGES.map((language) => [language, speaking(language).percent(0.57)]));
  assert.deepEqual(said, { en: "57%", de: "57\u00a0%", fr: "57\u202f%", es: "57\u00a0%", ar: "57\u200e%\u200e" });
});

test("no probability is shown as certain", () => {
  assert.equal(speaking("en").percent(0.999), "over 99%");
  assert.equal(speaking("en").percent(0.001), "under 1%");
});

test("a problem speaks the reader's language", () => {
  const problem = { code: "bad-url", title: "This is not an address", detail: "It has no host." };
  assert.equal(problemText(speaking("en"), problem).detail, "It has no host.");
  assert.match(problemText(speaking("de"), problem).detail, /Adressleiste/);
  assert.equal(problemText(speaking("en"), { code: "odd", title: "", detail: "" }).title, "Something went wrong");
  assert.equal(mayChange("bad-url"), false);
  assert.equal(mayChange("gone"), true);
});

test("of a crowd those that could not be judged are folded", () => {
  const small = [3, 4, 5].map((id) => face(id, "inconclusive", "face-too-small"));
  const clear = [face(1, "fake"), face(2, "inconclusive", "not-certain")];
  assert.deepEqual(crowd([...clear, ...small]), { shown: clear, folded: small });
  assert.deepEqual(crowd([...clear, small[0]]), { shown: [...clear, small[0]], folded: [] });
});
