"""Tables as spreadsheets and people save them: read alike, or refused by name and line."""

from __future__ import annotations

import pytest

from convert.dataset import files, labelled
from training.data import tables

ROWS = [
    ["file", "identity", "split", "time_s"],
    ["real/a.png", "Müller, J.", "test", "0.5"],
    ["fake/b.png", "p2", "val", ""],
]


def saved(delimiter: str = ",", quoted: bool = False, ending: str = "\n") -> str:
    def cell(text: str) -> str:
        return f'"{text}"' if quoted or delimiter in text else text

    return "".join(delimiter.join(map(cell, row)) + ending for row in ROWS)


PLAIN = saved()
WAYS = {
    "plain": PLAIN.encode(),
    "byte order mark": PLAIN.encode("utf-8-sig"),
    "UTF-16": PLAIN.encode("utf-16"),
    "UTF-16, big end first": b"\xfe\xff" + PLAIN.encode("utf-16-be"),
    "UTF-16 without a mark": PLAIN.encode("utf-16-le"),
    "Excel's Unicode text": saved("\t", ending="\r\n").encode("utf-16"),
    "semicolons": saved(";").encode(),
    "semicolons, decimal comma": saved(";").replace("0.5", "0,5").encode(),
    "decimal comma": PLAIN.replace("0.5", '"0,5"').encode(),
    "Excel's hint": f"sep=;\r\n{saved(';', ending=chr(13) + chr(10))}".encode(),
    "tabs": saved("\t").encode(),
    "quotes": saved(quoted=True, ending="\r\n").encode(),
    "old Mac": saved(ending="\r").encode(),
    "spaces": PLAIN.replace("test,", " test , ").replace("file,iden", " File , Iden").encode(),
    "capitals": PLAIN.replace("identity,split,time_s", "IDENTITY,Split,Time-S").encode(),
    "other words": PLAIN.replace(",val,", ",Validation,NA").encode(),
    "empty lines": ("\n" + PLAIN.replace("\n", "\n,,,\n\n")).encode(),
    "backslashes": PLAIN.replace("/", "\\").encode(),
    "from here": PLAIN.replace("real/", "./real/").replace("fake/", "/data/set/Fake/").encode(),
    "short lines": PLAIN.replace("val,\n", "val\n").encode(),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_table_is_read_however_it_was_saved(way, tmp_path):
    source = tmp_path / "data"
    for name in ("real/a.png", "fake/b.png"):
        (source / name).parent.mkdir(parents=True)
        (source / name).write_bytes(b"")
    (source / "Manifest.CSV").write_bytes(WAYS[way])
    below, beside = labelled(files(source), source)
    known = tables.known(source, beside, [file.name for file in below])
    wanted = [dict(zip(ROWS[0], row, strict=True)) for row in ROWS[1:]]
    for row in known.values():
        row.pop("file")
    assert known == {row.pop("file"): row for row in wanted}


REFUSED = {
    "no column `file`": "name,identity\nreal/a.png,x\n",
    "first line is ''": "",
    "spreadsheet's own file": b"PK\x03\x04" + bytes(40),
    "no UTF-8 or UTF-16": "file,identity\nreal/a.png,Müller\n".encode("cp1252"),
    "line 3 has more cells": "file,identity\nreal/b.png,x\nreal/a.png,Smith, J.\n",
    "two different things of real/a.png": "file,identity\nreal/a.png,x\nreal/a.png,y\n",
    "line 2: time_s is '1.234,5'": "file;time_s\nreal/a.png;1.234,5\n",
    "line 2: face_px is 'inf'": "file,face_px\nreal/a.png,inf\n",
    "line 2: split is 'hidden'": "file,split\nreal/a.png,hidden\n",
    "calls real/a.png fake": "file,label\nreal/a.png,FAKE\n",
    "names none of the 1 files, such as real/a.png": "file,identity\na.png,x\n",
    "several columns called identity": "file,Identity,identity\nreal/a.png,x,y\n",
    "unexpected end": 'file,identity\nreal/a.png,"x\nreal/b.png,y\n',
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_be_understood_is_refused_by_name(why, tmp_path):
    source = tmp_path / "data"
    (source / "real").mkdir(parents=True)
    (source / "real" / "a.png").write_bytes(b"")
    text = REFUSED[why]
    (source / "manifest.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    below, beside = labelled(files(source), source)
    with pytest.raises(ValueError, match=r"data/manifest\.csv") as refused:
        tables.known(source, beside, [file.name for file in below])
    assert why in str(refused.value)


def test_a_spreadsheets_own_file_counts_only_where_nothing_was_saved_from_it(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.png").write_bytes(b"")
    (tmp_path / "manifest.xlsx").write_bytes(b"PK\x03\x04")
    below, beside = labelled(files(tmp_path), tmp_path)
    names = [file.name for file in below]
    with pytest.raises(ValueError, match=r"manifest\.xlsx is a spreadsheet's own file: save it"):
        tables.known(tmp_path, beside, names)
    (tmp_path / "manifest.csv").write_text("file,identity\nreal/a.png,x\n")
    assert tables.known(tmp_path, labelled(files(tmp_path), tmp_path)[1], names)


def test_a_table_beside_a_folder_may_be_of_something_else_but_not_in_silence(tmp_path, caplog):
    (tmp_path / "manifest.csv").write_text("title,year\nx,1\n")
    assert tables.known(tmp_path / "data", [], ["real/a.png"]) == {}
    assert "manifest.csv has no column `file`" in caplog.text
    caplog.clear()
    (tmp_path / "manifest.csv").write_text("file,identity\nreal/b.png,x\nreal/c.png,y\n")
    known = tables.known(tmp_path / "data", [], ["real/a.png", "real/b.png"])
    assert known.keys() == {"real/b.png"}
    assert "1 of 2 files are in no table" in caplog.text
    (tmp_path / "data.tar").write_bytes(b"")
    (tmp_path / "manifest.csv").write_bytes(b"\xff\xff")
    with pytest.raises(ValueError, match="no UTF-8 or UTF-16"):
        tables.known(tmp_path / "data.tar", [], ["real/a.png"])


def test_a_table_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "t.csv"
    tables.write(path, [{"file": "a,b"}], ["file"])
    (tmp_path / "t.csv.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        tables.write(path, [{"file": "c"}], ["file"])
    assert path.read_text() == 'file\n"a,b"\n'


def test_a_row_with_a_new_column_keeps_the_table_whole(tmp_path):
    table = tmp_path / "runs.csv"
    tables.append(table, {"model": "a", "steps": 1})
    tables.append(table, {"model": "b", "frozen": "stem", "steps": 2})
    assert table.read_text().splitlines() == ["model,frozen,steps", "a,,1", "b,stem,2"]
