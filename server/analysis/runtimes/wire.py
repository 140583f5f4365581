"""How much a line between a check and the networks' process carries. Loads nothing."""

from __future__ import annotations

MEMORY_BYTES = 64 << 20  # the largest canvas takes 44 MB; what nobody writes to takes none
PACKET_BYTES = 4096
