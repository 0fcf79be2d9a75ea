"""Real files of banks, which are not of this repository: every one of them agrees with what an independent reader found."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.ports.hookspecs.bank import Entry, Statement
from engine.runs.bank_desk import BankDesk
from tests.house.sources import ROOT

FOLDER = ROOT.parent / "shared" / "bank"
MANIFEST = FOLDER / "manifest.yaml"
NO_REFERENCE = "NONREF"
REFERENCES = (
    "acct_svcr_ref",
    "bank_ref",
    "customer_ref",
    "end_to_end_id",
    "individual_id",
    "structured_ref",
    "text_first40",
    "trace",
    "ustrd",
)
"""What the manifest tells of an entry, and a reference of it holds."""


class Texts(yaml.SafeLoader):
    """Everything as it is written: 0123 is no number."""


Texts.yaml_implicit_resolvers = {}


def listed() -> list[dict[str, Any]]:
    """The files of the manifest; none where the folder is absent."""
    if not MANIFEST.is_file():
        return []
    found: list[dict[str, Any]] = yaml.load(MANIFEST.read_text(encoding="utf-8"), Texts)["files"]
    return found


FILES = listed()


@pytest.fixture(scope="module")
def desk() -> BankDesk:
    return BankDesk((), Path.cwd())


@pytest.mark.capability("A4.2")
@pytest.mark.skipif(not FILES, reason="the folder shared/bank is not beside the repository")
@pytest.mark.parametrize("file", FILES, ids=[str(one["file"]) for one in FILES])
def test_a_real_file_is_read_to_the_cent(desk: BankDesk, file: dict[str, Any]) -> None:
    found = desk.read(FOLDER / file["file"])
    assert found.kind == file["format"][:8]
    assert len(found.statements) == int(file["totals"]["statements"])
    assert sum(len(one.entries) for one in found.statements) == int(file["totals"]["entries"])
    for wanted, statement in zip(file["statements"], found.statements, strict=True):
        assert facts(statement) == expected(wanted, statement)
        for sample in wanted["samples"]:
            assert any(agrees(sample, entry) for entry in statement.entries), sample


def facts(statement: Statement) -> dict[str, Any]:
    """What the manifest tells of a statement, as it was read."""
    sums = {sign: sum((e.amount for e in statement.entries if e.sign == sign), Decimal(0)) for sign in "CD"}
    return {
        "account": statement.account,
        "currency": statement.currency,
        "opening": statement.opening,
        "closing": statement.closing,
        "ties": statement.ties(),
        "entries": len(statement.entries),
        "sums": sums,
    }


def expected(wanted: dict[str, Any], statement: Statement) -> dict[str, Any]:
    """The same as the manifest has it; account and currency of what it does not tell are as they were read."""
    return {
        "account": wanted.get("account", statement.account),
        "currency": nullable(wanted.get("currency", statement.currency)),
        "opening": amount(wanted.get("opening")),
        "closing": amount(wanted.get("closing")),
        "ties": {"true": True, "false": False, None: None}[wanted.get("ties")],
        "entries": int(wanted["entries"]),
        "sums": {"C": Decimal(wanted["sum_credits"]), "D": Decimal(wanted["sum_debits"])},
    }


def nullable(text: str | None) -> str | None:
    return None if text in (None, "", "null") else text


def amount(text: str | None) -> Decimal | None:
    return None if nullable(text) is None else Decimal(str(text))


def agrees(sample: dict[str, Any], entry: Entry) -> bool:
    """Whether an entry is the one of a sample: sign and amount, day, references."""
    values = {" ".join(one.value.split()) for one in entry.references}
    told = (" ".join(sample[name].split()) for name in REFERENCES if sample.get(name) not in (None, NO_REFERENCE))
    return (
        entry.sign == sample["sign"]
        and entry.amount == Decimal(sample["amount"])
        and sample.get("value_date") in (None, *days(entry))
        and sample.get("ccy", entry.currency) == entry.currency
        and all(any(text in value for value in values) for text in told)
    )


def days(entry: Entry) -> tuple[str, ...]:
    """The value day as files write it; the last one of February stands for the days that banks give it."""
    if entry.value_date is None:
        return ()
    short = entry.value_date.strftime("%y%m%d")
    more = (f"{short[:4]}30",) if short[2:] in ("0228", "0229") else ()
    return (entry.value_date.isoformat(), short, *more)
