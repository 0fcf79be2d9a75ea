"""A further book: the leading one and adjustments of its own, by rules and by hand, closed by itself, and accepted by other programs."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.cli import main as tollbook
from engine.model.close import Month
from engine.runs.close import checking
from engine.runs.verify import run_checks
from tests import stories
from tests.golden.test_export_assertions import CHECKERS
from tests.stories import CHANGE

D = Decimal
CHECKS = ("balanced", "no-orphan", "ledger-totals", "decisions-stored", "chain")
RULES = """
ruleset: books/acme
scope: book == "local-gaap"
effective: {from: 2000-01-01}
priority: 5
rules:
  - {id: no-yen, when: currency == "JPY", then: {way: leave_out}}
  - {id: hold, when: account == "4000" and side == "credit" and product == "team", then: {way: spread, account: "2390", months: 3}}
  - {id: set-up, when: product == "services" and account == "4000", then: {way: move, account: "4700"}}
"""
CHART = ("2390,Held by local rules,liability", "4700,Set-up fees,income", "6950,Contract costs,expense")
FEB, MARCH = date(2026, 2, 28), date(2026, 3, 31)


def refused(code: str, act: object, *given: object, **named: object) -> str:
    """What a refusal of an act says, whose code has to be that."""
    with pytest.raises(TollbookError) as caught:
        act(*given, **named)  # type: ignore[operator]
    assert caught.value.findings[0].code == code
    return caught.value.findings[0].what


def held(app: App, on: date) -> dict[tuple[str, str], tuple[Decimal, Decimal]]:
    """By account and currency what the leading book has and what adjustments add, where they add something."""
    rows = app.further_books.trial_balance("local-gaap", "E1", on)["E1"]
    assert sum(one.functional_amount for one in rows) == 0
    return {(one.account, one.currency): (one.leading, one.adjustments) for one in rows if one.functional_adjustments}


def codes(app: App, month: date) -> list[str]:
    """Codes of what the check of the close finds about further books."""
    with app.books.reader() as reader:
        entity = reader.entities("acme")["E1"]
        look = checking.Look(app.parts(), reader, entity, Month.of(month), CHANGE)
        return [one.mend for one in checking.CHECKS["books-not-adjusted"].find(look, None)]  # type: ignore[arg-type]


def explained(app: App) -> None:
    """An adjustment leads to its rule and to what it adjusts, that leads back to it, and what a person posted says so."""
    own = {one.reference: one for one in app.further_books.journal("local-gaap") if one.reference.startswith("local")}
    hand = own.pop("local-gaap/h1")
    assert [step.name for step in app.explain(f"posting:{hand.id}/1").steps] == ["entry", "document", "rate"]
    one, at = next((one, n) for one in own.values() for n, p in enumerate(one.entry.postings, 1) if p.account == "4700")
    told = app.explain(f"posting:{one.id}/{at}")
    assert told.text == "adjustment in book local-gaap"
    steps = {step.name: step for step in told.steps}
    assert steps["rule"].text.startswith("rule set-up of books/acme")
    assert tuple(label for label, _ in steps["rule"].details) == ("rule no-yen", "rule hold", "rule set-up")
    places = [label for label, _ in steps["document"].details]
    forward = next(step for step in app.explain(places[0]).steps if step.name == "further books")
    assert f"posting:{one.id}/{at}" in dict(forward.details)
    refused("explain.no-such-posting", app.explain, f"posting:{one.id}/99")


def test_a_book_of_local_rules(tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """From rules to a closed month: what is booked, once; what a corrected rule changes; entries by hand; other programs; verify."""
    stories.write(tmp_path, rules={"books/acme.yaml": RULES}, gl_accounts=stories.add("gl_accounts", *CHART))
    config = tmp_path / "config.yaml"
    config.write_text(config.read_text() + "\nbooks: {local-gaap: [], other: [E9]}\n")
    with stories.opened(tmp_path, database_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01")
        desk = app.further_books
        assert codes(app, FEB) == ["`tollbook ledger adjust-book local-gaap --entity E1 --through 2026-02-28`"]
        (dry,) = desk.adjust("local-gaap", FEB, CHANGE, dry_run=True)
        assert desk.marks("local-gaap")["E1"].adjusted is None
        (made,) = desk.adjust("local-gaap", FEB, CHANGE)
        assert [(one.of_day, one.entry) for one in made.entries] == [(one.of_day, one.entry) for one in dry.entries]
        assert made.run_id
        (same,) = desk.adjust("local-gaap", FEB, CHANGE)
        assert (same.run_id, same.entries) == (0, ())
        assert codes(app, FEB) == []

        # a third of the fees of February is earned in the book, all of them at the end of April, to the cent in both currencies
        leading = {(b["account"], b["currency"]): b["amount"] for b in app.ledger.trial_balance()["E1"]}
        feb, later = held(app, FEB), held(app, date(2026, 4, 30))
        assert feb["2390", "USD"] == (0, D("-101.34"))  # of two lines of 40.00 and two of 36.00
        for currency, fees in (("EUR", D("198.00")), ("USD", D("110.00"))):
            assert feb["4000", currency][1] == fees - feb["2390", currency][1]
            assert ("2390", currency) not in later
            assert feb["4700", currency] == later["4700", currency] == (0, -fees)
        yen = {account: sum(pair) for (account, currency), pair in feb.items() if currency == "JPY"}
        assert set(yen.values()) == {0}
        assert {"1200", "2200", "4000"} <= set(yen)
        assert leading == {(b["account"], b["currency"]): b["amount"] for b in app.ledger.trial_balance()["E1"]}

        # added up by anything, the book comes to what its trial balance says
        whole = {
            (b.account, b.currency): b.amount
            for b in desk.trial_balance("local-gaap", "E1", FEB)["E1"]
            if b.functional_amount
        }
        assert {
            (*b.key, b.currency): b.amount for b in desk.balances("account", None, FEB, "local-gaap") if b.functional
        } == whole
        about = desk.balances("account,kind,customer,product", FEB.replace(day=1), None, "local-gaap", "E1")
        fees = {b.key[1:]: b.amount for b in about if b.key[0] == "4700" and b.currency == "EUR"}
        assert fees == {("adjustment", "A1", "services"): D("-198.00")}
        refused("ledger.unknown-dimension", desk.balances, "colour", None, FEB, "local-gaap")

        # by hand
        sides = [("6950", D("100.00")), ("2390", D("-100.00"))]
        assert desk.post("local-gaap", "E1", "h1", FEB, "Costs", sides, CHANGE).done
        assert held(app, FEB)["6950", "EUR"] == (0, D(100))
        explained(app)
        refused("books.booked", desk.post, "local-gaap", "E1", "h1", FEB, "Costs", sides, CHANGE)
        refused("ledger.not-balanced", desk.post, "local-gaap", "E1", "h2", FEB, "Costs", sides[:1], CHANGE)
        refused("ledger.unknown-account", desk.post, "local-gaap", "E1", "h2", FEB, "x", [("1", D(1))], CHANGE)
        refused("books.not-exact", desk.post, "local-gaap", "E1", "h2", FEB, "x", [("6950", D("0.001"))], CHANGE)
        refused("books.unknown", desk.adjust, "local-gap", FEB, CHANGE)
        assert "'E9'" in refused("books.not-of-entity", desk.adjust, "other", FEB, CHANGE)

        # what other programs get, and what verify says
        for form in CHECKERS:
            (tmp_path / f"book.{form}").write_text("\n".join(desk.export(form, "local-gaap")) + "\n")
        assert not any(run_checks(app.books, "acme", CHECKS).values())

        # a month of the book is closed after that of the leading one, and keeps that closed
        refused("books.not-ready", desk.set_period, "local-gaap", "E1", date(2026, 2, 1), "closed", CHANGE)
        assert app.ledger.set_period("E1", date(2026, 2, 1), "closed", CHANGE).done
        assert desk.set_period("local-gaap", "E1", date(2026, 2, 1), "closed", CHANGE).done
        refused("books.stands-so", desk.set_period, "local-gaap", "E1", date(2026, 2, 1), "closed", CHANGE)
        refused("books.closed-in-book", app.ledger.set_period, "E1", date(2026, 2, 1), "open", CHANGE)
        refused("ledger.period-closed", desk.adjust, "local-gaap", FEB, CHANGE)
        refused("ledger.period-closed", desk.post, "local-gaap", "E1", "h2", FEB, "Costs", sides, CHANGE)

        before = held(app, FEB)
    # a corrected rule books the difference, in months that are open alone
    rules = tmp_path / "rules" / "books" / "acme.yaml"
    rules.write_text(RULES.replace("4700", "6950"))
    with stories.opened(tmp_path, database_url) as app:
        stories.bill(app, "2026-03-01")
        app.further_books.adjust("local-gaap", MARCH, CHANGE)
        assert held(app, FEB) == before
        assert app.further_books.set_period("local-gaap", "E1", date(2026, 2, 1), "open", CHANGE).done
        (found,) = app.further_books.adjust("local-gaap", MARCH, CHANGE)
        assert {p.account for one in found.entries for p in one.entry.postings} == {"6950", "4700"}
        assert ("4700", "EUR") not in held(app, MARCH)
        assert not any(run_checks(app.books, "acme", CHECKS).values())
        with app.books._engine.begin() as connection:
            connection.exec_driver_sql("UPDATE book_posting SET account = '1000' WHERE number = 1")
        found_now = run_checks(app.books, "acme", CHECKS)
        assert {name for name, findings in found_now.items() if findings} == {"ledger-totals", "chain"}

    command = ["--config", str(config), "--set", f"database.url={database_url}", "ledger"]
    assert tollbook.run([*command, "trial-balance", "--book", "local-gaap", "--to", "2026-12-31"]) == 0
    said = capsys.readouterr()
    assert re.search(r"2390 .* -?\d+\.\d\d ", said.out)
    assert "adjusted through 2026-03-31" in said.err
    for form, check in CHECKERS.items():  # the last of all: one of them may not be installed
        assert "local-gaap/h1" in (tmp_path / f"book.{form}").read_text()
        assert check(tmp_path / f"book.{form}") == ""
