"""Reading all that a file declares of its own origin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from server.analysis.provenance import credentials, marks
from server.analysis.provenance.pieces import gather
from server.analysis.provenance.records import MOST_DECLARATIONS, Provenance

# Who may sign for others to know them, as the C2PA published it on 2026-08-21; see its first lines.
TRUST_LIST = Path(__file__).parent / "trust.pem"


def read(path: Path, trust_list: str) -> Iterator[Provenance]:
    """What a media file declares, as far as it is known by then; the last one is the whole.

    Belongs into a confined process that may be lost: hostile files can end compiled readers, and
    what came before holds. `trust_list`: certificates as PEM. Raises NotFound, Unreadable or
    EmptyFile.
    """
    pieces = gather(path)
    found = marks.declarations(pieces)[: MOST_DECLARATIONS - 1]
    if pieces.credentials is not None:
        yield Provenance("read", (credentials.without_statement("unreadable"), *found))
        found.insert(0, credentials.read(path, pieces.credentials, trust_list))
    yield Provenance("read", tuple(found))
