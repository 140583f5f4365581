import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { captureImage } from "../src/background/capture.js";
import { grab } from "../src/content/grab.js";

/** What the extension asks of a page, where a picture of another origin taints every canvas. */
class Video {
  videoWidth = 640;
  videoHeight = 360;
  readyState = 4;
  currentTime = 3;
}
const tainted = { getContext: () => ({ drawImage() {} }), toDataURL() { throw new Error("tainted"); } };

afterEach(() => {
  for (const name of ["chrome", "window", "document", "HTMLVideoElement", "HTMLImageElement", "devicePixelRatio"]) delete globalThis[name];
});

test("in a frame it is not known where in the tab a picture is", () => {
  Object.assign(globalThis, {
    HTMLVideoElement: Video, HTMLImageElement: class {}, devicePixelRatio: 2,
    window: { top: {} }, document: { createElement: () => tainted },
  });
  const shot = grab(new Video());
  assert.deepEqual([shot.picture, shot.screen], [null, null]);
});

test("then no picture of the tab is taken, and that is said", async () => {
  let taken = 0;
  const shot = { time_s: 3, moving: false, ended: true, picture: null, screen: null, ratio: 2 };
  globalThis.chrome = { tabs: {
    sendMessage: async () => shot,
    get: async () => ({ windowId: 1, active: true }),
    captureVisibleTab: async () => { taken += 1; },
  } };
  await assert.rejects(captureImage(1, { key: "a", frameId: 7 }), { message: "in-a-frame" });
  assert.equal(taken, 0);
});
