"""Contracts by version: who changes one that somebody else has changed meanwhile is told what, when and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from engine.app import App, ContractAmendment, Price
from engine.base.errors import TollbookError
from tests import stories

BOB = msgspec.structs.replace(stories.CHANGE, who="bob", reason="asked for by the customer")
CHEAPER = ContractAmendment("C1", price=Price("team", "seats", Decimal("8.5"), "EUR", date(2026, 2, 1)), if_version=2)
HEAD = "entity,key,account,signed_on,payment_days,if_version"
LINE = "entity,contract,plan,charge,unit_price,currency,valid_from,if_version"


@pytest.fixture
def company(tmp_path: Path, database_url: str) -> Iterator[App]:
    folder = stories.write(
        tmp_path,
        contracts=("entity,key,account,signed_on", "E1,C1,A1,2026-01-01"),
        contract_lines=("entity,contract,plan,charge,unit_price,currency,valid_from", "E1,C1,team,base,25.5,EUR,"),
    )
    with stories.opened(folder, database_url) as app:
        assert stories.load(app, folder / "data").findings == ()
        yield app


@pytest.mark.capability("A2.4")
def test_the_second_of_two_is_told_what_the_first_has_agreed(company: App) -> None:
    desk = company.subscriptions
    assert desk.contract("C1").version == 2
    assert desk.amend_contract(CHEAPER, BOB).version == 3
    assert desk.amend_contract(CHEAPER, BOB).repeated
    sooner = ContractAmendment("C1", payment_days=14, if_version=2)
    with pytest.raises(TollbookError) as caught:
        desk.amend_contract(sooner, stories.CHANGE)
    (finding,) = caught.value.findings
    assert finding.code == "contract.version-conflict"
    assert finding.what == "contract C1 is at version 3, not 2"
    agreed = "team/seats at 8.5 EUR from 2026-02-01"
    assert finding.why == f"since then: {agreed} by bob at 2026-01-01 12:00:00 UTC"
    assert desk.amend_contract(msgspec.structs.replace(sooner, if_version=3), stories.CHANGE).version == 4
    found = desk.contract("C1")
    assert [(one.what, one.who) for one in found.history] == [
        ("signed on 2026-01-01, 30 days to pay", "ada"),
        ("team/base at 25.5 EUR", "ada"),
        (agreed, "bob"),
        ("signed on 2026-01-01, 14 days to pay", "ada"),
    ]
    assert [(line.charge, line.unit_price) for line in found.lines] == [
        ("base", Decimal("25.5")),
        ("seats", Decimal("8.5")),
    ]
    assert not any(company.verify().values())


@pytest.mark.capability("A2.4")
def test_an_import_may_say_which_version_it_has_seen(company: App, tmp_path: Path) -> None:
    """All rows of one import are of the version before it; the same rows again are known."""
    both = stories.deliver(
        tmp_path,
        "both",
        contracts=(HEAD, "E1,C1,A1,2026-01-01,14,2"),
        contract_lines=(LINE, "E1,C1,team,base,24,EUR,,2", "E1,C1,team,seats,9,EUR,,2"),
    )
    first = stories.load(company, both)
    assert (first.counts["changed"], first.counts["new"], first.findings) == (2, 1, ())
    again = stories.load(company, both)
    assert (again.counts["same"], again.findings) == (3, ())
    late = stories.deliver(
        tmp_path, "late", contract_lines=(LINE, "E1,C1,team,seats,7,EUR,,2", "E1,C1,team,base,20,EUR,,5")
    )
    report = stories.load(company, late)
    (finding,) = report.findings
    assert (finding.code, str(finding.where).endswith("contract_lines.csv:2")) == ("contract.version-conflict", True)
    assert "team/base at 24 EUR by ada" in finding.why and "team/seats at 9 EUR by ada" in finding.why
    assert company.subscriptions.contract("C1").version == 6


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (ContractAmendment("C2", payment_days=3), "contract.unknown"),
        (ContractAmendment("C1"), "contract.no-amendment"),
        (ContractAmendment("C1", price=Price("team", "fees", Decimal(1), "EUR")), "contract.no-amendment"),
        (ContractAmendment("C1", price=Price("team", "base", Decimal(-1), "EUR")), "contract.no-amendment"),
        (ContractAmendment("C1", price=Price("teams", "base", Decimal(1), "EUR")), "subscription.unknown-plan"),
        (ContractAmendment("C1", price=Price("team", "base", Decimal(1), "EUX")), "money.unknown-currency"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_cannot_be_meant_changes_nothing(company: App, wanted: ContractAmendment, code: str) -> None:
    with pytest.raises(TollbookError) as caught:
        company.subscriptions.amend_contract(wanted, BOB)
    assert [finding.code for finding in caught.value.findings] == [code]
    assert company.subscriptions.contract("C1").version == 2
