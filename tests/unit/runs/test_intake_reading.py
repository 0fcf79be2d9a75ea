"""Files to rows: CSV, JSON lines and Parquet."""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.base.errors import TollbookError
from engine.runs.intake import reading
from engine.runs.intake.reading import Broken, Row, open_table

pyarrow: Any = pytest.importorskip("pyarrow")
pytest.importorskip("pyarrow.parquet")

KNOWN = frozenset({"key", "name"})


def rows_of(folder: Path, name: str, content: bytes | str) -> list[Row]:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with open_table(path, name, KNOWN) as table:
        return list(table.rows)


def refused(folder: Path, name: str, content: bytes | str) -> str:
    with pytest.raises(TollbookError) as error:
        rows_of(folder, name, content)
    return str(error.value)


def write_parquet(path: Path, **columns: Any) -> None:
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


def test_csv_with_everything_that_is_allowed(tmp_path: Path) -> None:
    text = '\ufeff name , key\r\n"a, ""b""\r\nc",1\r\n\r\n\r\n d ,2\r\n,\r\ne,3'
    assert rows_of(tmp_path, "x.csv", text) == [
        (2, {"name": 'a, "b"\r\nc', "key": "1"}),
        (6, {"name": " d ", "key": "2"}),
        (7, {"name": "", "key": ""}),
        (8, {"name": "e", "key": "3"}),
    ]


def test_csv_rows_that_are_none(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "x.csv", 'key,name\n1\n2,b,c\n3,"d"e\n4,f\n5,"g\n6,h\n')
    assert [(line, row.what if isinstance(row, Broken) else row["key"]) for line, row in rows] == [
        (2, "the row has 1 values and the file 2 columns"),
        (3, "the row has 3 values and the file 2 columns"),
        (4, "the line is not one of CSV: ',' expected after '\"'"),
        (5, "4"),
        (6, "a double quote is opened and not closed; lines 6 to 7 are lost"),
    ]


def test_csv_goes_on_behind_a_text_without_end(tmp_path: Path) -> None:
    filler = "".join(f"{i},some more text\n" for i in range(20_000))
    rows = rows_of(tmp_path, "x.csv", f'key,name\n1,"a\n{filler}')
    assert isinstance(rows[0][1], Broken)
    assert "lines 2 to " in rows[0][1].what
    last = rows[-1]
    assert last == (20_002, {"key": "19999", "name": "some more text"})


def test_csv_files_that_are_refused(tmp_path: Path) -> None:
    assert "no first line" in refused(tmp_path, "x.csv", "")
    assert "no first line" in refused(tmp_path, "x.csv", "\n\n1,2\n")
    assert "column 'key' is there 2 times" in refused(tmp_path, "x.csv", "key,name,key\n")
    assert "UTF-16" in refused(tmp_path, "x.csv", "key,name\n1,a\n".encode("utf-16"))
    assert "not UTF-8" in refused(tmp_path, "x.csv", b"key,n\xe4me\n")
    (tmp_path / "folder.csv").mkdir()
    with (
        pytest.raises(TollbookError, match="cannot be read"),
        open_table(tmp_path / "folder.csv", "folder.csv", KNOWN) as table,
    ):
        list(table.rows)


def test_bytes_that_are_not_utf8_hurt_their_own_cell_only(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "x.csv", b"key,name\n1,M\xfcller\n2,M\xc3\xbcller\n")
    assert rows == [(2, {"key": "1", "name": "M\udcfcller"}), (3, {"key": "2", "name": "Müller"})]


def test_json_lines(tmp_path: Path) -> None:
    text = (
        '\ufeff{"key": 1, "name": "a"}\n\n{"key": 1.50, "name": true}\r\n{"key": 1e-7}\n{"key": null, "name": false}\n'
    )
    text += '{"key": 123456789012345678901234567890.10, "name": NaN}'
    assert rows_of(tmp_path, "x.jsonl", text) == [
        (1, {"key": "1", "name": "a"}),
        (3, {"key": "1.50", "name": "true"}),
        (4, {"key": "1e-7"}),
        (5, {"key": "", "name": "false"}),
        (6, {"key": "123456789012345678901234567890.10", "name": "NaN"}),
    ]


def test_json_lines_that_are_none(tmp_path: Path) -> None:
    deep = "[" * 100_000
    lines = [
        '{"key": 1',
        "[1]",
        '"a"',
        '{"key": [1]}',
        '{"key": {"a": 1}}',
        '{"key": 1, "key": 2}',
        deep,
        '{"key": "ok"}',
        "{}",
    ]
    rows = rows_of(tmp_path, "x.jsonl", "\n".join(lines).encode() + b'\n{"key": "\xff"}\n')
    assert [row.what if isinstance(row, Broken) else row for _, row in rows] == [
        "the line is not JSON: Expecting ',' delimiter at character 10",
        "the line '[1]' is not an object",
        "the line '\"a\"' is not an object",
        "key is a list or an object",
        "key is a list or an object",
        "'key' is there twice",
        "the line is nested too deep",
        {"key": "ok"},
        {},
        'the line \'{"key": "\\udcff"}\' is not UTF-8',
    ]
    assert [line for line, _ in rows] == list(range(1, 11))


def test_a_line_without_end_is_one_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LINE_LIMIT", 40)
    long = json.dumps({"key": "x" * 200})
    rows = rows_of(tmp_path, "x.jsonl", f'{{"key": 1}}\n{long}\n{{"key": 3}}\n')
    assert [(line, isinstance(row, Broken)) for line, row in rows] == [(1, False), (2, True), (3, False)]


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    at = [datetime(2026, 1, 31, 11, tzinfo=UTC), None]
    write_parquet(
        path,
        key=pyarrow.array([1, 2], pyarrow.int32()),
        amount=pyarrow.array([Decimal("0.0000001"), Decimal("12.5")], pyarrow.decimal128(20, 7)),
        day=pyarrow.array([date(2026, 1, 31), None]),
        at=pyarrow.array(at, pyarrow.timestamp("us", tz="Europe/Berlin")),
        fine=pyarrow.array([1769857200123456789, None], pyarrow.timestamp("ns", tz="UTC")),
        flag=pyarrow.array([True, None]),
        word=pyarrow.array(["a", "b"]).dictionary_encode(),
        nothing=pyarrow.array([None, None]),
        unread=pyarrow.array([0.1, 0.2]),
    )
    known = {"key", "amount", "day", "at", "fine", "flag", "word", "nothing"}
    with open_table(path, "x.parquet", known) as table:
        assert table.columns == ("key", "amount", "day", "at", "fine", "flag", "word", "nothing", "unread")
        first, second = table.rows
    assert first == (
        1,
        {
            "key": "1",
            "amount": "0.0000001",
            "day": "2026-01-31",
            "at": "2026-01-31T12:00:00+01:00",
            "fine": "2026-01-31T11:00:00.123456+00:00",
            "flag": "true",
            "word": "a",
            "nothing": "",
        },
    )
    assert second[1] == {
        "key": "2",
        "amount": "12.5000000",
        "day": "",
        "at": "",
        "fine": "",
        "flag": "",
        "word": "b",
        "nothing": "",
    }


def test_parquet_files_that_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    for column, words in (
        (pyarrow.array([0.1]), "column 'key' is of type double"),
        (pyarrow.array([[1]]), "column 'key' is of type list"),
        (pyarrow.array([b"x"]), "column 'key' is of type binary"),
    ):
        write_parquet(path, key=column)
        with pytest.raises(TollbookError, match=words), open_table(path, "x.parquet", KNOWN):
            pass
    assert "the file is not Parquet" in refused(tmp_path, "y.parquet", "key,name\n1,2\n")
    assert "the file is not Parquet" in refused(tmp_path, "z.parquet", path.read_bytes()[:-9])


def test_columns_that_are_not_exact(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write_parquet(path, key=pyarrow.array([0.1]))
    with pytest.raises(TollbookError) as error, open_table(path, "x.parquet", KNOWN):
        pass
    assert str(error.value) == (
        "x.parquet: error: column 'key' is of type double [intake.inexact-column]\n"
        "    why: what is read back is not what was meant: 0.1 is not a binary number\n"
        "    mend: write it as DECIMAL or as text"
    )


def test_parquet_without_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert refused(tmp_path, "x.parquet", b"PAR1") == (
        "x.parquet: error: Parquet files need the library pyarrow [intake.no-parquet]\n"
        "    mend: install tollbook[parquet], or deliver the file as CSV or JSON lines"
    )


def test_a_parquet_file_that_breaks_off(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    keys = [f"{i:09d}" for i in range(50_000)]
    pyarrow.parquet.write_table(pyarrow.table({"key": keys}), path, row_group_size=20_000, compression="gzip")
    content = bytearray(path.read_bytes())
    meta = pyarrow.parquet.ParquetFile(path).metadata.row_group(2).column(0)
    content[meta.data_page_offset + 60 : meta.data_page_offset + 4000] = b"\0" * 3940
    path.write_bytes(content)
    with open_table(path, "x.parquet", KNOWN) as table:
        rows = list(table.rows)
    assert rows[20_000 - 1] == (20_000, {"key": "000019999"})
    assert isinstance(rows[-1][1], Broken)
    assert rows[-1][1].code == "intake.unreadable-file"


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(st.tuples(cells, cells), max_size=8))
def test_the_same_texts_come_out_of_every_kind_of_file(tmp_path: Path, texts: list[tuple[str, str]]) -> None:
    import csv
    import io

    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(["key", "name"])
    writer.writerows(texts)
    lines = "".join(json.dumps({"key": key, "name": name}) + "\n" for key, name in texts)
    path = tmp_path / "x.parquet"
    kind = pyarrow.string()
    write_parquet(path, key=pyarrow.array([a for a, _ in texts], kind), name=pyarrow.array([b for _, b in texts], kind))
    expected = [{"key": key, "name": name} for key, name in texts]
    assert [row for _, row in rows_of(tmp_path, "x.csv", out.getvalue())] == expected
    assert [row for _, row in rows_of(tmp_path, "x.jsonl", lines)] == expected
    with open_table(path, "x.parquet", KNOWN) as table:
        assert [row for _, row in table.rows] == expected


@pytest.mark.parametrize("name", ["x.csv.gz", "x.jsonl.gz"])
def test_packed_text_is_read_as_text_is(tmp_path: Path, name: str) -> None:
    """Row by row; what is cut off or is not packed at all is refused, with what could be read before."""
    import gzip

    text = "key,name\n1,a\n2,b\n" if "csv" in name else '{"key": 1, "name": "a"}\n{"key": "2", "name": "b"}\n'
    rows = [row for _, row in rows_of(tmp_path, name, gzip.compress(text.encode()))]
    assert rows == [{"key": "1", "name": "a"}, {"key": "2", "name": "b"}]
    assert "intake.unreadable-file" in refused(tmp_path, name, gzip.compress(text.encode() * 50_000)[:-200])
    assert "intake.unreadable-file" in refused(tmp_path, name, text)
    assert "intake.not-utf8" in refused(tmp_path, name, gzip.compress(text.encode("utf-16")))
