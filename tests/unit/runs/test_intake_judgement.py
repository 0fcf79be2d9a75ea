"""What rows are to each other: references, families of accounts, the order of events."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.store.books import Books
from tests.unit.runs.intake_company import COMPANY, everything, found, load


def test_references_that_lead_nowhere(books: Books, tmp_path: Path) -> None:
    files = {
        **COMPANY,
        "accounts": [
            *COMPANY["accounts"],
            {**COMPANY["accounts"][0], "key": "A8", "entity": "E9", "parent": "A7"},
            {**COMPANY["accounts"][0], "key": "A9", "payer": "B1"},
        ],
        "charges": [*COMPANY["charges"], {"plan": "pp", "key": "x", "name": "X", "kind": "usage", "meter": "bg"}],
        "contract_lines": [*COMPANY["contract_lines"], {**COMPANY["contract_lines"][0], "plan": "z"}],
        "subscriptions": [
            *COMPANY["subscriptions"],
            {"entity": "E1", "key": "S8", "account": "B1"},
            {"entity": "E1", "key": "S9", "account": "A2", "contract": "C1"},
        ],
        "subscription_events": [
            *COMPANY["subscription_events"],
            {"entity": "E1", "subscription": "S8", "key": "1", "kind": "start", "on": "2026-01-31", "plan": "p"},
            {"entity": "E1", "subscription": "S1", "key": "3", "kind": "change", "on": "2026-02-20", "plan": "qq"},
        ],
        "usage": [*COMPANY["usage"], {**COMPANY["usage"][0], "key": "u7", "subscription": "S7", "meter": "gbb"}],
    }
    report = load(books, tmp_path / "d", files)
    assert [(str(f.where), f.code, f.what, f.mend) for f in report.findings] == [
        (
            "accounts.csv:5",
            "intake.unknown-reference",
            "entity 'E9' does not exist",
            "import the legal entity first, or correct the key",
        ),
        (
            "accounts.csv:6",
            "intake.other-entity",
            "payer 'B1' is the account of E2, not of E1",
            "name the account of E1",
        ),
        ("charges.csv:4", "intake.unknown-reference", "plan 'pp' does not exist", "did you mean 'p'?"),
        (
            "charges.csv:4",
            "intake.unknown-reference",
            "meter 'bg' does not exist",
            "import the meter first, or correct the key",
        ),
        (
            "contract_lines.csv:3",
            "intake.unknown-reference",
            "plan 'z' does not exist",
            "import the plan first, or correct the key",
        ),
        (
            "subscriptions.csv:5",
            "intake.other-entity",
            "account 'B1' is the account of E2, not of E1",
            "name the account of E1",
        ),
        (
            "subscriptions.csv:6",
            "intake.other-account",
            "contract 'C1' is with account 'A1', the subscription is of account 'A2'",
            "name a contract of the account, or none",
        ),
        (
            "subscription_events.csv:6",
            "intake.unknown-reference",
            "subscription 'S8' does not exist in E1",
            "import the subscription first, or correct the key",
        ),
        ("subscription_events.csv:7", "intake.unknown-reference", "plan 'qq' does not exist", "did you mean 'q'?"),
        (
            "usage.csv:5",
            "intake.unknown-reference",
            "subscription 'S7' does not exist in E1",
            "import the subscription first, or correct the key",
        ),
        ("usage.csv:5", "intake.unknown-reference", "meter 'gbb' does not exist", "did you mean 'gb'?"),
    ]
    assert report.counts["quarantined"] == 9
    assert not report.refused
    load(books, tmp_path / "d", COMPANY)
    assert load(books, tmp_path / "d").state == "unchanged"


def account(key: str, parent: str = "", payer: str = "", name: str = "N") -> dict[str, str]:
    return {**COMPANY["accounts"][0], "key": key, "parent": parent, "payer": payer, "name": name}


@pytest.mark.parametrize(
    ("before", "rows", "wrong"),
    [
        # a parent below its child in the file is no mistake
        ([], [account("c", "b"), account("b", "a"), account("a")], {}),
        ([], [account("a", "a")], {"a": "account 'a' is above itself: a -> a"}),
        ([], [account("a", payer="a")], {}),
        # a ring, a child of the ring, and a child of that child
        (
            [],
            [
                account("a", "b"),
                account("b", "c"),
                account("c", "a"),
                account("d", "a"),
                account("e", "d"),
                account("f"),
            ],
            {
                "a": "account 'a' is above itself: a -> b -> c -> a",
                "b": "account 'b' is above itself: b -> c -> a -> b",
                "c": "account 'c' is above itself: c -> a -> b -> c",
                "d": "parent 'a' does not exist in E1",
                "e": "parent 'd' does not exist in E1",
            },
        ),
        # a ring that closes through an account that only the books have
        ([account("a"), account("b", "a")], [account("a", "b")], {"a": "account 'a' is above itself: a -> b -> a"}),
        # the account stays as the books have it, so its children are not lost
        (
            [account("a"), account("b", "a")],
            [account("a", "b"), account("c", "a")],
            {"a": "account 'a' is above itself: a -> b -> a"},
        ),
        # turning a family round is no ring
        ([account("a"), account("b", "a")], [account("a", "b"), account("b")], {}),
        # who names a row that is wrong for another reason
        (
            [],
            [account("a", name=""), account("b", payer="a")],
            {"a": "name is empty", "b": "payer 'a' does not exist in E1"},
        ),
        ([account("a")], [account("a", name=""), account("b", payer="a")], {"a": "name is empty"}),
    ],
)
@pytest.mark.on_sqlite
def test_families_of_accounts(
    books: Books, tmp_path: Path, before: list[dict[str, str]], rows: list[dict[str, str]], wrong: dict[str, str]
) -> None:
    start = {"entities": COMPANY["entities"]}
    assert found(load(books, tmp_path / "before", {**start, "accounts": before or [account("zz")]})) == []
    report = load(books, tmp_path / "d", {"accounts": rows})
    assert {finding.subject.rpartition("/")[2]: finding.what for finding in report.findings} == wrong
    assert report.counts["quarantined"] == len(wrong)
    again = load(books, tmp_path / "d")
    assert again.state == "unchanged"


def event(key: str, kind: str, on: str, **more: str) -> dict[str, str]:
    plan = {"plan": "p"} if kind == "start" else {"quantity": "5"} if kind == "change" else {}
    return {"entity": "E1", "subscription": "S2", "key": key, "kind": kind, "on": f"2026-{on}", **plan, **more}


@pytest.mark.parametrize(
    ("before", "rows", "wrong"),
    [
        ([], [event("a", "start", "01-01"), event("b", "pause", "02-01"), event("c", "resume", "03-01")], {}),
        # the order in the file makes no difference
        ([], [event("c", "cancel", "03-01"), event("b", "change", "02-01"), event("a", "start", "01-01")], {}),
        ([], [event("b", "change", "01-01"), event("a", "start", "01-01")], {}),
        ([], [event("a", "start", "01-10"), event("b", "change", "01-05")], {"b": "the subscription is new"}),
        ([], [event("b", "change", "01-05"), event("c", "cancel", "01-06")], {"b": "is new", "c": "is new"}),
        ([], [event("a", "start", "01-01"), event("b", "resume", "02-01")], {"b": "is active"}),
        (
            [],
            [
                event("a", "start", "01-01"),
                event("b", "pause", "02-01"),
                event("c", "pause", "02-02"),
                event("d", "resume", "03-01"),
            ],
            {"c": "is paused"},
        ),
        (
            [],
            [event("a", "start", "01-01"), event("b", "cancel", "02-01"), event("c", "change", "02-02")],
            {"c": "is cancelled"},
        ),
        ([event("a", "start", "01-01")], [event("b", "start", "02-01")], {"b": "is active"}),
        # what became known later may lie earlier
        (
            [event("a", "start", "02-01")],
            [event("b", "change", "01-15"), event("c", "change", "02-15")],
            {"b": "is new"},
        ),
        (
            [event("a", "start", "01-01"), event("b", "change", "03-01")],
            [event("c", "cancel", "02-01")],
            {"c": "is cancelled"},
        ),
        (
            [event("a", "start", "01-01"), event("b", "pause", "02-01"), event("c", "resume", "05-01")],
            [event("d", "resume", "03-01"), event("e", "pause", "04-01")],
            {},
        ),
    ],
)
def test_the_order_of_events(
    books: Books, tmp_path: Path, before: list[dict[str, str]], rows: list[dict[str, str]], wrong: dict[str, str]
) -> None:
    company = {**COMPANY, "usage": [], "subscription_events": [COMPANY["subscription_events"][0], *before]}
    load(books, tmp_path / "before", {name: rows for name, rows in company.items() if rows})
    report = load(books, tmp_path / "d", {"subscription_events": rows})
    assert {finding.code for finding in report.findings} <= {"intake.event-order"}
    whys = {finding.subject.rpartition("/")[2]: finding.why for finding in report.findings}
    assert whys.keys() == wrong.keys()
    assert all(wrong[key] in whys[key] for key in wrong), whys
    assert report.counts["new"] == len(rows) - len(wrong)
    before_again = everything(books)
    assert load(books, tmp_path / "d").state == "unchanged"
    assert everything(books) == before_again


@pytest.mark.on_sqlite
def test_an_end_that_is_none_and_a_start_that_is_missing(books: Books, tmp_path: Path) -> None:
    rows = [event("a", "start", "01-01"), event("b", "cancel", "02-01"), event("c", "start", "03-01")]
    report = load(books, tmp_path / "d", {**COMPANY, "subscription_events": rows})
    assert [(str(f.where), f.code, f.level) for f in report.findings] == [
        ("subscriptions.csv:2", "intake.no-start", "warning"),
        ("subscriptions.csv:4", "intake.no-start", "warning"),
        ("subscription_events.csv:4", "intake.restart", "warning"),
        ("usage.csv:2", "intake.before-start", "warning"),
        ("usage.csv:4", "intake.before-start", "warning"),
    ]
    assert report.counts["quarantined"] == 0
