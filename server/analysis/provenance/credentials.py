"""Content Credentials (C2PA): whether their seal holds, who set it, and what they claim.

The library checks signature and content. What it reads of the origin is taken from the signed
actions of the active manifest and of those that the content was made from, never from a name that
happens to stand in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from server.analysis.provenance.records import (
    HOLDING,
    MOST_PROBLEMS,
    Claim,
    Declaration,
    Seal,
    ordered,
    shown,
)
from server.analysis.provenance.terms import claim_of
from server.analysis.video.files import open_file

MANIFEST_BYTES = 32_000_000
TRUSTED, UNTRUSTED = "signingCredential.trusted", "signingCredential.untrusted"
BROKEN = ("claimSignature.mismatch", "claimSignature.missing", "assertion.hashedURI")
VOID = ("signingCredential.", "claimSignature.outsideValidity")
# Nothing is fetched, whatever an address in a file asks for: no manifest, no list of revocations,
# no identity. Redirects and hosts are shut too, in case a later version fetches something else.
SETTINGS: dict[str, Any] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
    "core": {
        "allowed_network_hosts": [],
        "allow_redirects": False,
        "decode_identity_assertions": False,
    },
}
# Actions that change nothing that can be seen, or that only say where the content came from.
NEUTRAL = frozenset({
    "created", "opened", "edited.metadata", "converted", "repackaged", "transcoded", "published",
    "watermarked", "watermarked.bound", "watermarked.unbound", "unknown", "orientation",
    "resized", "resized.proportional", "copied", "formatted", "version_updated", "printed",
    "managed", "produced", "saved",
})  # fmt: skip
AI_ASSERTIONS = frozenset({"c2pa.ai_generated_content"})
METADATA = ("c2pa.metadata", "cawg.metadata", "stds.iptc", "stds.schema-org.CreativeWork")
AI_CLAIMS: frozenset[Claim] = frozenset({"generated", "partly-generated", "possibly-generated"})


def read(path: Path, size: int, trust_list: str) -> Declaration:
    """What the Content Credentials of a file say; `size` in bytes, `trust_list` as PEM."""
    if size > MANIFEST_BYTES:
        return without_statement("too-large")
    import c2pa  # compiled; most files have no need of it

    settings = c2pa.Settings.from_dict({**SETTINGS, "trust": {"trust_anchors": trust_list}})
    try:
        with (
            c2pa.Context(settings) as context,
            os.fdopen(open_file(path), "rb") as file,
            c2pa.Reader(file, context=context) as reader,
        ):
            store = json.loads(reader.json())
    except (c2pa.C2paError, ValueError, RecursionError) as error:
        elsewhere = isinstance(error, c2pa.C2paError) and str(error).startswith("Remote")
        return without_statement("elsewhere" if elsewhere else "unreadable")
    return declared(store)


def without_statement(seal: Seal) -> Declaration:
    return Declaration("content-credentials", (), seal=seal)


def declared(store: dict[str, Any]) -> Declaration:
    """What a manifest store, as the library writes it, states of its content."""
    manifests, active = store["manifests"], store["active_manifest"]
    manifest = manifests[active]
    results = store.get("validation_results", {}).get("activeManifest", {})
    failures = list(_statuses(results, "failure"))
    seal = _seal(store.get("validation_state"), {code for code, _ in failures})
    problems = tuple(sorted({shown(code) or "" for code, _ in failures}))[:MOST_PROBLEMS]
    if seal not in HOLDING:  # then no name in it can be trusted either
        return Declaration("content-credentials", (), seal=seal, problems=problems)
    signature = manifest.get("signature_info") or {}
    return Declaration(
        "content-credentials",
        ordered(_History(store, seal == "trusted").claims(active)),
        by=shown(_tool(manifest)),
        seal=seal,
        signer=shown(signature.get("issuer") or signature.get("common_name")),
        problems=problems,
    )


def _statuses(results: dict[str, Any], kind: str) -> Iterator[tuple[str, str]]:
    """(code, where) of each status; before version 2 failures were kept as `validation_status`."""
    for status in results.get(kind) or []:
        yield status["code"], status.get("url") or ""


def _seal(state: str | None, codes: set[str]) -> Seal:
    wrong = codes - {UNTRUSTED}
    if not wrong and state in ("Trusted", "Valid"):
        return "trusted" if state == "Trusted" else "unknown"
    if any(code.startswith(BROKEN) for code in wrong):
        return "broken"
    if any(code.endswith("Hash.mismatch") for code in wrong):
        return "changed"
    return "void" if wrong and all(code.startswith(VOID) for code in wrong) else "broken"


def _tool(manifest: dict[str, Any]) -> object:
    """What made the content, or at least the claim, by its own name."""
    for action in _actions(manifest):
        if claim_of(action.get("digitalSourceType")):
            agent = action.get("softwareAgent")
            name = agent.get("name") if isinstance(agent, dict) else agent
            if name:
                return name
    makers = manifest.get("claim_generator_info") or [{}]
    return makers[0].get("name") or manifest.get("claim_generator")


def _assertions(manifest: dict[str, Any], *labels: str) -> Iterator[dict[str, Any]]:
    """The data of the assertions with these labels, in any version and number."""
    for assertion in manifest.get("assertions") or []:
        if assertion["label"].startswith(labels) and isinstance(assertion.get("data"), dict):
            yield assertion["data"]


def _actions(manifest: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for data in _assertions(manifest, "c2pa.actions"):
        yield from (action for action in data.get("actions", []) if isinstance(action, dict))


class _History:
    """What is claimed by a manifest and by those of what its content was made from.

    `trusting`: the active one is trusted. Then an ingredient that anybody may have signed lends it
    no claim that a camera took it: opening a file in a trusted tool must not vouch for it.
    """

    def __init__(self, store: dict[str, Any], trusting: bool) -> None:
        self._manifests = store["manifests"]
        self._trusting = trusting
        self._known: dict[str, set[Claim]] = {}
        results = store.get("validation_results", {})
        deltas = [each["validationDeltas"] for each in results.get("ingredientDeltas", [])]
        self._failures = [status for each in deltas for status in _statuses(each, "failure")]
        self._successes = [status for each in deltas for status in _statuses(each, "success")]

    def claims(self, label: str) -> set[Claim]:
        """Looked up once: ingredients may share theirs, or name each other."""
        if label not in self._known:
            self._known[label] = set()
            self._known[label] = self._found(self._manifests.get(label, {}))
        return self._known[label]

    def _found(self, manifest: dict[str, Any]) -> set[Claim]:
        found = set(_own_claims(manifest))
        for ingredient in manifest.get("ingredients") or []:
            lent = self._lent(ingredient)
            if ingredient.get("relationship") == "parentOf":
                found |= lent
            elif ingredient.get("relationship") == "componentOf" and lent & AI_CLAIMS:
                found.add("partly-generated")
        return found

    def _lent(self, ingredient: dict[str, Any]) -> set[Claim]:
        """What the manifest of an ingredient claims, as far as that holds."""
        label = ingredient.get("active_manifest")
        if not label:
            return set()
        recorded = ingredient.get("validation_results", {}).get("activeManifest", {})
        known = [*_statuses(recorded, "failure"), *_statuses(ingredient, "validation_status")]
        codes = {code for code, _ in known}
        codes |= {code for code, where in self._failures if f"/{label}/" in where}
        if any(code == TRUSTED and f"/{label}/" in where for code, where in self._successes):
            codes.discard(UNTRUSTED)  # by now
        if codes - {UNTRUSTED}:
            return set()
        found = self.claims(label)
        return found & AI_CLAIMS if UNTRUSTED in codes and self._trusting else found


def _own_claims(manifest: dict[str, Any]) -> Iterator[Claim]:
    for action in _actions(manifest):
        name, claim = action.get("action", ""), claim_of(action.get("digitalSourceType"))
        if name == "c2pa.created" and claim:
            yield claim
        elif claim in AI_CLAIMS:
            yield "partly-generated"
        if name.startswith("c2pa.") and name.removeprefix("c2pa.") not in NEUTRAL:
            yield "edited"
    for data in _assertions(manifest, *METADATA):
        for key, value in data.items():
            claim = claim_of(value) if key.lower().endswith("digitalsourcetype") else None
            if claim:
                yield claim
    if any(_assertions(manifest, *AI_ASSERTIONS)):
        yield "generated"
