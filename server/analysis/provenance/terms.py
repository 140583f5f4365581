"""IPTC's vocabulary of digital source types, and what each of them claims.

Source: http://cv.iptc.org/newscodes/digitalsourcetype/ and C2PA's additions to it.
"""

from __future__ import annotations

from server.analysis.provenance.records import Claim

CLAIM_OF: dict[str, Claim] = {
    "trainedAlgorithmicMedia": "generated",
    "trainedAlgorithmicData": "generated",
    "TrainedAlgorithmicMediaDigitalSource": "generated",  # schema.org's name for it
    "compositeWithTrainedAlgorithmicMedia": "partly-generated",
    "CompositeWithTrainedAlgorithmicMediaDigitalSource": "partly-generated",
    "compositeSynthetic": "partly-generated",
    "algorithmicMedia": "software",  # by rules, such as a fractal: no generative AI
    "dataDrivenMedia": "software",
    "digitalCreation": "software",
    "digitalArt": "software",
    "softwareImage": "software",
    "virtualRecording": "software",
    "algorithmicallyEnhanced": "edited",
    "composite": "edited",
    "humanEdits": "edited",
    "minorHumanEdits": "edited",
    "digitalCapture": "camera",
    "computationalCapture": "camera",
    "compositeCapture": "camera",
    "negativeFilm": "camera",
    "positiveFilm": "camera",
    "print": "camera",
    "screenCapture": "screen",
}


def claim_of(source_type: object) -> Claim | None:
    """By the last part of the term: its address is written in many ways. None: nothing claimed."""
    if not isinstance(source_type, str):
        return None
    return CLAIM_OF.get(source_type.strip().rstrip("/").rpartition("/")[2])
