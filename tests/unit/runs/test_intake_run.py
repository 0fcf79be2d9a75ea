"""Whole imports into books on both databases."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import TollbookError
from engine.model.journal import Change
from engine.runs.import_run import run_import
from engine.runs.intake import events, masters, session, usage
from engine.runs.intake.formats import FORMATS
from engine.store import lookups
from engine.store.books import Books
from engine.store.writer import Writer
from tests.unit.runs.intake_company import (
    CHANGE,
    COMPANY,
    TODAY,
    Files,
    contents,
    everything,
    found,
    load,
    plain,
    runs_of,
    write,
)


@pytest.mark.capability("A1.2")
@pytest.mark.on_sqlite
def test_a_company(books: Books, tmp_path: Path) -> None:
    report = load(books, tmp_path / "d", COMPANY)
    assert found(report) == []
    assert (report.state, report.refused) == ("done", False)
    rows = sum(map(len, COMPANY.values()))
    assert report.counts == {"rows": rows, "new": rows, "changed": 0, "same": 0, "quarantined": 0, "findings": 0}
    assert [file.kind for file in report.files] == list(COMPANY)
    state = contents(books)
    assert state["accounts"][("E1", "A2")]["payer"] == "A2"
    assert state["accounts"][("E1", "A2")]["parent"] == "A1"
    assert state["charges"][("p", "use")]["timing"] == "arrears"
    assert state["contracts"][0].lines[0].unit_price == Decimal("0.125")
    assert state["contracts"][0].lines[0].valid_to == date.max
    first, second, _ = state["events"].values()
    assert [(e.key, e.kind, e.on, e.plan, e.quantity) for e in first] == [
        ("1", "start", date(2026, 1, 31), "p", 1),
        ("2", "change", date(2026, 2, 15), None, Decimal("2.5")),
    ]
    assert [event.key for event in second] == ["1"]
    days = {key: record["day"] for key, record in state["usage"].items()}
    # 15:00 in UTC is the next day in Tokyo, 03:00 the day before in New York
    assert days == {
        ("E1", "import", "u1"): date(2026, 3, 1),
        ("E1", "import", "u2"): date(2026, 3, 2),
        ("E2", "import", "u1"): date(2026, 2, 28),
    }
    with books.reader() as reader:
        run = reader.run(report.run_id)
    assert run and (run.kind, run.period, run.state, run.who) == ("import", "2026-03-31", "done", "ada")


def test_days_where_the_clock_changes(books: Books, tmp_path: Path) -> None:
    moments = {
        "2026-03-28T22:59:59Z": date(2026, 3, 28),
        "2026-03-28T23:00:00Z": date(2026, 3, 29),  # winter time: one hour ahead
        "2026-03-29T21:59:59Z": date(2026, 3, 29),  # summer time: two hours ahead, a day of 23 hours
        "2026-03-29T22:00:00Z": date(2026, 3, 30),
        "2025-10-25T22:00:00Z": date(2025, 10, 26),  # a day of 25 hours
        "2025-10-26T22:59:59Z": date(2025, 10, 26),
        "2025-10-26T23:00:00Z": date(2025, 10, 27),
        "2025-10-26T02:30:00+02:00": date(2025, 10, 26),
        "2025-10-26T02:30:00+01:00": date(2025, 10, 26),
    }
    rows = [{**COMPANY["usage"][0], "key": at, "at": at} for at in moments]
    load(books, tmp_path / "d", {**COMPANY, "usage": rows})
    with books.reader() as reader:
        stored = lookups.find(reader, "usage", "t", [("E1", "import", at) for at in moments])
    assert {key[2]: record["day"] for key, record in stored.items()} == moments


@pytest.mark.capability("A1.2")
@pytest.mark.on_sqlite
def test_the_same_import_twice_changes_nothing(books: Books, tmp_path: Path) -> None:
    broken = [*COMPANY["usage"], {**COMPANY["usage"][0], "key": "u9", "quantity": "-1"}, {**COMPANY["usage"][0]}]
    files = {**COMPANY, "usage": broken}
    first = load(books, tmp_path / "d", files)
    before = everything(books)
    again = load(books, tmp_path / "d")
    assert (again.state, again.run_id) == ("unchanged", first.run_id)
    assert (again.counts["new"], again.counts["changed"], again.counts["quarantined"]) == (0, 0, 1)
    assert found(again) == found(first) == [("usage.csv:5", "intake.bad-value")]
    assert everything(books) == before
    elsewhere = load(books, tmp_path / "elsewhere", files)
    assert elsewhere.counts["new"] == 0


@pytest.mark.on_sqlite
def test_a_changed_master_is_a_new_version(books: Books, tmp_path: Path) -> None:
    load(books, tmp_path / "d", COMPANY)
    old = contents(books)["accounts"][("E1", "A1")]
    accounts = [{**row, "region": "BE"} if row["key"] == "A1" else row for row in COMPANY["accounts"]]
    report = load(books, tmp_path / "d", {"accounts": accounts})
    assert (report.counts["changed"], report.counts["same"]) == (1, sum(map(len, COMPANY.values())) - 1)
    new = contents(books)["accounts"][("E1", "A1")]
    assert (old["region"], new["region"]) == (None, "BE")
    assert old["id"] != new["id"]
    with books.reader() as reader:
        audit = [row for row in reader.audit_rows("t") if row.subject == "account/E1/A1"]
    assert [(row.before["region"], row.after["region"], row.run_id) for row in audit] == [(None, "BE", report.run_id)]
    back = load(books, tmp_path / "d", {"accounts": COMPANY["accounts"]})
    assert (back.state, back.counts["changed"]) == ("done", 1)
    assert len({run.id for run in runs_of(books)}) == 3


@pytest.mark.on_sqlite
def test_what_may_not_change_and_comes_again_with_another_body(books: Books, tmp_path: Path) -> None:
    load(books, tmp_path / "d", COMPANY)
    before = contents(books)
    files = {
        "usage": [{**COMPANY["usage"][0], "quantity": "7", "at": "2026-03-02T10:00:00Z"}],
        "subscription_events": [{**COMPANY["subscription_events"][1], "quantity": "3"}],
        "subscriptions": [{**COMPANY["subscriptions"][1], "account": "A1"}],
        "rates": [{**COMPANY["rates"][0], "rate": "1.1"}],
    }
    report = load(books, tmp_path / "other", files)
    assert report.counts["quarantined"] == 4
    assert {finding.code for finding in report.findings} == {"intake.key-conflict"}
    assert [finding.what for finding in report.findings] == [
        "subscription E1/S2 comes with account A1; the books have account A2",
        "subscription event E1/S1/2 comes with quantity 3; the books have quantity 2.5",
        "usage event E1/import/u1 comes with at 2026-03-02T10:00:00+00:00, quantity 7; "
        "the books have at 2026-03-01T10:00:00+00:00, quantity 1.5",
        "exchange rate ecb/EUR/USD/2026-03-30 comes with rate 1.1; the books have rate 1.0842",
    ]
    assert contents(books) == before


def test_keys_that_are_there_twice_in_one_import(books: Books, tmp_path: Path) -> None:
    account, event, used = COMPANY["accounts"][0], COMPANY["subscription_events"][1], COMPANY["usage"][0]
    files = {
        **COMPANY,
        "accounts": [*COMPANY["accounts"], account, {**account, "name": "Other"}],
        "accounts-more": [{**account, "name": "Third"}],
        "subscription_events": [*COMPANY["subscription_events"], event, {**event, "quantity": "9"}],
        "usage": [*COMPANY["usage"], used, {**used, "quantity": "9"}, {**used, "quantity": "1.500"}],
    }
    report = load(books, tmp_path / "d", files)
    assert found(report) == [
        ("accounts.csv:6", "intake.double-key"),
        ("accounts-more.csv:2", "intake.double-key"),
        ("subscription_events.csv:7", "intake.key-conflict"),
        ("usage.csv:6", "intake.key-conflict"),
    ]
    assert report.counts["same"] == 4
    before = everything(books)
    assert load(books, tmp_path / "d").state == "unchanged"
    assert everything(books) == before


def test_usage_before_the_start_is_kept_and_told_once_a_subscription(books: Books, tmp_path: Path) -> None:
    early = [{**COMPANY["usage"][0], "key": f"e{day}", "at": f"2026-01-{day}T10:00:00Z"} for day in (28, 27, 30, 31)]
    report = load(books, tmp_path / "d", {**COMPANY, "usage": [*COMPANY["usage"], *early]})
    assert [(str(f.where), f.what) for f in report.findings] == [
        (
            "usage.csv:5",
            "3 usage events of subscription 'S1' from 2026-01-27 to 2026-01-30, but it starts on 2026-01-31",
        )
    ]
    assert report.counts["quarantined"] == 0


@pytest.mark.on_sqlite
def test_files_that_are_refused_and_others_that_load(books: Books, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", COMPANY)
    (folder / "plans-more.csv").write_text("key,nmae\nr,R\n")
    (folder / "meters-utf16.csv").write_text("key,unit\nx,X\n", encoding="utf-16")
    (folder / "accounts-x.parquet").write_text("no parquet")
    (folder / "usage-empty.csv").write_text("")
    (folder / "acounts.csv").write_text("x\n")
    (folder / "rates.xlsx").write_text("x\n")
    (folder / "README.md").write_text("x\n")
    (folder / ".hidden.csv").write_text("x\n")
    (folder / "usage").mkdir()
    report = load(books, folder)
    assert report.refused
    assert {(finding.where.file, str(finding.code)) for finding in report.findings} == {
        ("acounts.csv", "intake.unknown-file"),
        ("rates.xlsx", "intake.unknown-suffix"),
        ("accounts-x.parquet", "intake.unreadable-file"),
        ("meters-utf16.csv", "intake.not-utf8"),
        ("plans-more.csv", "intake.missing-column"),
        ("plans-more.csv", "intake.unknown-column"),
        ("usage-empty.csv", "intake.no-header"),
    }
    assert report.counts["new"] == sum(map(len, COMPANY.values()))
    assert [file.name for file in report.files if file.refused] == [
        "accounts-x.parquet",
        "meters-utf16.csv",
        "plans-more.csv",
        "usage-empty.csv",
    ]


@pytest.mark.on_sqlite
def test_folders_with_nothing_to_read(books: Books, tmp_path: Path) -> None:
    (tmp_path / "acounts.csv").write_text("x\n")
    for folder, code in ((tmp_path, "intake.nothing-to-read"), (tmp_path / "none", "intake.no-folder")):
        with pytest.raises(TollbookError) as error:
            load(books, folder)
        assert error.value.findings[0].code == code
    with pytest.raises(TollbookError) as error:
        load(books, tmp_path / "acounts.csv")
    assert error.value.findings[0].code == "intake.no-folder"


@pytest.mark.parametrize(("who", "reason", "code"), [("", "x", "change.no-person"), ("x", " ", "change.no-reason")])
@pytest.mark.on_sqlite
def test_nobody_imports_for_no_reason(books: Books, tmp_path: Path, who: str, reason: str, code: str) -> None:
    with pytest.raises(TollbookError) as error:
        load(books, tmp_path / "d", COMPANY, Change(who, CHANGE.at, reason))
    assert error.value.findings[0].code == code
    assert runs_of(books) == []


def as_jsonl(folder: Path, files: Files) -> Path:
    folder.mkdir()
    for name, rows in files.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return folder


def as_parquet(folder: Path, files: Files) -> Path:
    """With the types that such files have: decimals, integers, days, instants."""
    pyarrow: Any = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet")
    makers = {
        "decimal": (Decimal, pyarrow.decimal128(24, 9)),
        "integer": (int, pyarrow.int16()),
        "date": (date.fromisoformat, pyarrow.date32()),
        "instant": (datetime.fromisoformat, pyarrow.timestamp("us", tz="America/New_York")),
    }
    folder.mkdir()
    for name, rows in files.items():
        columns = {}
        for column in FORMATS[name].columns:
            make, kind = makers.get(column.type, (str, pyarrow.string()))
            cells = [make(row[column.name]) if row.get(column.name) else None for row in rows]
            if any(cell is not None for cell in cells):
                columns[column.name] = pyarrow.array(cells, kind)
        pyarrow.parquet.write_table(pyarrow.table(columns), folder / f"{name}.parquet")
    return folder


@pytest.mark.capability("A1.2")
@pytest.mark.parametrize("make", [as_jsonl, as_parquet])
@pytest.mark.on_sqlite
def test_the_same_rows_in_other_files_end_in_the_same_books(books: Books, tmp_path: Path, make: Any) -> None:
    load(books, make(tmp_path / "other", COMPANY))
    state = plain(contents(books))
    before = everything(books)
    assert len(state["usage"]) == len(COMPANY["usage"])
    report = load(books, tmp_path / "csv", COMPANY)
    assert (report.counts["same"], report.counts["rows"]) == (sum(map(len, COMPANY.values())),) * 2
    assert report.state == "unchanged"
    assert everything(books) == before


class Killed(BaseException):
    """What ends a process in the middle."""


@pytest.mark.parametrize("writes", [1, 4, 9, 11, 14, 15, 17])
def test_an_import_that_is_killed_and_made_again(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    for module in (session, masters, usage):
        monkeypatch.setattr(module, "CHUNK", 2)
    monkeypatch.setattr(events, "SUBSCRIPTIONS", 1)
    broken = [*COMPANY["usage"], {**COMPANY["usage"][0], "key": "u9", "quantity": "-1"}]
    folder = write(tmp_path / "d", {**COMPANY, "usage": broken})
    finish, count = Writer.finish, iter(range(100))

    def dies(self: Writer) -> None:
        finish(self)
        if next(count) == writes:
            raise Killed

    monkeypatch.setattr(Writer, "finish", dies)
    with pytest.raises(Killed):
        load(books, folder)
    monkeypatch.setattr(Writer, "finish", finish)
    report = load(books, folder)
    assert found(report) == [("usage.csv:5", "intake.bad-value")]
    assert report.counts["new"] + report.counts["same"] == sum(map(len, COMPANY.values()))
    assert [(run.state, run.id) for run in runs_of(books)] == [("done", report.run_id)]
    with books.reader() as reader:
        assert len(reader.findings("t", report.run_id)) == 1
    state = plain(contents(books))
    assert len(state["usage"]) == 3
    assert load(books, folder).state == "unchanged"


@pytest.mark.on_sqlite
def test_large_files_of_events_are_read_in_passes(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PASS_BYTES", 60)
    wrong = [{**COMPANY["subscription_events"][0], "key": str(i), "kind": "resume"} for i in (7, 8)]
    folder = write(tmp_path / "d", {**COMPANY, "subscription_events": [*wrong, *COMPANY["subscription_events"]]})
    with (folder / "subscription_events.csv").open("a") as file:
        file.write("only,three,values\n")
    report = load(books, folder)
    file_report = next(one for one in report.files if one.kind == "subscription_events")
    assert (file_report.rows, file_report.new, file_report.quarantined) == (7, 4, 3)
    assert found(report) == [
        ("subscription_events.csv:2", "intake.event-order"),
        ("subscription_events.csv:3", "intake.event-order"),
        ("subscription_events.csv:8", "intake.broken-row"),
    ]


@pytest.mark.on_sqlite
def test_findings_beyond_a_limit_are_counted(books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "FINDINGS_KEPT", 2)
    rows = [{**COMPANY["usage"][0], "key": f"x{i}", "quantity": "-1"} for i in range(5)]
    report = load(books, tmp_path / "d", {**COMPANY, "usage": rows})
    assert report.counts["quarantined"] == 5
    assert [finding.what for finding in report.findings][-1] == "3 more findings: 3 intake.bad-value"
    assert len(report.findings) == 3


@pytest.mark.on_sqlite
def test_progress(books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (masters, usage):
        monkeypatch.setattr(module, "CHUNK", 2)
    seen: list[tuple[str, int, int]] = []
    folder = write(tmp_path / "d", COMPANY)
    run_import(books, "t", folder, CHANGE, TODAY, lambda *step: seen.append(step))
    assert ("usage.csv", 3, 3) in seen
    assert all(0 < done <= total for _, done, total in seen)
