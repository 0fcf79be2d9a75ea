"""Attributes of a company's own: typed by its rules, dated, pinned by a run, seen by the next, told by explain."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.runs.billing import run as bill_run
from tests import stories

DECLARED = """
account:
  risk_class: {type: choice, values: [low, high], default: low, meaning: what the credit insurer says}
  since: {type: date, meaning: customer since}
subscription:
  discount_cap: {type: decimal, meaning: most that it may be}
  pilot: {type: boolean, default: false, meaning: whether it is a pilot}
"""
PRICES = """
ruleset: pricing/acme
effective: {from: 2020-01-01}
rules:
  - {id: pilot, when: subscription.attributes.pilot, then: {method: flat, price: [1 EUR, 1 USD, 100 JPY]}}
  - id: capped
    when: (subscription.attributes.discount_cap ?? 0) > 5
    then: {method: flat, price: [2 EUR, 2 USD, 200 JPY]}
  - {id: risky, when: account.attributes.risk_class == "high", then: {method: flat, price: [50 EUR, 50 USD, 5000 JPY]}}
  - {id: rest, then: {method: flat, price: [31 EUR, 40 USD, 5000 JPY]}}
cases:
  - {given: {account: {currency: EUR, attributes: {risk_class: high}}, quantity: 1}, expect: {rule: risky, amount: 50.00 EUR}}
  - {given: {account: {currency: EUR}}, expect: {rule: rest}}
  - {given: {account: {currency: EUR}, subscription: {attributes: {discount_cap: 7}}}, expect: {rule: capped}}
"""
CHARGES = (
    "plan,key,name,kind,timing,months,meter,unit,product,tax_code",
    "team,base,Base fee,recurring,advance,1,,month,team,standard",
    "phone,calls,Calls,usage,arrears,1,calls,call,voice,standard",
)
VALUES = "entity,object,record,attribute,valid_from,value"


def company(folder: Path, declared: str = DECLARED) -> Path:
    return stories.write(folder, rules={"attributes.yaml": declared, "pricing/acme.yaml": PRICES}, charges=CHARGES)


def values(app: App, folder: Path, name: str, *rows: str) -> Any:
    return stories.load(app, stories.deliver(folder, name, attribute_values=(VALUES, *rows)))


def billed(app: App, subscription: str) -> list[tuple[str, Decimal]]:
    """What was billed for the base fee of a subscription, by first day."""
    lines = [line for invoice in stories.invoices(app) for line in invoice["lines"]]
    mine = [line for line in lines if line["subscription"] == subscription]
    return sorted((line["service_from"].isoformat(), line["amount"]) for line in mine)


@pytest.mark.capability("B9.3")
def test_the_value_of_the_day_decides(tmp_path: Path, database_url: str) -> None:
    """A value holds from its day on, backwards too; one without a day always did; a record without one has the default."""
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        assert app.rule_desk().test().findings == ()
        stories.load(app, folder / "data")
        report = values(
            app,
            folder,
            "more",
            "E1,account,A1,risk_class,2026-02-01,high",
            "E1,subscription,S2,pilot,,yes",
            "E1,subscription,S3,discount_cap,,5.5",
        )
        assert (report.counts["new"], report.findings) == (3, ())
        assert values(app, folder, "more", "E1,subscription,S2,pilot,,yes").counts["same"] == 1
        stories.bill(app, "2026-02-01")
        assert billed(app, "S1") == [("2026-01-01", Decimal(31)), ("2026-02-01", Decimal(50))]
        assert billed(app, "S2")[0] == ("2026-01-01", Decimal(1))
        assert billed(app, "S3")[0] == ("2026-01-31", Decimal(200))
        (number,) = [i["number"] for i in stories.invoices(app) if i["payer"] == "A1"]
        told = [app.explain(f"{number}#{line}") for line in (1, 2)]
        prices = [dict(step.details) for one in told for step in one.steps if step.name == "price"]
        assert [price["account.attributes.risk_class"] for price in prices] == ["low", "high"]
        assert prices[0]["subscription.attributes.discount_cap"] == "null"
        assert [one.findings for one in told] == [(), ()]
        assert not any(app.verify().values())


@pytest.mark.capability("B9.3")
def test_a_run_does_not_see_what_is_added_while_it_goes_on(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a run stands between two partitions, an attribute is declared, rules use it, and values are given and changed.
    That run and its resumption end in the books of a run that nobody disturbed; the next run sees everything."""
    old = DECLARED.replace("  pilot: {type: boolean, default: false, meaning: whether it is a pilot}\n", "")
    rules = PRICES.replace(PRICES[PRICES.index("  - {id: pilot") : PRICES.index("  - id: capped")], "")

    def before(folder: Path) -> Path:
        return stories.write(folder, rules={"attributes.yaml": old, "pricing/acme.yaml": rules}, charges=CHARGES)

    def disturb(folder: Path) -> None:
        company(folder)
        with stories.opened(folder, database_url, runs__partition_size="1") as other:
            rows = ("E1,subscription,S2,pilot,,yes", "E1,account,A1,risk_class,,high", "E1,account,A3,risk_class,,high")
            report = values(other, folder, "more", *rows)
            assert (report.counts["new"], report.findings) == (3, ())

    reference = before(tmp_path / "reference") if (tmp_path / "reference").mkdir() is None else tmp_path
    with stories.opened(reference, f"sqlite:///{tmp_path / 'reference.db'}", runs__partition_size="1") as app:
        stories.load(app, reference / "data")
        stories.bill(app, "2026-02-01")
        expected = stories.invoices(app)
    folder = before(tmp_path)
    with stories.opened(folder, database_url, runs__partition_size="1") as app:
        stories.load(app, folder / "data")
        disturbed_after(monkeypatch, 1, lambda: disturb(folder), stop=True)
        with pytest.raises(InterruptedError):
            stories.bill(app, "2026-02-01")
        run = app.runs()[1] if app.runs()[0].kind == "import" else app.runs()[0]
        monkeypatch.undo()
    with stories.opened(folder, database_url, runs__partition_size="1") as app:
        assert app.resume(run.id, stories.CHANGE).state == "done"
        assert stories.invoices(app) == expected
        stories.bill(app, "2026-03-01")
        assert billed(app, "S1")[-1] == ("2026-03-01", Decimal(50))
        assert billed(app, "S2")[-1] == ("2026-03-01", Decimal(1))


def disturbed_after(monkeypatch: pytest.MonkeyPatch, count: int, disturb: Callable[[], None], stop: bool) -> None:
    """Lets something happen after some partitions of a bill run, which then goes on or stops."""
    whole, done = bill_run.bill_partition, list[int]()

    def pausing(parts: Any, pinned: Any, number: int) -> Any:
        if len(done) == count:
            disturb()
            if stop:
                raise InterruptedError
        done.append(number)
        return whole(parts, pinned, number)

    monkeypatch.setattr(bill_run, "bill_partition", pausing)


@pytest.mark.capability("B9.3")
def test_a_run_that_goes_on_ends_as_it_began(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values that change between two partitions of one run reach none of it, backdated or not."""
    folder = company(tmp_path)
    with stories.opened(folder, database_url, runs__partition_size="1") as app:
        stories.load(app, folder / "data")
        rows = [f"E1,account,{key},risk_class,,high" for key in ("A1", "A2", "A3")]
        disturbed_after(monkeypatch, 1, lambda: values(app, folder, "more", *rows), stop=False)
        stories.bill(app, "2026-02-01")
        assert billed(app, "S1")[0][1] == 31 and billed(app, "S2")[0][1] == 40
        monkeypatch.undo()
        stories.bill(app, "2026-03-01")
        assert billed(app, "S1")[-1][1] == 50 and billed(app, "S2")[-1][1] == 50


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("E1,account,A1,risk,,high", "known: risk_class, since"),
        ("E1,account,A9,risk_class,,high", "account 'A9' does not exist in E1"),
        ("E1,account,A1,risk_class,,middle", "write one of low, high"),
        ("E1,account,A1,since,,soon", "write a day such as 2026-01-31"),
        ("E1,subscription,S1,discount_cap,,much", "write a number such as 12.50"),
        ("E1,subscription,S1,pilot,,maybe", "write true or false"),
    ],
)
def test_values_go_with_their_declaration(tmp_path: Path, row: str, said: str) -> None:
    """A row with an attribute, record or value that is not there is quarantined, and the finding says what is."""
    folder = company(tmp_path)
    with stories.opened(folder, f"sqlite:///{tmp_path / 'books.db'}") as app:
        stories.load(app, folder / "data")
        (finding,) = values(app, folder, "more", row).findings
        assert said in str(finding)


def test_conditions_know_the_declared_types(tmp_path: Path) -> None:
    """A condition that misspells an attribute, or compares it with what it can never be, is refused at its place."""
    wrong = PRICES.replace('risk_class == "high"', 'risk_clas == "high"').replace(
        "discount_cap ?? 0", "discount_cup ?? 0"
    )
    folder = stories.write(tmp_path, rules={"attributes.yaml": DECLARED, "pricing/acme.yaml": wrong})
    with stories.opened(folder, f"sqlite:///{tmp_path / 'books.db'}") as app, pytest.raises(TollbookError) as caught:
        app.rule_desk().check()
    said = [f"{finding.where.line}: {finding.what}; {finding.mend}" for finding in caught.value.findings]
    assert [one for one in said if "discount_cap" in one] and [
        one for one in said if "did you mean 'risk_class'" in one
    ]
    assert any(field.name == "account.attributes.risk_class" for field in app.rule_desk().facts("pricing").facts)
