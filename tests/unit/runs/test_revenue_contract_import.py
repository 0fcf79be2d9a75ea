"""Revenue contracts and their events as import files: judged as YAML files are, known once, wrong rows set apart."""

from __future__ import annotations

import csv
import json
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from tests import stories

HEAD = ("entity", "contract", "account", "currency", "signed", "promises", "terms")
EVENT = ("entity", "contract", "key", "kind", "on", "promise", "price", "adds")
PROMISES: list[dict[str, Any]] = [
    {"promise": "licence", "product": "licence", "price": 1000, "ssp": 1200.50},
    {"promise": "care", "product": "care", "kind": "recurring", "price": 365, "from": "2026-01-01", "to": "2027-01-01"},
]
TERMS = {"criteria": {"approved": "2026-01-01"}}
REVREC = """
ruleset: revrec/contracts
effective: {from: 2000-01-01}
owner: finance.accounting
priority: 5
hit: first
rules:
  - {id: licence, when: product == "licence", then: {method: right_to_use}}
  - {id: others, then: {method: straight_line_day, rest: distinct}}
"""


def lines(names: tuple[str, ...], *rows: tuple[Any, ...]) -> list[str]:
    text = StringIO()
    cells = [[json.dumps(cell) if isinstance(cell, (list, dict)) else cell for cell in row] for row in rows]
    csv.writer(text, lineterminator="\n").writerows([names, *cells])
    return text.getvalue().splitlines()


def contract(key: str = "K1", account: str = "A1", promises: Any = PROMISES, terms: Any = TERMS) -> tuple[Any, ...]:
    return ("E1", key, account, "EUR", "2026-01-01", promises, terms)


GOOD = lines(HEAD, contract(), contract("K2"))
TOLD = lines(
    EVENT,
    ("E1", "K1", "more users", "deliver", "2026-03-01", "users", "", ""),
    ("E1", "K1", "given", "deliver", "2026-01-05", "licence", "", ""),
    ("E1", "K1", "more", "modify", "2026-03-01", "", "", [{"promise": "users", "product": "licence", "price": 100}]),
)
"""In no order of days: what a modification adds is delivered further up."""
WRONG_CONTRACTS = lines(
    HEAD,
    contract(account="A2"),  # K1 is in the books otherwise
    contract("W1", promises=[{"promise": "a", "product": "p", "price": "many"}]),
    contract("W2", promises=[*PROMISES, PROMISES[0]]),
    contract("W3", promises="[{promise: a"),
    contract("W4", terms={"signed": "2026-02-01", "events": []}),
    contract("W5", terms={"currencies": "EUR"}),
    contract("W6", promises=[{**PROMISES[0], "bills": [{"subscription": "none"}]}]),
    contract("W7", account="nobody"),
    contract("W8", terms=[1]),
    contract("K3"),
)
WRONG_EVENTS = lines(
    EVENT,
    ("E1", "K1", "given", "deliver", "2026-01-06", "licence", "", ""),
    ("E1", "K9", "given", "deliver", "2026-01-05", "licence", "", ""),
    ("E1", "K1", "what", "deliver", "2026-01-05", "licences", "", ""),
    ("E1", "K1", "odd", "modify", "2026-04-01", "", 1, [{"promise": "x", "price": 1}]),
    ("E1", "K2", "given", "deliver", "2026-01-05", "licence", "", ""),
)

WRONG = {
    "revenue_contracts.csv:2": "revenue.contract-differs",
    "revenue_contracts.csv:3": "document.wrong-type",
    "revenue_contracts.csv:4": "revenue.contract-wrong",
    "revenue_contracts.csv:5": "intake.bad-value",
    "revenue_contracts.csv:6": "intake.contradiction",
    "revenue_contracts.csv:7": "document.unknown-key",
    "revenue_contracts.csv:8": "revenue.unknown-party",
    "revenue_contracts.csv:9": "intake.unknown-reference",
    "revenue_contracts.csv:10": "intake.contradiction",
    "revenue_contract_events.csv:2": "revenue.occurrence-differs",
    "revenue_contract_events.csv:3": "revenue.no-contract",
    "revenue_contract_events.csv:4": "revenue.no-such-promise",
    "revenue_contract_events.csv:5": "document.missing-key",
}


def load(app: App, folder: Path, name: str, **files: list[str]) -> Any:
    return stories.load(app, stories.deliver(folder, name, **files))


def counts(report: Any) -> list[tuple[str, int, int, int]]:
    return [(file.kind, file.new, file.same, file.quarantined) for file in report.files]


@pytest.mark.capability("A5.1", "A1.2")
def test_contracts_and_their_events_come_by_files(tmp_path: Path, sqlite_url: str) -> None:
    folder = stories.write(tmp_path, rules={"revrec/contracts.yaml": REVREC})
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        report = load(app, folder, "one", revenue_contracts=GOOD, revenue_contract_events=TOLD)
        assert [str(one) for one in report.findings] == []
        assert counts(report) == [("revenue_contracts", 2, 0, 0), ("revenue_contract_events", 3, 0, 0)]
        shown = app.revenue_contracts.account("K1", date(2026, 3, 31))
        assert {one.obligation for one in shown.shares} >= {"licence", "care"}
        assert shown.recognised + shown.remaining == shown.price == 1465
        assert shown.recognised > 1100
        again = stories.load(app, folder / "one")
        assert again.state == "unchanged"
        assert counts(again) == [("revenue_contracts", 0, 2, 0), ("revenue_contract_events", 0, 3, 0)]
        wrong = load(app, folder, "two", revenue_contracts=WRONG_CONTRACTS, revenue_contract_events=WRONG_EVENTS)
        assert {str(one.where): one.code for one in wrong.findings} == WRONG
        assert counts(wrong) == [("revenue_contracts", 1, 0, 9), ("revenue_contract_events", 1, 0, 4)]
        assert "promises[1]: 'price' is the text 'many'" in [one.what for one in wrong.findings]
        assert [one.key for one in app.revenue_contracts.listed()] == ["K1", "K2", "K3"]
        assert app.revenue_contracts.account("K1", date(2026, 3, 31)) == shown
        assert [one.key for one in app.revenue_contracts.shown("K2").events] == ["given"]


def test_a_contract_that_comes_as_a_file_and_by_import_is_one(tmp_path: Path, sqlite_url: str) -> None:
    folder = stories.write(tmp_path, rules={"revrec/contracts.yaml": REVREC})
    said = dict(zip(HEAD, contract(), strict=True))
    (folder / "k1.yaml").write_text(json.dumps({**{k: v for k, v in said.items() if k != "terms"}, **TERMS}))
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        (added,) = app.revenue_contracts.add([folder / "k1.yaml"], stories.CHANGE)
        assert added.new
        report = load(app, folder, "one", revenue_contracts=GOOD)
        assert (counts(report), report.findings) == ([("revenue_contracts", 1, 1, 0)], ())
