import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { importSettings } from "../src/options/transfer.js";
import { readSettings, writeSettings } from "../src/settings.js";

const HERE = "http://127.0.0.1:8000";
const TOKEN = "the-token-of-the-service-here";

/** A browser's storage.local. */
beforeEach(() => {
  const kept = { server: HERE, token: TOKEN };
  const local = { get: async () => ({ ...kept }), set: async (changes) => { Object.assign(kept, changes); } };
  globalThis.chrome = { storage: { local } };
});

const imported = (settings) => importSettings(new Blob([JSON.stringify(settings)]));

for (const server of ["http://127.0.0.1:8001", "https://127.0.0.1:8000", "http://evil.example", "evil.example/127.0.0.1:8000"]) {
  test(`a settings file with ${server} takes no token there`, async () => {
    assert.equal(await imported({ server, token: "one-of-the-file's", language: "de" }), true);
    const settings = await readSettings();
    assert.notEqual(settings.server, HERE);
    assert.equal(settings.token, "");
  });
}

test("a settings file with the same service keeps the token", async () => {
  assert.equal(await imported({ server: `${HERE}/`, language: "de" }), true);
  assert.deepEqual([(await readSettings()).token, (await readSettings()).language], [TOKEN, "de"]);
});

test("another path of the same origin, and any other setting, keep the token", async () => {
  await writeSettings({ server: `${HERE}/behind/a/path` });
  await writeSettings({ dim: true });
  assert.equal((await readSettings()).token, TOKEN);
});

test("a service that is connected to with its token has that one", async () => {
  await writeSettings({ server: "https://other.example", token: "its-own" });
  assert.equal((await readSettings()).token, "its-own");
});
