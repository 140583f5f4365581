"""The properties of an XMP packet (ISO 16684-1), read without building the document.

A packet is XML from a stranger: entities are refused, depth and number of properties are bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from xml.parsers import expat

MOST_DEPTH = 50
MOST_PROPERTIES = 5000
MOST_TEXT = 1_000_000  # characters of one value
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RESOURCE = f"{RDF} resource"  # a value that is an address may stand here


class _Refused(Exception):
    """The packet is made to keep its reader busy."""


def properties(packet: bytes) -> list[tuple[str, str]]:
    """("namespace name", value) of each property, as element or attribute; of a structure or a list
    each of its values. What comes after a damaged place is left out."""
    found = _Found()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = found.start
    parser.EndElementHandler = found.end
    parser.CharacterDataHandler = found.text
    parser.EntityDeclHandler = _refuse
    with suppress(expat.ExpatError, _Refused, ValueError):
        parser.Parse(packet.strip(b"\0 \t\r\n"), True)
    return found.properties


def _refuse(*_: object) -> None:
    raise _Refused


class _Found:
    def __init__(self) -> None:
        self.properties: list[tuple[str, str]] = []
        self._open: list[str] = []
        self._text: list[str] = []
        self._length = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= MOST_DEPTH:
            raise _Refused
        self._open.append(name)
        self._text.clear()
        self._length = 0
        for attribute, value in attributes.items():
            if attribute == RESOURCE:
                self._add(self._property(), value)
            elif not attribute.startswith(RDF):
                self._add(attribute, value)

    def text(self, text: str) -> None:
        self._length += len(text)
        if self._length <= MOST_TEXT:
            self._text.append(text)

    def end(self, _: str) -> None:
        value = "".join(self._text).strip()
        if value:
            self._add(self._property(), value)
        self._text.clear()
        self._length = 0
        self._open.pop()

    def _property(self) -> str:
        """The innermost element that is a property and no part of RDF's own, as a list is."""
        return next((name for name in reversed(self._open) if not name.startswith(RDF)), "")

    def _add(self, name: str, value: str) -> None:
        if len(self.properties) >= MOST_PROPERTIES:
            raise _Refused
        self.properties.append((name, value[:MOST_TEXT]))


def names(found: list[tuple[str, str]], *wanted: str) -> Iterator[str]:
    """The values of the properties with these full names."""
    return (value for name, value in found if name in wanted)
