"""Every thing of the books explains itself, both ways, whatever release it was decided by."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import TollbookError
from engine.runs.explaining.explain import Explanation
from engine.runs.explaining.words import rate_of
from tests import stories

EVENT = "entity,subscription,key,kind,on,plan,quantity"
USAGE = "entity,subscription,meter,key,at,quantity"
TIERED = """
ruleset: pricing/acme
parameters:
  floor: {type: decimal, value: 1000}
rules:
  - {id: bulk, when: charge.key == "calls" and quantity >= floor, then: {method: flat, price: 5 EUR}}
  - {id: calls, when: charge.key == "calls", then: {method: per_unit, unit: 0.10 EUR}}
  - {id: base, when: charge.key == "base", then: {method: flat, price: [31 EUR, 40 USD, 5000 JPY]}}
  - {id: seats, when: charge.key == "seats", then: {method: per_unit, unit: [10 EUR, 12 USD, 1500 JPY]}}
  - {id: setup, when: charge.key == "setup", then: {method: flat, price: [99 EUR, 110 USD, 15000 JPY]}}
"""


def words(found: Explanation) -> str:
    """An explanation as text, one detail a line."""
    lines = [f"{found.subject} {found.text} {found.amount}"]
    for step in found.steps:
        lines += [f"{step.name}: {step.text}", *(f"  {label}  {text}" for label, text in step.details)]
    return "\n".join(lines)


def number_of(app: Any, payer: str, period: str = "2026-02-01", kind: str = "invoice") -> dict[str, Any]:
    return next(i for i in stories.invoices(app) if (i["payer"], i["period"], i["kind"]) == (payer, period, kind))


def line_of(invoice: dict[str, Any], text: str) -> str:
    return f"{invoice['number']}#{next(line['number'] for line in invoice['lines'] if line['text'] == text)}"


def refused(app: Any, subject: str) -> str:
    with pytest.raises(TollbookError) as caught:
        app.explain(subject)
    return str(caught.value)


@pytest.mark.on_sqlite
def test_near_misses_and_both_ways(tmp_path: Path, database_url: str) -> None:
    """A line says how near other rules were; its events and postings lead back to it."""
    usage = [f"E1,S5,calls,c{n},2026-01-{n % 28 + 1:02d}T10:00:00+01:00,{n}" for n in range(1, 44)]
    folder = stories.write(
        tmp_path,
        rules={"pricing/acme.yaml": TIERED},
        usage=(USAGE, *usage, "E1,S5,calls,c44,2026-01-05T10:00:00+01:00,39"),
    )
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        invoice = number_of(app, "A1")
        calls = line_of(invoice, "Calls")
        found = app.explain(calls)
        text = words(found)
        assert found.findings == ()
        assert "needs quantity >= floor; quantity 985 is 15 under floor 1000" in text
        assert "rule calls  rules/pricing/acme.yaml:7:5 applies" in text
        assert "...  34 more (--all)" in text
        assert "calls/c27 from import" not in text
        assert words(app.explain(calls, True)).count("from import") == 44
        assert "revenue: rule on-invoice-date of revrec/now" in text
        assert "(decided again by release r-" in text

        back = words(app.explain("usage:E1/S5/calls/c7"))
        assert f"billed: on {calls}: Calls" in back

        credit = next(label for label, said in found.steps[-1].details if "credit 4000" in said)
        posting = words(app.explain(credit))
        assert f"line {calls}: Calls" in posting
        assert "rule revenue of posting/default at rules/posting/default.yaml:25: 4000 for revenue" in posting
        named = app.explain(f"posting:{invoice['number']}/revenue/{credit.rpartition('/')[2]}")
        assert words(named) == posting
        assert f"{calls}  Calls, 2026-01-01..2026-02-01: 98.50 EUR + 20.69 EUR tax" in words(
            app.explain(invoice["number"])
        )
        assert "debit 1200" in words(app.explain(f"posting:{invoice['number']}/1"))


def test_usage_that_is_not_billed_says_why(tmp_path: Path, database_url: str) -> None:
    """Too late, refused at import, nothing to bill it with, never seen."""
    folder = stories.write(
        tmp_path,
        meters=stories.add("meters", "texts,text,sum"),
        usage=stories.add("usage", "E1,S5,texts,t1,2026-01-05T10:00:00Z,4"),
    )
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        assert "not billed: the subscription has not been billed yet" in words(app.explain("usage:E1/S5/calls/c1"))
        stories.bill(app, "2026-02-01")
        late = stories.deliver(
            tmp_path,
            "late",
            usage=(USAGE, "E1,S5,calls,late,2026-01-20T10:00:00Z,5", "E1,S5,calls,bad,2026-01-20T10:00:00Z,-5"),
        )
        stories.load(app, late)
        assert "it became known after the last run" in words(app.explain("usage:E1/S5/calls/late"))
        unmatched = words(app.explain("usage:E1/S5/texts/t1"))
        assert "not billed: the run that saw it had nothing to bill it with" in unmatched
        assert "usage.unmatched" in unmatched
        assert "refused it at" in refused(app, "usage:E1/S5/calls/bad")
        assert "did you mean 'c12'?" in refused(app, "usage:E1/S5/calls/cc12")
        assert "did you mean 'calls'?" in refused(app, "usage:E1/S5/cals/c1")
        assert "did you mean 'S5'?" in refused(app, "usage:E1/S55/calls/c1")
        stories.bill(app, "2026-03-01")
        assert "billed: on E1-2026-" in words(app.explain("usage:E1/S5/calls/late"))


@pytest.mark.on_sqlite
def test_a_credit_explains_the_line_that_it_gives_back(tmp_path: Path, database_url: str) -> None:
    """The credited line's own rule, days and tax stand in the explanation of the credit."""
    folder = stories.write(
        tmp_path,
        subscriptions=stories.FILES["subscriptions"][:2],
        subscription_events=(EVENT, "E1,S1,1,start,2026-01-01,team,3"),
        usage=(USAGE,),
    )
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        billed = line_of(number_of(app, "A1", "2026-01-01"), "Seats")
        stories.load(
            app, stories.deliver(tmp_path, "change", subscription_events=(EVENT, "E1,S1,2,cancel,2026-01-11,,"))
        )
        stories.bill(app, "2026-02-01")
        note = number_of(app, "A1", kind="credit_note")
        credit = next(line for line in note["lines"] if line["charge"] == "seats")
        text = words(app.explain(f"{note['number']}#{credit['number']}"))
        assert "credit: gives back 21 days, 21/31 of the cycle" in text
        assert f"{billed} price: rule seats of pricing/acme at rules/pricing/acme.yaml:5:5, method per_unit" in text
        assert f"{billed} tax: 21 % = 6.30 EUR" in text


@pytest.mark.on_sqlite
def test_what_an_older_release_decided_is_explained_by_it(tmp_path: Path, database_url: str) -> None:
    """Rules on disk may have changed, or be refused by now: the release that was in force explains."""
    folder = stories.write(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
    rules = folder / "rules" / "pricing" / "acme.yaml"
    rules.write_text(rules.read_text().replace("10 EUR", "11 EUR").replace("ruleset:", "# moved\nruleset:"))
    with stories.opened(folder, database_url) as app:
        stories.bill(app, "2026-03-01")
        old, new = number_of(app, "A1"), number_of(app, "A1", "2026-03-01")
        first, second = app.explain(line_of(old, "Seats")), app.explain(line_of(new, "Seats"))
        assert "at rules/pricing/acme.yaml:5:5" in words(first)
        assert "5 x 10 = 50 EUR" in words(first)
        assert "at rules/pricing/acme.yaml:6:5" in words(second)
        assert "5 x 11 = 55 EUR" in words(second)
        assert first.release != second.release
        assert first.findings == second.findings == ()
        assert app.explain(old["number"]).release == first.release


def test_what_does_not_exist_is_refused_with_the_nearest(tmp_path: Path, database_url: str) -> None:
    """Unknown invoices, lines, postings and forms."""
    folder = stories.write(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        assert "the books have no invoices yet" in refused(app, "E1-2026-000001")
        stories.bill(app, "2026-02-01")
        assert "did you mean 'E1-2026-00000" in refused(app, "E1-2026-00000x")
        assert "its lines are 1 to" in refused(app, "E1-2026-000001#99")
        assert "did you mean 'bank'?" in refused(app, "banc:3")
        assert "its postings are 1 to" in refused(app, "posting:E1-2026-000001/999")
        assert "did you mean 'E1-2026-00000" in refused(app, "posting:E1-2026-00000x/1")
        assert "entries of kind invoice, revenue" in refused(app, "posting:E1-2026-000001/cash/1")
        for wrong in ("usage:E1", "posting:3", "#1", "", "a#b"):
            assert "[explain.not-a-subject]" in refused(app, wrong)


def test_what_rates_have_moved_is_at_no_rate() -> None:
    of = {
        "currency": "USD",
        "functional_currency": "EUR",
        "rate": Decimal(1),
        "rate_source": "open item",
        "rate_on": "2026-02-03",
    }
    assert rate_of({**of, "amount": 0}).text == "none: it is what the other sides leave in EUR"
    assert rate_of({**of, "amount": 5}).text == "1 USD = 1 EUR"
