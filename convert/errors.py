"""What goes wrong with other people's models, said so that they can mend it."""

from __future__ import annotations


class ConversionError(Exception):
    """A model or its data cannot be used; the message names the cause and the cure."""
