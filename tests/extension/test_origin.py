"""What a picture's file declares of its origin: the browser reads of it what the service reads."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from server.analysis.provenance.marks import declarations
from server.analysis.provenance.pieces import gather
from tests.conftest import ROOT
from tests.extension.tools import node
from tests.signing import action, signed

READ = """
import { readFileSync } from "node:fs";
import { originIn } from "./src/background/origin.js";
const found = process.argv.slice(1).map((path) => originIn(new Uint8Array(readFileSync(path))));
console.log(JSON.stringify(found));
"""
TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
# As tools write it: as an attribute, as text, as an address, in a list; and what names an AI alone.
BODIES = {
    "attribute": f'<rdf:Description e:DigitalSourceType="{TYPES}/trainedAlgorithmicMedia"/>',
    "text": "<rdf:Description><e:DigitalSourceType> {0}/digitalCapture/ </e:DigitalSourceType>"
    "</rdf:Description>",
    "address": '<rdf:Description><e:DigitalSourceType rdf:resource="{0}/compositeSynthetic"/>'
    "</rdf:Description>",
    "list": "<rdf:Description><e:DigitalSourceType><rdf:Bag><rdf:li>{0}/minorHumanEdits</rdf:li>"
    "</rdf:Bag></e:DigitalSourceType></rdf:Description>",
    "system": "<rdf:Description><e:AISystemUsed>Some  Maker</e:AISystemUsed></rdf:Description>",
    "unknown": '<rdf:Description e:DigitalSourceType="{0}/somethingElse"/>',
}


def packet(body: str) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        f'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="{IPTC}">'
        f"{body.replace('{0}', TYPES)}</rdf:RDF></x:xmpmeta>"
    ).encode()


def picture(path: Path, xmp: bytes) -> Path:
    image = Image.fromarray(np.full((48, 48, 3), 128, np.uint8))
    if path.suffix == ".png":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode())
        image.save(path, pnginfo=info)
    else:
        image.save(path, xmp=xmp)
    return path


def read(*paths: Path) -> list[Any]:
    line = [node(), "--input-type=module", "--eval", READ, *map(str, paths)]
    run = subprocess.run(line, cwd=ROOT / "extension", capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    found: list[Any] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_the_label_is_read_as_the_service_reads_it(tmp_path: Path, kind: str) -> None:
    paths = [picture(tmp_path / f"{name}.{kind}", packet(body)) for name, body in BODIES.items()]
    claims = []
    for path, found in zip(paths, read(*paths), strict=True):
        expected = declarations(gather(path))
        said = found["declarations"] if found else []
        assert [(each["source"], each["claims"], each["by"]) for each in said] == [
            (each.source, [*each.claims], each.by) for each in expected
        ], path.name
        claims += [claim for each in expected for claim in each.claims]
    assert claims == ["generated", "camera", "partly-generated", "edited", "generated"]


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_credentials_are_seen_and_not_checked(tmp_path: Path, kind: str) -> None:
    plain = tmp_path / f"plain.{kind}"
    Image.fromarray(np.full((48, 48, 3), 128, np.uint8)).save(plain)
    sealed = signed(plain, tmp_path / f"sealed.{kind}", action("created", "digitalCapture"))
    assert gather(sealed).credentials
    [nothing, found] = read(plain, sealed)
    assert nothing is None
    [declaration] = found["declarations"]
    assert (declaration["source"], declaration["seal"]) == ("content-credentials", "unchecked")
    assert declaration["claims"] == []


def test_what_only_looks_like_a_mark_is_none(tmp_path: Path) -> None:
    """After the end of the file, in a text of another name, and in files that are cut short."""
    whole = picture(tmp_path / "whole.jpg", packet(BODIES["attribute"]))
    plain = tmp_path / "plain.png"
    info = PngInfo()
    info.add_itxt("Comment", packet(BODIES["attribute"]).decode())
    Image.new("RGB", (8, 8)).save(plain, pnginfo=info)
    plain.write_bytes(plain.read_bytes() + packet(BODIES["attribute"]))
    cuts = []
    for length in (0, 1, 3, 11, 40, 100):
        cuts.append(tmp_path / f"cut-{length}.jpg")
        cuts[-1].write_bytes(whole.read_bytes()[:length])
    text = tmp_path / "text.jpg"
    text.write_bytes(packet(BODIES["attribute"]))
    assert read(plain, text, *cuts) == [None] * (2 + len(cuts))
