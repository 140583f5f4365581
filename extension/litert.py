"""LiteRT.js, which runs TFLite files in the browser, as the extension loads it.

It comes from the npm package that extension/package-lock.json pins. Browsers find modules by path
only, so that its one import by name is given one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ROOT / "extension" / "node_modules" / "@litertjs"
# By what the browser can: sums of several products at once ("relaxed SIMD"), or one after another.
VARIANTS = {"relaxed-simd": "litert_wasm_internal", "simd": "litert_wasm_compat_internal"}
MANIFEST = "litert.json"
BY_NAME, BY_PATH = '"@litertjs/wasm-utils"', '"./wasm-utils.js"'
NOTICE = """LiteRT.js {version}, https://github.com/google-ai-edge/LiteRT
Copyright 2025 Google LLC. Apache License 2.0, see LICENSE.
Changed here: litert.js imports wasm-utils.js by its path.
"""


def copy(folder: Path) -> None:
    """Write what the browser loads into `folder`, with the licence.

    MANIFEST there names the version and each variant's files, with the SHA-256 of its WebAssembly.
    Raises FileNotFoundError if the package is not installed: npm ci --prefix extension.
    """
    core, tools = PACKAGES / "core", PACKAGES / "wasm-utils"
    folder.mkdir(parents=True, exist_ok=True)
    script = (core / "dist" / "index.js").read_text()
    if script.count(BY_NAME) != 1:
        raise ValueError(f"LiteRT.js no longer imports {BY_NAME} once; look at its dist/index.js")
    (folder / "litert.js").write_text(_unmapped(script.replace(BY_NAME, BY_PATH)))
    script = (tools / "dist" / "index.js").read_text()
    (folder / "wasm-utils.js").write_text(_unmapped(script))
    variants = {}
    for way, name in VARIANTS.items():
        for suffix in (".js", ".wasm"):
            shutil.copyfile(core / "wasm" / (name + suffix), folder / (name + suffix))
        sha256 = hashlib.sha256((folder / f"{name}.wasm").read_bytes()).hexdigest()
        variants[way] = {"script": f"{name}.js", "file": f"{name}.wasm", "sha256": sha256}
    version = json.loads((core / "package.json").read_text())["version"]
    manifest = {"version": version, "variants": variants}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    (folder / "NOTICE").write_text(NOTICE.format(version=version))
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")


def _unmapped(script: str) -> str:
    """Without the address of a source map, which is not shipped."""
    return "".join(line for line in script.splitlines(True) if not line.startswith("//# source"))


if __name__ == "__main__":
    if not PACKAGES.is_dir():
        sys.exit(
            "LiteRT.js is not installed, which runs the networks in the browser: install Node.js "
            "20 or newer and run this again. For a package that only asks a service: "
            "python3 extension/pack.py"
        )
    copy(Path(sys.argv[1]))
