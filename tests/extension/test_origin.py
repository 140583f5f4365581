"""What a file declares of its origin: the browser reads of it what the service reads, all but the
signature of Content Credentials."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from server.analysis.provenance import pieces
from server.analysis.provenance.marks import declarations
from server.analysis.provenance.pieces import gather
from tests import media
from tests.conftest import ROOT
from tests.extension.tools import node
from tests.server.provenance import test_marks as marks
from tests.server.provenance.conftest import made
from tests.signing import action, signed

READ = """
import { readFileSync } from "node:fs";
import { whole } from "./src/origin/bytes.js";
import { originIn } from "./src/origin/read.js";
const found = [];
for (const path of process.argv.slice(1)) {
  const source = whole(new Uint8Array(readFileSync(path)));
  found.push(await originIn(source).catch(({ stack }) => ({ stack })));
}
console.log(JSON.stringify(found));
"""
Plain = dict[str, Path]
ENDS = (".jpg", ".png", ".webp", ".mp4", ".mov", ".webm", ".mkv")
NESTED = json.dumps({"AIGC": json.loads(marks.LABEL)})
# XMP as tools write it, with what of it is no statement.
PACKETS = {
    "attribute": marks.source_type("trainedAlgorithmicMedia"),
    "text": marks.packet(elements="<i:DigitalSourceType> digitalCapture/ </i:DigitalSourceType>"),
    "address": marks.packet(elements='<i:DigitalSourceType rdf:resource="a/compositeSynthetic"/>'),
    "list": marks.packet(
        elements="<i:DigitalSourceType><rdf:Bag><rdf:li>minorHumanEdits</rdf:li><rdf:li>"
        "screenCapture</rdf:li></rdf:Bag></i:DigitalSourceType>"
    ),
    "system": marks.packet(
        elements="<i:AISystemUsed>Some  &#x41;I\u202e &amp; co</i:AISystemUsed>"
    ),
    "credit": marks.packet('p:Credit="Made with Google AI" x:CreatorTool="Some tool"'),
    "tool": marks.packet('x:CreatorTool="NovelAI"'),
    "label": marks.packet(elements=f"<t:AIGC><![CDATA[{marks.LABEL}]]></t:AIGC>"),
    "settings": marks.packet(
        elements='<e:UserComment>{"c": 1, "uc": 2, "seed": 3, "steps": "}{\\""} x</e:UserComment>'
    ),
    "elsewhere": marks.packet('xmlns:d="http://purl.org/dc/terms/" d:provenance="https://a.b/c"'),
    "unknown": marks.source_type("somethingElse"),
    "another space": b'<a xmlns:i="urn:x" i:DigitalSourceType="trainedAlgorithmicMedia"/>',
    "damaged": marks.packet(elements="<i:AISystemUsed>One</i:AISystemUsed><i:other></x>"),
    "entities": b'<!DOCTYPE a [<!ENTITY b "c">]>' + marks.source_type("digitalCapture"),
}
TEXTS = {
    "parameters": marks.STEPS,
    "prompt": marks.GRAPH,
    "workflow": '{"nodes": [{"type": "KSampler"}]} and more',
    "Negative Prompt": "hands",
    "sd-metadata": "{}",
    "Software": "NovelAI",
    "Source": "A camera",
    "Comment": '{"prompt": "a", "negative_prompt": "b", "base_model": "c"}',
    "Dream": '"a portrait" -s 50 -S 123',
    "AIGC": marks.LABEL.replace('"1"', '"2"'),
    "aigc": marks.LABEL.replace('"1"', "3"),
    "comment": '{"aigc_label_type": 1}',
    "Parameters": "ISO 100, Seed: 3",
    "hf-job-id": "1",
}
BLOCKS: tuple[dict[int, bytes], ...] = (
    {0x010F: b"Ideogram AI\0"},
    {0x0131: b"reve.com\0", 0x010E: NESTED.encode()},
    {0x9286: b"ASCII\0\0\0" + NESTED.encode()},
    {0x9286: b"UNICODE\0" + marks.STEPS.encode("utf-16-be")},
    {0x9286: b"UNICODE\0" + marks.STEPS.encode("utf-16-le")},
    {0x9286: b'ASCII\0\0\0{"exportType": "generation"}'},
    {0x013B: b"0b8f6f6e-1c1e-4e8e-9a53-8d8b1a2c3d4e\0", 0x010E: b"Signature: c2ln\0"},
    {0x0131: b"Adobe Photoshop 27\0"},
)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Plain:
    """A file without any declaration, by the ending of its name."""
    return made(tmp_path_factory.mktemp("plain"))


def read(*paths: Path) -> list[Any]:
    line = [node(), "--input-type=module", "--eval", READ, *map(str, paths)]
    run = subprocess.run(line, cwd=ROOT / "extension", capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    found: list[Any] = json.loads(run.stdout)
    return found


def by_the_service(path: Path) -> list[dict[str, Any]]:
    """What it says without the library that tests signatures."""
    return json.loads(json.dumps([asdict(each) for each in declarations(gather(path))]))


def stills(plain: Plain, folder: Path) -> Iterator[Path]:
    for number, content in enumerate(PACKETS.values()):
        yield marks.with_xmp(plain, folder / f"xmp-{number}.jpg", content)
        yield marks.webp(plain, folder / f"xmp-{number}.webp", b"XMP ", content)
        head = b"XML:com.adobe.xmp\0\0\0\0\0"
        for after in (False, True):
            path = folder / f"xmp-{number}-{after}.png"
            yield marks.png(plain, path, marks.chunk(b"iTXt", head + content), after=after)
    for number, (key, value) in enumerate(TEXTS.items()):
        yield marks.png(plain, folder / f"text-{number}.png", marks.text(key, value))
        packed = key.encode() + b"\0\1\0en\0\0" + marks.zlib.compress(value.encode())
        yield marks.png(plain, folder / f"itxt-{number}.png", marks.chunk(b"iTXt", packed))
        packed = key.encode() + b"\0\0" + marks.zlib.compress(value.encode())
        chunk = marks.chunk(b"zTXt", packed)
        yield marks.png(plain, folder / f"packed-{number}.png", chunk, after=True)
    for number, block in enumerate(BLOCKS):
        for order in "<>":
            name = f"exif-{number}-{ord(order)}"
            yield marks.with_exif(plain, folder / f"{name}.jpg", block, order)
            exif = marks.tiff(block, order)
            yield marks.webp(plain, folder / f"{name}.webp", b"EXIF", exif)
            yield marks.png(plain, folder / f"{name}.png", marks.chunk(b"eXIf", exif))
    label = marks.segment(0xEA, b"AIGC" + marks.LABEL.encode())
    yield marks.jpeg(plain, folder / "segment.jpg", label)
    comment = marks.segment(0xFE, marks.STEPS.encode())
    yield marks.jpeg(plain, folder / "comment.jpg", comment)
    half = len(PACKETS["attribute"]) // 2
    parts = (PACKETS["attribute"][:half], PACKETS["attribute"][half:])
    more = [
        b"http://ns.adobe.com/xmp/extension/\0" + bytes(36) + (half * n).to_bytes(4) + part
        for n, part in enumerate(parts)
    ]
    segments = [marks.segment(0xE1, each) for each in reversed(more)]
    yield marks.jpeg(plain, folder / "extended.jpg", *segments)


def films(plain: Plain, folder: Path) -> Iterator[Path]:
    webm = media.clip(folder / "plain.webm", media.numbered(5), fps=5)
    for end in (".mp4", ".mov", ".webm", ".mkv"):
        given = {".mp4": webm} if end == ".webm" else plain
        for number, (key, value) in enumerate(TEXTS.items()):
            yield marks.film(given, folder / f"tag-{number}{end}", {key: value})
    for number, content in enumerate(PACKETS.values()):
        box = pieces.UUID_XMP + content
        path = folder / f"xmp-{number}.mp4"
        added = (len(box) + 8).to_bytes(4) + b"uuid" + box
        path.write_bytes(plain[".mp4"].read_bytes() + added)
        yield path


@pytest.mark.parametrize("kind", [stills, films])
def test_it_is_read_as_the_service_reads_it(plain: Plain, tmp_path: Path, kind: Any) -> None:
    paths = list(kind(plain, tmp_path))
    said = 0
    for path, found in zip(paths, read(*paths), strict=True):
        expected = by_the_service(path)
        assert found == {"state": "read", "declarations": expected}, path.name
        said += len(expected)
    assert said >= len(paths) / 2


@pytest.mark.parametrize("end", ENDS[:5])
def test_credentials_are_seen_and_not_checked(plain: Plain, tmp_path: Path, end: str) -> None:
    sealed = signed(plain[end], tmp_path / f"sealed{end}", action("created", "digitalCapture"))
    assert gather(sealed).credentials
    nothing, found = read(plain[end], sealed)
    assert nothing == {"state": "read", "declarations": []}
    [declaration] = found["declarations"]
    assert (declaration["source"], declaration["seal"]) == ("content-credentials", "unchecked")
    assert declaration["claims"] == []


@pytest.mark.attack
def test_what_only_looks_like_a_mark_is_none(plain: Plain, tmp_path: Path) -> None:
    """After the end of the file, and in files that are cut short or damaged."""
    labelled = {
        ".jpg": marks.with_xmp(plain, tmp_path / "whole.jpg", PACKETS["attribute"]),
        ".mp4": marks.film(plain, tmp_path / "whole.mp4", {"AIGC": marks.LABEL}),
        ".mkv": marks.film(plain, tmp_path / "whole.mkv", {"AIGC": marks.LABEL}),
    }
    paths = []
    for end in (".jpg", ".png", ".webp", ".mp4"):
        paths.append(tmp_path / f"appended{end}")
        forged = PACKETS["attribute"] + marks.text("parameters", marks.STEPS) + b"jumb c2pa caBX"
        paths[-1].write_bytes(plain[end].read_bytes() + forged)
    for end, whole in labelled.items():
        data = whole.read_bytes()
        for length in (16, 30, 40, 100, 200):
            paths.append(tmp_path / f"cut-{length}{end}")
            paths[-1].write_bytes(data[:length])
            paths.append(tmp_path / f"damaged-{length}{end}")
            paths[-1].write_bytes(data[:length] + b"\xff" * 16 + data[length + 16 :])
    for path, found in zip(paths, read(*paths), strict=True):
        if path.suffix == ".jpg" or path.stem == "appended":
            assert found == {"state": "read", "declarations": by_the_service(path)}, path.name
        else:  # what of a damaged film is still to be read is FFmpeg's own matter
            assert found is None or found["state"] == "read", path.name


@pytest.mark.attack
def test_hostile_files_end(plain: Plain, tmp_path: Path) -> None:
    """Texts of a few bytes that state much, deep nesting, and more pieces than are kept."""
    bomb = marks.chunk(b"zTXt", b"parameters\0\0" + marks.zlib.compress(bytes(100_000_000), 9))
    deep = marks.text("prompt", '{"a":' * 50_000)
    many = [marks.text("parameters", "x" * 1000)] * 2000
    hostile = (
        b"<a>" * 100_000,
        b"<a " + b" ".join(b'b%d="c"' % n for n in range(20_000)) + b"/>",
        b"<a>" + b" " * 2_000_000 + b"</b>",
        b"<a" + b" b" * 500_000,
        b"<a b=" + b"'" * 1_000_001,
        b"<!--" * 100_000,
    )
    packets = [
        marks.webp(plain, tmp_path / f"hostile-{n}.webp", b"XMP ", content)
        for n, content in enumerate(hostile)
    ]
    path = marks.png(plain, tmp_path / "bomb.png", bomb, deep, *many)
    assert read(path, *packets) == [{"state": "read", "declarations": []}] * 7


def test_another_kind_is_not_read(tmp_path: Path) -> None:
    """Then nothing is said of it: there may be more."""
    kinds = (b"", b"GIF89a", b"\0\0\0\x18ftypavif", PACKETS["attribute"])
    paths = [tmp_path / f"{n}.bin" for n in range(len(kinds))]
    for path, content in zip(paths, kinds, strict=True):
        path.write_bytes(content)
    assert read(*paths) == [None] * len(kinds)
