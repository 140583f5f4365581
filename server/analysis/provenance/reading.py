"""Reading all that a file says of its own origin."""

from __future__ import annotations

from pathlib import Path

from server.analysis.provenance import credentials, marks
from server.analysis.provenance.pieces import gather
from server.analysis.provenance.records import MOST_DECLARATIONS, Provenance

# Who may sign for others to know them, as the C2PA published it on 2026-08-21; see its first lines.
TRUST_LIST = Path(__file__).parent / "trust.pem"


def read(path: Path, trust_list: str) -> Provenance:
    """What a media file declares; `trust_list`: certificates as PEM.

    Belongs into a confined process that may be lost: hostile files can end compiled readers.
    Raises NotFound, Unreadable or EmptyFile.
    """
    pieces = gather(path)
    found = marks.declarations(pieces)
    if pieces.credentials is not None:
        found.insert(0, credentials.read(path, pieces.credentials, trust_list))
    return Provenance("read", tuple(found[:MOST_DECLARATIONS]))
