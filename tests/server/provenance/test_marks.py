"""Labels without a signature, each in its place; and what only looks like one."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import av
import pytest

from server.analysis.provenance import pieces, xmp
from server.analysis.provenance.reading import read
from server.analysis.provenance.records import Declaration, Provenance

Plain = dict[str, Path]
LABEL = json.dumps({"Label": "1", "ContentProducer": "001191110102MACQD9K64010000"})
STEPS = "a portrait\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512"
GRAPH = json.dumps({"3": {"class_type": "KSampler", "inputs": {}}})
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
SPACES = (
    'xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'xmlns:p="http://ns.adobe.com/photoshop/1.0/" '
    'xmlns:t="http://www.tc260.org.cn/ns/AIGC/1.0/" xmlns:x="http://ns.adobe.com/xap/1.0/" '
    'xmlns:e="http://ns.adobe.com/exif/1.0/"'
)


def packet(attributes: str = "", elements: str = "") -> bytes:
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {RDF}><rdf:Description {SPACES} '
        f"{attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def source_type(term: str) -> bytes:
    return packet(f'i:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/{term}"')


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2) + content


def jpeg(plain: Plain, path: Path, *segments: bytes) -> Path:
    whole = plain[".jpg"].read_bytes()
    path.write_bytes(whole[:2] + b"".join(segments) + whole[2:])
    return path


def with_xmp(plain: Plain, path: Path, content: bytes) -> Path:
    return jpeg(plain, path, segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + content))


def tiff(entries: dict[int, bytes], order: str = "<") -> bytes:
    """A structure with these ASCII or, for a user's comment, undefined values; EXIF's own directory
    is inlined for tags from 0x9000 on."""
    inner = {tag: value for tag, value in entries.items() if tag >= 0x9000}
    outer = {tag: value for tag, value in entries.items() if tag < 0x9000}
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    outer_size = 2 + 12 * (len(outer) + 1) + 4
    inner_at = 8 + outer_size
    text_at = inner_at + 2 + 12 * len(inner) + 4
    texts, directories = b"", b""
    for group, pointer in ((outer, inner_at), (inner, None)):
        rows = b""
        for tag, value in group.items():
            rows += struct.pack(order + "HHII", tag, 7, max(5, len(value)), text_at + len(texts))
            texts += value.ljust(5, b"\0")
        if pointer is not None:
            rows += struct.pack(order + "HHII", 0x8769, 4, 1, pointer)
        directories += struct.pack(order + "H", len(rows) // 12) + rows + bytes(4)
    return head + directories + texts


def with_exif(plain: Plain, path: Path, entries: dict[int, bytes], order: str = "<") -> Path:
    return jpeg(plain, path, segment(0xE1, b"Exif\0\0" + tiff(entries, order)))


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)


def png(plain: Plain, path: Path, *chunks: bytes, after: bool = False) -> Path:
    whole = plain[".png"].read_bytes()
    at = len(whole) - 12 if after else 33
    path.write_bytes(whole[:at] + b"".join(chunks) + whole[at:])
    return path


def text(key: str, value: str) -> bytes:
    return chunk(b"tEXt", key.encode() + b"\0" + value.encode())


def webp(plain: Plain, path: Path, kind: bytes, content: bytes) -> Path:
    added = kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    whole = plain[".webp"].read_bytes() + added
    path.write_bytes(whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:])
    return path


def film(plain: Plain, path: Path, tags: dict[str, str]) -> Path:
    """The same pictures with tags; MP4's are written under their own names."""
    options = {"movflags": "use_metadata_tags"} if path.suffix == ".mp4" else {}
    with (
        av.open(str(plain[".mp4"])) as given,
        av.open(str(path), "w", options=options) as written,
    ):
        written.metadata.update(tags)
        stream = written.add_stream_from_template(given.streams.video[0])
        for found in given.demux(given.streams.video[0]):
            if found.dts is not None:
                found.stream = stream
                written.mux(found)
    return path


def result(path: Path) -> Provenance:
    return list(read(path, ""))[-1]


def claimed(path: Path) -> list[tuple[str, tuple[str, ...], str | None]]:
    return [(each.source, each.claims, each.by) for each in result(path).declarations]


@pytest.mark.parametrize(
    ("content", "claims", "by"),
    [
        (source_type("trainedAlgorithmicMedia"), ("generated",), None),
        (source_type("compositeWithTrainedAlgorithmicMedia"), ("partly-generated",), None),
        (source_type("algorithmicMedia"), ("software",), None),
        (source_type("digitalCapture"), ("camera",), None),
        (packet('i:DigitalSourceType="trainedAlgorithmicMedia"'), ("generated",), None),
        (
            packet(elements="<i:DigitalSourceType>https://cv.iptc.org/newscodes/digitalsourcetype/"
                   "trainedAlgorithmicMedia</i:DigitalSourceType>"),
            ("generated",),
            None,
        ),
        (packet('p:Credit="Made with Google AI"'), ("generated",), None),
        (packet('p:Credit="Apple Photos Clean Up"'), ("partly-generated",), None),
        (packet('i:AISystemUsed="A model"'), ("generated",), "A model"),
    ],
)  # fmt: skip
def test_iptc_in_xmp(
    plain: Plain, tmp_path: Path, content: bytes, claims: tuple[str, ...], by: str | None
) -> None:
    assert claimed(with_xmp(plain, tmp_path / "x.jpg", content)) == [("iptc", claims, by)]


@pytest.mark.parametrize("end", [".png", ".webp", ".mp4"])
def test_xmp_in_other_containers(plain: Plain, tmp_path: Path, end: str) -> None:
    path, content = tmp_path / f"x{end}", source_type("trainedAlgorithmicMedia")
    if end == ".png":
        head = b"XML:com.adobe.xmp\0\0\0\0\0"
        png(plain, path, chunk(b"iTXt", head + content), after=True)
    elif end == ".webp":
        webp(plain, path, b"XMP ", content)
    else:
        box = pieces.UUID_XMP + content
        added = (len(box) + 8).to_bytes(4) + b"uuid" + box
        path.write_bytes(plain[".mp4"].read_bytes() + added)
    assert claimed(path) == [("iptc", ("generated",), None)]


def test_xmp_that_lies_far_into_a_jpeg(plain: Plain, tmp_path: Path) -> None:
    content = b"http://ns.adobe.com/xap/1.0/\0" + source_type("trainedAlgorithmicMedia")
    filling = [segment(0xE2, bytes(65_000))] * 60
    path = jpeg(plain, tmp_path / "far.jpg", *filling, segment(0xE1, content))
    assert claimed(path) == [("iptc", ("generated",), None)]


@pytest.mark.parametrize("label", ["1", "2", "3", "4"])
@pytest.mark.parametrize("place", ["xmp", "element", "png", "exif", "segment", ".mp4", ".mkv"])
def test_chinas_label(plain: Plain, tmp_path: Path, place: str, label: str) -> None:
    written = LABEL.replace('"1"', f'"{label}"')
    coded = written.replace('"', "&quot;")
    path = tmp_path / f"labelled{place if place.startswith('.') else '.jpg'}"
    if place == "xmp":
        with_xmp(
            plain,
            path,
            packet(f'TC260:AIGC="{coded}" xmlns:TC260="{"http://www.tc260.org.cn/ns/AIGC/1.0/"}"'),
        )
    elif place == "element":
        with_xmp(plain, path, packet(elements=f"<t:AIGC>{coded}</t:AIGC>"))
    elif place == "png":
        png(plain, path, text("AIGC", written))
    elif place == "exif":
        nested = json.dumps({"AIGC": json.loads(written)}).encode()
        with_exif(plain, path, {0x9286: b"ASCII\0\0\0" + nested})
    elif place == "segment":
        jpeg(plain, path, segment(0xEA, b"AIGC" + written.encode()))
    else:
        film(plain, path, {"AIGC": written})
    claims = {"1": ("generated",), "4": None}.get(label, ("possibly-generated",))
    assert claimed(path) == ([("aigc-label", claims, "Doubao")] if claims else [])


@pytest.mark.parametrize(
    ("key", "value", "tool"),
    [
        ("parameters", STEPS, "Stable Diffusion"),
        ("parameters", json.dumps({"sui_image_params": {"seed": 1}}), "SwarmUI"),
        ("prompt", GRAPH, "ComfyUI"),
        ("workflow", json.dumps({"nodes": [{"type": "KSampler"}]}), "ComfyUI"),
        ("negative_prompt", "hands", "Easy Diffusion"),
        ("invokeai_metadata", "{}", "InvokeAI"),
        ("Dream", '"a portrait" -s 50 -S 123', "InvokeAI"),
        ("Software", "NovelAI", "NovelAI"),
        ("Source", "Luma AI", "Luma AI"),
        ("hf-job-id", "1", "Hugging Face"),
        ("Comment", '{"prompt": "a", "negative_prompt": "b", "base_model": "c"}', "Fooocus"),
    ],
)  # fmt: skip
def test_generators_in_png(plain: Plain, tmp_path: Path, key: str, value: str, tool: str) -> None:
    path = png(plain, tmp_path / "made.png", text(key, value))
    assert claimed(path) == [("generator", ("generated",), tool)]
    packed = chunk(b"zTXt", key.encode() + b"\0\0" + zlib.compress(value.encode()))
    assert claimed(png(plain, tmp_path / "packed.png", packed, after=True)) == claimed(path)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("entries", "tool"),
    [
        ({0x010F: b"Ideogram AI\0"}, "Ideogram AI"),
        ({0x0131: b"reve.com\0"}, "reve.com"),
        ({0x9286: b"UNICODE\0" + STEPS.encode("utf-16-be")}, "Stable Diffusion"),
        ({0x9286: b"UNICODE\0" + STEPS.encode("utf-16-le")}, "Stable Diffusion"),
        ({0x013B: b"0b8f6f6e-1c1e-4e8e-9a53-8d8b1a2c3d4e\0", 0x010E: b"Signature: c2ln\0"}, "Grok"),
    ],
)
def test_generators_in_exif(
    plain: Plain, tmp_path: Path, entries: dict[int, bytes], tool: str, order: str
) -> None:
    path = with_exif(plain, tmp_path / "made.jpg", entries, order)
    assert claimed(path) == [("generator", ("generated",), tool)]
    assert claimed(webp(plain, tmp_path / "made.webp", b"EXIF", tiff(entries, order))) == claimed(
        path
    )


@pytest.mark.attack
@pytest.mark.parametrize("end", [".jpg", ".png", ".webp", ".mp4"])
def test_bytes_after_the_end_are_no_mark(plain: Plain, tmp_path: Path, end: str) -> None:
    forged = segment(
        0xE1, b"http://ns.adobe.com/xap/1.0/\0" + source_type("trainedAlgorithmicMedia")
    )
    forged += text("parameters", STEPS) + b"jumb c2pa caBX" + b"AIGC" + LABEL.encode()
    path = tmp_path / f"appended{end}"
    path.write_bytes(plain[end].read_bytes() + forged)
    assert result(path) == Provenance("read")


@pytest.mark.parametrize(
    "segments",
    [
        (segment(0xE1, b"Exif\0\0" + tiff({0x010E: b"OpenAI shows its firefly imagen\0"})),),
        (segment(0xE1, b"Exif\0\0" + tiff({0x0131: b"Adobe Photoshop 27\0"})),),
        (segment(0xFE, b"made by trainedAlgorithmicMedia c2pa"),),
        (segment(0xEB, b"JP\0\0" + bytes(20)),),
    ],
)
def test_words_that_only_look_like_a_mark(
    plain: Plain, tmp_path: Path, segments: tuple[bytes, ...]
) -> None:
    assert result(jpeg(plain, tmp_path / "news.jpg", *segments)) == Provenance("read")


def test_a_vendors_parameters_are_no_settings(plain: Plain, tmp_path: Path) -> None:
    path = png(plain, tmp_path / "camera.png", text("parameters", "ISO 100, Seed: 3"))
    assert result(path) == Provenance("read")


@pytest.mark.attack
@pytest.mark.parametrize(
    "content",
    [
        b"<a>" * 100_000,
        b'<!DOCTYPE a [<!ENTITY b "cccccccccc">]><a>&b;</a>',
        b"<a " + b" ".join(b'b%d="c"' % n for n in range(100_000)) + b"/>",
        b"\xff\xfe\0<",
    ],
)
def test_hostile_xmp(content: bytes) -> None:
    assert len(xmp.properties(content)) <= xmp.MOST_PROPERTIES


@pytest.mark.attack
def test_hostile_pieces(plain: Plain, tmp_path: Path) -> None:
    bomb = chunk(b"zTXt", b"parameters\0\0" + zlib.compress(bytes(300_000_000), 9))
    many = [text("parameters", "x" * 1000)] * 2000
    deep = text("prompt", '{"a":' * 50_000)
    found = pieces.gather(png(plain, tmp_path / "bomb.png", bomb, deep, *many))
    assert len(found.texts) <= pieces.MOST_PIECES
    assert sum(len(value) for _, value in found.texts) <= pieces.ALL_BYTES
    assert result(tmp_path / "bomb.png") == Provenance("read")


@pytest.mark.attack
@pytest.mark.parametrize("end", [".jpg", ".png", ".webp", ".mp4", ".mov"])
def test_cut_and_damaged_files_are_read_as_far_as_they_go(
    plain: Plain, tmp_path: Path, end: str
) -> None:
    whole = plain[end].read_bytes()
    path = tmp_path / f"cut{end}"
    for part in range(1, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:part])
        assert result(path).declarations == ()
        path.write_bytes(whole[:part] + b"\xff" * 16 + whole[part + 16 :])
        assert result(path).declarations == ()


def test_what_strangers_wrote_is_fit_to_be_shown(plain: Plain, tmp_path: Path) -> None:
    name = "A &#x202E;tool&#x9;" + "x" * 500
    [found] = result(
        with_xmp(plain, tmp_path / "x.jpg", packet(f'i:AISystemUsed="{name}"'))
    ).declarations
    assert found.by is not None
    assert found.by.isprintable()
    assert len(found.by) <= 100
    with pytest.raises(ValueError, match="no declaration"):
        Declaration("iptc", (), by="a\u202eb")
