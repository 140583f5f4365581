// Where the networks run. A classic worker, since LiteRT.js brings in its WebAssembly by importScripts.
import("./serve.js").catch(() => postMessage({ number: 0, fault: "internal" }));
