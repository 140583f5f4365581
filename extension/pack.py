"""The extension as each store takes it: dist/mesoscope-STORE-VERSION.zip (`make extension`), and
as a folder that a browser loads unpacked: dist/STORE.

What is packed is extension/src as it lies there, and what checks in the browser need (build/local,
by the Makefile); only the manifest is adapted. The same trees give the same bytes, on any machine
and at any time. Without build/local (`python3 extension/pack.py`) the package asks a service only.
"""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "extension" / "src"
STORES = ("chrome", "firefox")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
FIREFOX_ID = "mesoscope@mesoscope.invalid"
FIREFOX_LEAST = "140.0"  # the first with data_collection_permissions
FIREFOX_ANDROID_LEAST = "142.0"
# What goes to the person's own service: the address of what is checked, and after a yes pictures.
SENT = ["browsingActivity", "websiteContent"]
MOST_BYTES = 25_000_000


def manifest_for(
    store: str, manifest: dict[str, Any], collected: dict[str, list[str]]
) -> dict[str, Any]:
    """What the store's browsers need to be told differently; `collected`: what Firefox asks for."""
    if store == "chrome":
        return manifest
    manifest = {key: value for key, value in manifest.items() if key != "minimum_chrome_version"}
    background = manifest["background"]
    return manifest | {
        "background": {"scripts": [background["service_worker"]], "type": background["type"]},
        "browser_specific_settings": {
            "gecko": {
                "id": FIREFOX_ID,
                "strict_min_version": FIREFOX_LEAST,
                "data_collection_permissions": collected,
            },
            "gecko_android": {"strict_min_version": FIREFOX_ANDROID_LEAST},
        },
    }


def with_networks(store: str, manifest: dict[str, Any]) -> dict[str, Any]:
    """A manifest that permits WebAssembly, and in Chrome a document that may start a worker."""
    policy = manifest["content_security_policy"]["extension_pages"]
    allowed = policy.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")
    offscreen = ["offscreen"] if store == "chrome" else []
    return manifest | {
        "content_security_policy": {"extension_pages": allowed},
        "permissions": [*manifest["permissions"], *offscreen],
    }


def files_for(store: str, local: Path | None = None) -> dict[str, bytes]:
    """Every file of the package by its name, sorted; `local`: where networks and LiteRT.js are."""
    files = files_in(SOURCE)
    # A check in the browser sends nothing; before the first by the service, Firefox asks.
    collected = {"required": ["none"], "optional": SENT} if local else {"required": SENT}
    manifest = manifest_for(store, json.loads(files["manifest.json"]), collected)
    if local:
        files |= {f"local/{name}": data for name, data in files_in(local).items()}
        files = dict(sorted(files.items()))
        manifest = with_networks(store, manifest)
    text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    return files | {"manifest.json": text.encode()}


def files_in(folder: Path) -> dict[str, bytes]:
    """The files below `folder` by their names from there, sorted; hidden ones are left out."""
    paths = sorted(path for path in folder.rglob("[!.]*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def lay_out(store: str, folder: Path, local: Path | None = None) -> Path:
    """The package as a folder, for a browser that loads it unpacked."""
    for name, data in files_for(store, local).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def pack(store: str, folder: Path, local: Path | None = None) -> Path:
    """Write the store's zip into `folder`."""
    files = files_for(store, local)
    version = json.loads(files["manifest.json"])["version"]
    path = folder / f"mesoscope-{store}-{version}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system, info.external_attr = 3, 0o644 << 16  # else they tell the machine
            archive.writestr(info, data, compresslevel=9)
    return path


def main(say: Callable[[str], object] = sys.stdout.write, local: Path | None = None) -> None:
    folder = ROOT / "dist"
    folder.mkdir(exist_ok=True)
    for store in STORES:
        shutil.rmtree(folder / store, ignore_errors=True)
        lay_out(store, folder / store, local)
        path = pack(store, folder, local)
        size = path.stat().st_size
        if size > MOST_BYTES:
            sys.exit(f"{path.name} has {size} bytes; no package of ours has over {MOST_BYTES}")
        say(f"{path.relative_to(ROOT)}: {size} bytes\n")


if __name__ == "__main__":
    main(local=Path(sys.argv[1]) if sys.argv[1:] else None)
