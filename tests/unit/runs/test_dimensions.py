"""Dimensions of usage: what is read, what a meter makes of it, what is refused; and what meters and charges may declare."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.base.units import Unfit
from engine.runs.intake import dimensions
from engine.runs.intake.dimensions import Settled, settled
from engine.store.tracing_back import events_named
from tests import stories

MANY = "{" + ", ".join(f'"d{n}": 1' for n in range(21)) + "}"
DECLARED = "region:text;size:number;vip:boolean"


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ('{"b": "x", "a": 1}', '{"a":"1","b":"x"}'),
        ('{"a": 1.50, "b": true, "c": null, "d": ""}', '{"a":"1.50","b":"true"}'),
        ('{"a": "é \\"q\\""}', '{"a":"é \\"q\\""}'),
        ("{}", None),
    ],
)
def test_texts_by_name(text: str, held: str | None) -> None:
    assert dimensions.read(text) == held


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("region", "is not a JSON object"),
        ("[1]", "is not a JSON object"),
        ('{"a": 1, "a": 2}', "names 'a' twice"),
        ('{"a b": 1}', "has a dimension called 'a b'"),
        ('{"1a": 1}', "has a dimension called '1a'"),
        (f'{{"{"a" * 51}": 1}}', f"has a dimension called '{'a' * 51}'"),
        (f'{{"a": "{"x" * 101}"}}', "has 101 characters in a"),
        ('{"a": "x\\u0000"}', "has the character U+0000 in a"),
        ('{"a": [1]}', "has a list or an object as a"),
        ('{"a": {"b": 1}}', "has a list or an object as a"),
        (MANY, "has 21 dimensions"),
    ],
)
def test_what_is_no_dimension(text: str, what: str) -> None:
    with pytest.raises(Unfit) as caught:
        dimensions.read(text)
    assert caught.value.what == what and caught.value.mend


@pytest.mark.parametrize(
    ("text", "others", "expected"),
    [
        ('{"region":"EU"}', "report", Settled('{"region":"EU"}')),
        ('{"size":"12.50","vip":"yes"}', "report", Settled('{"size":12.5,"vip":true}')),
        ('{"size":"-0","vip":"False"}', "report", Settled('{"size":0,"vip":false}')),
        ('{"size":"1e3"}', "report", Settled('{"size":1000}')),
        ('{"region":"12","zone":"1"}', "report", Settled('{"region":"12","zone":"1"}', ("zone",))),
        ('{"zone":"1"}', "keep", Settled('{"zone":"1"}')),
    ],
)
def test_what_a_meter_makes_of_them(text: str, others: str, expected: Settled) -> None:
    found = settled(text, DECLARED, others)
    assert found == expected
    assert found.text is not None and settled(found.text, DECLARED, others) == expected


def test_a_meter_that_declares_nothing_takes_all() -> None:
    assert settled('{"zone":"1"}', None, "refuse") == Settled('{"zone":"1"}')


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"size":"many"}', "dimension size is 'many'"),
        ('{"size":"1000000000"}', "dimension size is '1000000000'"),
        ('{"size":"0.0000001"}', "dimension size is '0.0000001'"),
        ('{"vip":"maybe"}', "dimension vip is 'maybe'"),
        ('{"zone":"1"}', "has the dimension 'zone'"),
    ],
)
def test_what_a_meter_refuses(text: str, what: str) -> None:
    found = settled(text, DECLARED, "refuse")
    assert found.text is None and found.flaw is not None and found.flaw.what == what


METER = "key,unit,aggregation,dimensions,dimension,percentile,expression,filter"


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("m,x,unique,user:text,,,,", "unique without dimension"),
        ("m,x,unique,user:text,users,,,", "dimension 'users' is not declared"),
        ("m,x,sum,,,95,,", "sum with percentile"),
        ("m,x,percentile,,,0,,", "percentile 0 "),
        ("m,x,percentile,,,100.5,,", "percentile 100.5"),
        ("m,x,expression,,,,,", "expression without expression"),
        ("m,x,sum,user,,,,", "dimensions declares 'user'"),
        ("m,x,sum,user:word,,,,", "dimensions declares 'user:word'"),
        ('m,x,sum,user:text,,,,"dim.usr == ""a"""', "filter 'dim.usr == \"a\"' at character 5"),
        ("m,x,sum,size:number,,,,dim.size > 1", "dim.size may be null"),
        ("m,x,expression,size:number,,,dim.size,", "dim.size may be null"),
        ("m,x,sum,,,,,quantity", "filter 'quantity'"),
    ],
)
def test_meters_that_say_nothing_clear_are_refused(tmp_path: Path, row: str, what: str) -> None:
    folder = stories.write(tmp_path, meters=(METER, row), usage=("entity,subscription,meter,key,at,quantity",))
    with stories.opened(folder, f"sqlite:///{tmp_path}/books.db") as app:
        found = [
            finding for finding in stories.load(app, folder / "data").findings if "meters.csv" in finding.where.file
        ]
    assert len(found) == 1 and what in f"{found[0].what} " and found[0].mend


CHARGE = "plan,key,name,kind,timing,meter,filter,group_by,group_lines"


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("phone,c,C,recurring,advance,,quantity > 1,,", "a recurring charge with a filter or groups"),
        ("phone,c,C,usage,arrears,calls,dim.x == 1,,", "filter 'dim.x == 1' at character 5"),
        ("phone,c,C,usage,arrears,calls,,zone,", "group_by names 'zone', which meter 'calls' does not declare"),
        ("phone,c,C,usage,arrears,calls,,region;region,", "names a dimension twice"),
        ("phone,c,C,usage,arrears,calls,,,true", "lines for each group without group_by"),
    ],
)
def test_charges_that_ask_for_what_is_not_there_are_refused(tmp_path: Path, row: str, what: str) -> None:
    meters = ("key,unit,aggregation,dimensions", "calls,call,sum,region:text")
    folder = stories.write(tmp_path, meters=meters, charges=(CHARGE, row))
    with stories.opened(folder, f"sqlite:///{tmp_path}/books.db") as app:
        report = stories.load(app, folder / "data")
    found = [finding for finding in report.findings if "charges.csv" in finding.where.file]
    assert len(found) == 1 and what in found[0].what


@pytest.mark.capability("A2.2")
def test_files_bring_dimensions_and_what_is_unknown_is_told_once(tmp_path: Path, database_url: str) -> None:
    meters = ("key,unit,aggregation,dimensions,others", "calls,call,sum,region:text;size:number,report")
    used = (
        "entity,subscription,meter,key,at,quantity,dim.region,dim.zone,dim.size",
        "E1,S5,calls,a,2026-01-02T10:00:00Z,1,EU,z,12.50",
        "E1,S5,calls,b,2026-01-02T10:00:00Z,1,,z,",
        "E1,S5,calls,c,2026-01-02T10:00:00Z,1,EU,,many",
    )
    folder = stories.write(tmp_path, meters=meters, usage=used)
    lines = folder / "data" / "usage-more.jsonl"
    lines.write_text(
        '{"entity": "E1", "subscription": "S5", "meter": "calls", "key": "d", "at": "2026-01-02T10:00:00Z",'
        ' "quantity": 1, "dimensions": {"size": 3, "region": "US"}}\n'
    )
    with stories.opened(folder, database_url) as app:
        report = stories.load(app, folder / "data")
        codes = sorted(str(finding.code) for finding in report.findings)
        assert codes == ["usage.bad-dimension", "usage.undeclared-dimension"]
        with app.books.reader() as reader:
            ident = reader.subscription_ids("acme", "E1", ["S5"])["S5"][0]
            held = {key: events_named(reader, ident, "calls", key) for key in "abcd"}
        assert {key: rows[0]["dimensions"] if rows else "refused" for key, rows in held.items()} == {
            "a": '{"region":"EU","size":12.5,"zone":"z"}',
            "b": '{"zone":"z"}',
            "c": "refused",
            "d": '{"region":"US","size":3}',
        }
