"""Labels without a signature: anybody can write or remove them, and few write a false one.

Names of fields and keys: IPTC Photo Metadata 2025.1; GB 45438-2025, which makes services in China
label what they generate; what generators of pictures were seen to write of their own settings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from server.analysis.provenance import exif, xmp
from server.analysis.provenance.exif import Exif
from server.analysis.provenance.pieces import Pieces
from server.analysis.provenance.records import Claim, Declaration, ordered, shown
from server.analysis.provenance.terms import claim_of

IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
SOURCE_TYPES = (f"{IPTC} DigitalSourceType", f"{IPTC} DigitalSourcefileType")
AI_SYSTEM = f"{IPTC} AISystemUsed"
CREDIT = "http://ns.adobe.com/photoshop/1.0/ Credit"
CREDITS: dict[str, Claim] = {
    "Made with Google AI": "generated",
    "Apple Photos Clean Up": "partly-generated",
}
TOOL = "http://ns.adobe.com/xap/1.0/ CreatorTool"
XMP_COMMENT = "http://ns.adobe.com/exif/1.0/ UserComment"
REMOTE = "http://purl.org/dc/terms/ provenance"

AIGC = "http://www.tc260.org.cn/ns/AIGC/1.0/ AIGC"
AIGC_CLAIMS: dict[str, Claim] = {
    "1": "generated",
    "2": "possibly-generated",
    "3": "possibly-generated",  # as the distributor suspects
}
PRODUCERS = {"001191110102MACQD9K64010000": "Doubao"}

TOOLS = frozenset({"Aphrodite AI", "Ideogram AI", "Luma AI", "NovelAI", "reve.com"})
OWN_KEYS = {"invokeai_metadata": "InvokeAI", "sd-metadata": "InvokeAI", "hf-job-id": "Hugging Face"}
COMMENT_KEYS = frozenset({"comment", "parameters"})
GROK_ARTIST = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def declarations(pieces: Pieces) -> list[Declaration]:
    """What the unsigned labels say, each statement once."""
    packets = [each for packet in pieces.xmp for each in xmp.properties(packet)]
    blocks = [exif.read(data) for data in pieces.exif]
    found = [
        *_iptc(packets),
        *_aigc(packets, blocks, pieces.texts),
        *_generators(packets, blocks, pieces.texts),
    ]
    if pieces.credentials is None and any(xmp.names(packets, REMOTE)):
        found.append(Declaration("content-credentials", (), seal="elsewhere"))
    return list(dict.fromkeys(found))


def _iptc(packets: list[tuple[str, str]]) -> Iterator[Declaration]:
    claims = {claim_of(value) for value in xmp.names(packets, *SOURCE_TYPES)}
    credits = [value for value in xmp.names(packets, CREDIT) if value in CREDITS]
    claims |= {CREDITS[value] for value in credits}
    systems = list(xmp.names(packets, AI_SYSTEM))
    if systems and not claims:
        claims.add("generated")
    said = ordered({claim for claim in claims if claim})
    if said:
        by = next(iter([*systems, *xmp.names(packets, TOOL)]), None)
        yield Declaration("iptc", said, by=shown(by))


def _aigc(
    packets: list[tuple[str, str]], blocks: list[Exif], texts: list[tuple[str, str]]
) -> Iterator[Declaration]:
    """China's label, in each of the places that it was seen in."""
    labelled = [*xmp.names(packets, AIGC), *(text for key, text in texts if key.upper() == "AIGC")]
    for text in labelled:
        yield from _aigc_label(_object(text))
    noted = [note for block in blocks for note in (block.comment, block.description)]
    for text in [*noted, *(text for key, text in texts if key.lower() == "comment")]:
        data = _object(text)
        if isinstance(data.get("AIGC"), dict):
            yield from _aigc_label(data)
        elif str(data.get("aigc_label_type", data.get("aigc_type"))) == "1":
            yield Declaration("aigc-label", ("generated",))
        elif data.get("exportType") == "generation":
            yield Declaration("aigc-label", ("generated",), by="Dreamina")


def _aigc_label(data: dict[str, Any]) -> Iterator[Declaration]:
    inner = data.get("AIGC", data)
    claim = AIGC_CLAIMS.get(str(inner.get("Label"))) if isinstance(inner, dict) else None
    if claim:
        producer = inner.get("ContentProducer") or inner.get("ServiceProvider")
        name = PRODUCERS.get(producer, producer) if isinstance(producer, str) else None
        yield Declaration("aigc-label", (claim,), by=shown(name))


def _generators(
    packets: list[tuple[str, str]], blocks: list[Exif], texts: list[tuple[str, str]]
) -> Iterator[Declaration]:
    """Tools that make nothing but generated pictures, by their own name or settings."""
    named = [*xmp.names(packets, TOOL)]
    settings = [*xmp.names(packets, XMP_COMMENT)]
    for block in blocks:
        named += [block.make, block.software]
        settings.append(block.comment)
        if GROK_ARTIST.fullmatch(block.artist) and block.description.startswith("Signature: "):
            named.append("Grok")
    for key, text in texts:
        if key in ("Software", "Source"):
            named.append(text)
        elif key.lower() in COMMENT_KEYS:
            settings.append(text)
    tools = {name for name in named if name in TOOLS or name == "Grok"}
    tools |= {tool for text in settings if (tool := _tool_of_settings(text))}
    tools |= set(_tools_of_keys(texts))
    for tool in sorted(tools):
        yield Declaration("generator", ("generated",), by=tool)


def _tools_of_keys(texts: Iterable[tuple[str, str]]) -> Iterator[str]:
    for key, text in texts:
        if key in OWN_KEYS:
            yield OWN_KEYS[key]
        elif key == "Dream" and " -S" in text:
            yield "InvokeAI"
        elif key in ("prompt", "workflow") and _is_graph(_object(text)):
            yield "ComfyUI"
        elif key in ("negative_prompt", "Negative Prompt"):
            yield "Easy Diffusion"


def _is_graph(data: dict[str, Any]) -> bool:
    """Whether these are the nodes of a workflow of ComfyUI."""
    nodes = data.get("nodes", list(data.values()))
    kinds = ("class_type", "type")
    return isinstance(nodes, list) and any(
        isinstance(node, dict) and any(kind in node for kind in kinds) for node in nodes
    )


def _tool_of_settings(text: str) -> str | None:
    """Whose settings a comment holds: as text, or as JSON."""
    data = _object(text)
    if "sui_image_params" in data:
        return "SwarmUI"
    if "negative_prompt" in data and "prompt" in data:
        return "Fooocus" if "base_model" in data else "Easy Diffusion"
    if {"c", "uc", "seed", "steps"} <= data.keys():
        return "Draw Things"
    if "Steps: " in text and "Seed: " in text:
        return "Stable Diffusion"
    return None


def _object(text: str) -> dict[str, Any]:
    """The JSON object that a text begins with; empty where there is none."""
    try:
        data, _ = json.JSONDecoder().raw_decode(text.strip("\0 \t\r\n"))
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
