"""Mass re-rating: the preview is what the next bill run bills, what was billed stays, and an order is carried out once."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.model.journal import Change
from tests import stories

CHEAPER = stories.PRICES.replace("31 EUR", "30 EUR").replace("0.10 EUR", "0.08 EUR").replace("12 USD}", "11 USD}")
BOB = msgspec.structs.replace(stories.CHANGE, who="bob")


def billed(app: App, *after: str) -> dict[str, Decimal]:
    """What was billed of each subscription by the invoices of some dates, or all."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for invoice in stories.invoices(app):
        if not after or invoice["period"] in after:
            for line in invoice["lines"]:
                sums[line["subscription"]] += line["amount"]
    return {key: amount for key, amount in sums.items() if amount}


def company(folder: Path, prices: str = stories.PRICES) -> Path:
    folder.mkdir(exist_ok=True)
    return stories.write(folder, rules={"pricing/acme.yaml": prices})


def three_months(app: App, folder: Path) -> None:
    stories.load(app, folder / "data")
    for day in ("2026-02-01", "2026-03-01", "2026-04-01"):
        stories.bill(app, day)


@pytest.mark.capability("A2.3")
def test_all_that_was_billed_is_rated_again_once(tmp_path: Path, database_url: str) -> None:
    """After the order and one bill run the books hold what they would had the new prices been there from the start."""
    reference = company(tmp_path / "reference", CHEAPER)
    with stories.opened(reference, f"sqlite:///{tmp_path / 'reference.db'}") as app:
        three_months(app, reference)
        stories.bill(app, "2026-04-02")
        expected = billed(app)
    folder = company(tmp_path / "company")
    with stories.opened(folder, database_url) as app:
        three_months(app, folder)
        before = stories.invoices(app)
        assert app.subscriptions.rerating(date(2026, 1, 1), "*").lines == ()
    company(folder, CHEAPER)
    with stories.opened(folder, database_url) as app:
        shown = app.subscriptions.rerating(date(2026, 1, 1), "*")
        assert {(row.key, row.currency): row.difference for row in shown.accounts} == {
            ("A1", "EUR"): Decimal("-6.00"),
            ("A4", "EUR"): Decimal("-3.52"),
        }
        assert {row.key: row.difference for row in shown.charges} == {
            "team/base": Decimal("-7.52"),
            "phone/calls": Decimal("-2.00"),
        }
        found, outcome = app.subscriptions.rerate(date(2026, 1, 1), "*", stories.CHANGE)
        assert (found, outcome.done) == (shown, True)
        assert app.subscriptions.rerate(date(2026, 1, 1), "*", stories.CHANGE)[1].done  # nothing is written twice
        assert stories.invoices(app) == before
        stories.bill(app, "2026-04-02")
        assert billed(app) == expected
        assert billed(app, "2026-04-02") == {"S1": Decimal("-4.00"), "S4": Decimal("-3.52"), "S5": Decimal("-2.00")}
        for invoice in stories.invoices(app):
            if invoice["period"] == "2026-04-02":
                assert app.explain(invoice["number"], True).findings == ()
                for line in invoice["lines"]:
                    assert app.explain(f"{invoice['number']}#{line['number']}").findings == ()
        stories.bill(app, "2026-04-03")
        assert billed(app) == expected
        with pytest.raises(TollbookError) as caught:
            app.subscriptions.rerate(date(2026, 1, 1), "*", stories.CHANGE)
        assert [f.code for f in caught.value.findings] == ["rerate.no-difference"]
        assert not any(app.verify().values())


@pytest.mark.on_sqlite
def test_days_before_the_first_one_and_other_accounts_stay(tmp_path: Path, database_url: str) -> None:
    """From the middle of a cycle only its days from then on are rated again, of the accounts that were named."""
    folder = company(tmp_path / "company")
    with stories.opened(folder, database_url) as app:
        three_months(app, folder)
    company(folder, CHEAPER)
    with stories.opened(folder, database_url) as app:
        found, _ = app.subscriptions.rerate(date(2026, 2, 15), "A4,A2", stories.CHANGE)
        assert {line.service_from for line in found.lines} == {date(2026, 2, 15), date(2026, 3, 1), date(2026, 4, 1)}
        assert [(row.key, row.difference) for row in found.accounts] == [("A4", Decimal("-2.50"))]
        stories.bill(app, "2026-04-02")
        assert billed(app, "2026-04-02")["S4"] == Decimal("-2.50")


def test_other_rules_are_shown_and_not_ordered(tmp_path: Path, database_url: str) -> None:
    """A folder of rules, or a release of the books, may be looked at; an order is for the rules of the next bill run."""
    folder = company(tmp_path / "company")
    other = tmp_path / "other" / "pricing"
    other.mkdir(parents=True)
    (other / "acme.yaml").write_text(CHEAPER)
    with stories.opened(folder, database_url) as app:
        three_months(app, folder)
        there = app.runs()[0].release
        rules = app.parts(app.rule_desk((*app.rule_roots, tmp_path / "other")).check())
        shown = app.subscriptions.rerating(date(2026, 1, 1), "A1", rules)
        assert [(row.key, row.difference) for row in shown.accounts] == [("A1", Decimal("-6.00"))]
        assert [next(iter(shown.rows()))[0], len(list(shown.rows()))] == ["entity", len(shown.lines) + 1]
        with pytest.raises(TollbookError) as caught:
            app.subscriptions.rerate(date(2026, 1, 1), "A1", stories.CHANGE, rules)
        assert [f.code for f in caught.value.findings] == ["rerate.other-rules"]
    company(folder, CHEAPER)
    with stories.opened(folder, database_url) as app:
        old = app.parts(app.stored_rulebook(there))
        assert app.subscriptions.rerating(date(2026, 1, 1), "A1", old).lines == ()


@pytest.mark.capability("A8.2")
def test_an_order_above_a_limit_needs_two_persons(tmp_path: Path, database_url: str) -> None:
    """It is done when another person approves it, and lapses where something was billed meanwhile."""
    folder = company(tmp_path / "company")
    with stories.opened(folder, database_url) as app:
        three_months(app, folder)
    company(folder, CHEAPER)
    config = (folder / "config.yaml").read_text().replace("bob: []", "bob: [controller]")
    (folder / "config.yaml").write_text(
        config + "\napprovals: {rerate: [controller]}\napprovals_from: {rerate: [5 EUR]}\n"
    )
    with stories.opened(folder, database_url) as app:
        _, outcome = app.subscriptions.rerate(date(2026, 1, 1), "A4", stories.CHANGE)
        assert outcome.done  # 3.52 EUR
        _, outcome = app.subscriptions.rerate(date(2026, 1, 1), "A1", stories.CHANGE)
        assert not outcome.done and outcome.approval is not None
        assert approved(app, outcome.approval.id, BOB)
        stories.bill(app, "2026-04-02")
        assert billed(app, "2026-04-02") == {"S1": Decimal("-4.00"), "S4": Decimal("-3.52"), "S5": Decimal("-2.00")}


def approved(app: App, number: int, change: Change) -> bool:
    return app.approvals.approve(number, change).done


def test_before_the_first_bill_there_is_nothing(tmp_path: Path) -> None:
    folder = company(tmp_path / "company")
    with stories.opened(folder, f"sqlite:///{tmp_path / 'books.db'}") as app, pytest.raises(TollbookError) as caught:
        app.subscriptions.rerating(date(2026, 1, 1), "*")
    assert [f.code for f in caught.value.findings] == ["rerate.never-billed"]
