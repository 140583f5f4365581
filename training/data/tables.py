"""Tables of what is known of each file, as people and their spreadsheets save them."""

from __future__ import annotations

import csv
import io
import logging
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from convert.dataset import LABELS, File, clean, from_label, some

logger = logging.getLogger(__name__)

Rows = dict[str, dict[str, str]]  # by the name of the file
STEMS = ("manifest", "fairface")
TEXTS = (".csv", ".tsv", ".txt")
SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers")
DELIMITERS = ",;\t|"
NUMBERS = ("time_s", "face_px", "orig_face_px", "sharpness", "frontality")
UNKNOWN = frozenset({"na", "n/a", "#n/a", "nan", "null"})
PARTS = {
    "training": "train", "validation": "val", "valid": "val", "dev": "val", "testing": "test",
}  # fmt: skip


def known(source: Path, inside: Iterable[File], names: Sequence[str]) -> Rows:
    """What the tables beside `source` and `inside` it tell of its files `names`; the inner ones
    count more.

    Raises ValueError for a table that cannot be read, and for an inner one that tells of none of
    them. A table beside a folder may belong to something else: a warning tells of it.
    """
    rows, count = _beside(source, names)
    for table in (inner := _tables(inside)):
        told = _rows(table)
        if not told.keys() & set(names):
            raise ValueError(
                f"{_where(table)} names none of the {len(names)} files, such as {names[0]}: its "
                "column `file` needs their paths from real/ or fake/ on"
            )
        if gone := sorted(told.keys() - set(names)):
            logger.warning("%s names files that are not there: %s", _where(table), some(gone))
        rows |= _of(told, names, table)
    if (inner or count) and (missing := [name for name in names if name not in rows]):
        logger.warning(
            "%s: %d of %d files are in no table; each counts as a person of its own: %s",
            source, len(missing), len(names), some(missing),
        )  # fmt: skip
    return rows


def is_table(file: File) -> bool:
    return _stem(file).rpartition("/")[2] in STEMS and file.suffix in TEXTS + SPREADSHEETS


def parse(content: bytes, where: str) -> list[dict[str, str]]:
    """The rows of a table with a column `file`, by columns in small letters.

    UTF-8 or UTF-16; parted by commas, semicolons, tabs or bars; numbers with a decimal comma get a
    point. Raises ValueError, naming `where` and the row, for what cannot be understood.
    """
    text = _text(content, where)
    if stated := re.match(r"sep=(.)\s*\n", text):
        text = text[stated.end() :]
    header = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = next((d for d in DELIMITERS if "file" in _columns(header, d)), "")
    if not delimiter:
        shown = " ".join(header.split())[:80]
        raise ValueError(f"{where} has no column `file`; its first line is {shown!r}")
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True, strict=True)
    rows = []
    try:
        lines = [(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
    except csv.Error as error:
        raise ValueError(f"{where}, line {reader.line_num}: {error}") from error
    columns = _columns(header, delimiter)
    if twice := {column for column in columns if column and columns.count(column) > 1}:
        raise ValueError(f"{where} has several columns called {some(sorted(twice))}")
    for line, cells in lines[1:]:
        if any(map(str.strip, cells[len(columns) :])):
            raise ValueError(f"{where}, line {line} has more cells than the first line")
        padded = cells + [""] * (len(columns) - len(cells))
        row = {c: _cell(cell) for c, cell in zip(columns, padded, strict=False) if c}
        rows.append(_checked(row, f"{where}, line {line}"))
    return rows


def write(path: Path, rows: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> None:
    """Write a table, whole or not at all: a disk may be full."""
    part = path.with_name(f"{path.name}.part")
    with part.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.DictWriter(lines, list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    part.replace(path)


def append(path: Path, row: Mapping[str, Any]) -> None:
    """Add `row` to a table of results, which gets the columns that it lacks; four decimals."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows: list[Mapping[str, Any]] = []
    if path.exists():
        with path.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
    rows.append({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()})
    write(path, rows, dict.fromkeys([*row, *rows[0]]))


def _beside(source: Path, names: Sequence[str]) -> tuple[Rows, int]:
    """What the tables in the folder of `source` tell of its files, and how many they are."""
    folder = source.absolute().parent
    paths = sorted(folder.iterdir()) if os.access(folder, os.R_OK) else []
    tables = _tables(File(path.name, path.read_bytes, path) for path in paths)
    rows: Rows = {}
    for table in (table for table in tables if table.path.is_file()):
        try:
            rows |= _of(_rows(table), names, table)
        except ValueError as error:
            if source.is_file():
                raise
            logger.warning("%s; it is left out", error)
    return rows, len(tables)


def _tables(found: Iterable[File]) -> list[File]:
    """Tables among files; a spreadsheet's own file only where nothing was saved from it."""
    tables = [file for file in found if is_table(file)]
    saved = {_stem(table) for table in tables if table.suffix in TEXTS}
    return [t for t in tables if t.suffix in TEXTS or _stem(t) not in saved]


def _stem(file: File) -> str:
    return PurePosixPath(file.name).with_suffix("").as_posix().lower()


def _rows(table: File) -> Rows:
    """The table by its column `file`. Raises ValueError where it contradicts itself."""
    where = _where(table)
    if table.suffix in SPREADSHEETS:
        raise ValueError(f"{where} is a spreadsheet's own file: save it as CSV")
    rows: Rows = {}
    for row in parse(table.content(), where):
        name = _file(row["file"])
        if name and rows.setdefault(name, row) != row:
            raise ValueError(f"{where} tells two different things of {name}")
    return rows


def _of(rows: Rows, names: Iterable[str], table: File) -> Rows:
    """Those of `names`. Raises ValueError where a row contradicts the folder of its file."""
    told = {name: rows[name] for name in names if name in rows}
    for name, row in told.items():
        label = row.get("label", "").lower()
        if label in LABELS and not name.startswith(f"{label}/"):
            raise ValueError(
                f"{_where(table)} calls {name} {label}: move the file, or mend the table"
            )
    return told


def _where(table: File) -> str:
    member = table.path.suffix.lower() != table.suffix
    return f"{table.path} ({table.name})" if member else str(table.path)


def _file(cell: str) -> str:
    name = clean(cell.replace("\\", "/"))
    return from_label(name)[1] or name


def _text(content: bytes, where: str) -> str:
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise ValueError(f"{where} is a spreadsheet's own file: save it as CSV")
    encoding = "utf-8-sig"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif content[1:2] == b"\0" or content[:1] == b"\0":
        encoding = "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"{where} is no UTF-8 or UTF-16 text: save it as CSV UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _columns(header: str, delimiter: str) -> list[str]:
    cells = next(csv.reader([header], delimiter=delimiter, skipinitialspace=True), [])
    return [re.sub(r"[\s-]+", "_", cell.strip().lower()) for cell in cells]


def _cell(text: str) -> str:
    text = text.strip()
    return "" if text.lower() in UNKNOWN else text


def _checked(row: dict[str, str], where: str) -> dict[str, str]:
    for column in NUMBERS:
        if value := row.get(column, ""):
            row[column] = value = re.sub(r"^([-+]?\d*),(\d+)$", r"\1.\2", value)
            if not _is_number(value):
                raise ValueError(f"{where}: {column} is {value!r}, which is no number")
    if part := row.get("split", ""):
        row["split"] = PARTS.get(part.lower(), part.lower())
        if row["split"] not in ("train", "val", "test"):
            raise ValueError(f"{where}: split is {part!r}; it can be train, val or test")
    return row


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
