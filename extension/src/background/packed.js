// What this package holds.

/** Whether this package holds the networks: only then does its manifest let WebAssembly run. */
export function isPacked() {
  const policy = chrome.runtime.getManifest().content_security_policy;
  return JSON.stringify(policy ?? "").includes("wasm-unsafe-eval");
}
