"""A contract that is earned by the usage in the books: late usage and what is taken back make the difference, nothing is earned twice."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from tests import stories
from tests.golden.test_revenue_contracts import at, ledger
from tests.stories import CHANGE

D = Decimal
REVREC = """
ruleset: revrec/contracts
effective: {from: 2000-01-01}
owner: finance.accounting
priority: 5
hit: first
rules:
  - {id: voice, when: product == "voice" and element == "calls", then: {method: per_unit}}
  - {id: others, then: {method: now}}
"""
CONTRACT = """
contract: K1
entity: E1
account: A1
currency: EUR
signed: 2026-01-01
known: 2026-01-01
promises:
  - promise: calls
    product: voice
    kind: usage
    price: 100
    quantity: 1000
    from: 2026-01-01
    to: 2027-01-01
    bills: [{subscription: S5, charge: calls}]
    measures: [{subscription: S5, meter: calls}]
"""
WRONG = {
    "product: voice": ("product: other", "revenue.not-measurable", "its rule does not go by what is used"),
    "meter: calls": ("meter: call", "revenue.not-measurable", "which does not exist"),
    "subscription: S5, meter": ("subscription: S9, meter", "revenue.not-measurable", "no subscription 'S9'"),
    "    bills: [{subscription: S5, charge: calls}]\n": ("", "revenue.measured-twice", "and not for K1"),
}
CHART = ("1210,Unbilled,asset", "1300,Contract assets,asset", "2310,Refunds,liability", "1350,Contract costs,asset")


def company(folder: Path) -> Path:
    return stories.write(
        folder,
        rules={"revrec/contracts.yaml": REVREC},
        gl_accounts=stories.add("gl_accounts", *CHART),
        subscription_events=("entity,subscription,key,kind,on,plan,quantity", "E1,S5,1,start,2026-01-01,phone,1"),
    )


def refused(app: App, folder: Path, text: str) -> tuple[str, str]:
    (folder / "wrong.yaml").write_text(text)
    with pytest.raises(TollbookError) as raised:
        app.revenue_contracts.add([folder / "wrong.yaml"], at("2026-01-01"))
    (finding,) = raised.value.findings
    return finding.code, finding.what


def earned(app: App, day: str) -> tuple[Decimal, Decimal]:
    """Revenue and the contract asset, once a month is recognised."""
    app.revenue.recognise(date.fromisoformat(day), at(day))
    books = ledger(app, day)
    return -books.get("4000", D(0)), books.get("1300", D(0))


@pytest.mark.capability("A5.1", "A5.2", "B7.2")
def test_usage_in_the_books_earns_a_contract(tmp_path: Path, sqlite_url: str) -> None:
    folder = company(tmp_path)
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        for old, (new, code, what) in WRONG.items():
            assert old in CONTRACT
            found = refused(app, folder, CONTRACT.replace(old, new))
            assert (found[0], what in found[1]) == (code, True), found
        (folder / "k1.yaml").write_text(CONTRACT)
        app.revenue_contracts.add([folder / "k1.yaml"], at("2026-01-01"))
        assert refused(app, folder, CONTRACT.replace("K1", "K2").replace("charge: calls}]", "charge: base}]"))[0] == (
            "revenue.measured-twice"
        )
        assert earned(app, "2026-01-31") == (15, 15)
        assert app.accruals.accrue(date(2026, 1, 1), CHANGE).moves == ()
        assert not app.revenue.recognise(date(2026, 1, 31), at("2026-01-31")).counts.get("schedules")
        stories.bill(app, "2026-02-01")
        assert earned(app, "2026-02-27") == (15, D("2.5"))
        late(app, folder)
        assert earned(app, "2026-02-28") == (16, D("3.5"))
        assert app.accruals.accrue(date(2026, 2, 1), CHANGE).moves == ()
        by_hand = {"key": "u1", "kind": "use", "on": date(2026, 2, 1), "promise": "calls", "quantity": D(5)}
        with pytest.raises(TollbookError, match=r"u1 says what was used of calls of K1"):
            app.revenue_contracts.tell("K1", by_hand, at("2026-02-28"))
        assert app.revenue_contracts.shown("K1").events == ()
        assert earned(app, "2026-02-28") == (16, D("3.5"))


def adding(**other: Any) -> dict[str, Any]:
    """A modification of 1 February that adds calls."""
    added = {"promise": "calls", "product": "voice", "kind": "usage", "price": D(100), "quantity": D(1000)}
    place = {"to": date(2027, 1, 1), "measures": [{"subscription": "S5", "meter": "calls"}]}
    bills = [{"subscription": "S5", "charge": "calls"}]
    return {
        "key": "m1",
        "kind": "modify",
        "on": date(2026, 2, 1),
        "adds": [{**added, **place, "bills": bills, **other}],
    }


def late(app: App, folder: Path) -> None:
    """Twenty calls of January that come late, and ten that are taken back."""
    stories.deliver(
        folder,
        "late",
        usage=(stories.FILES["usage"][0], "E1,S5,calls,late,2026-01-20T10:00:00+01:00,20"),
        usage_reversals=("entity,key", "E1,c1"),
    )
    assert [str(one) for one in stories.load(app, folder / "late").findings] == []


@pytest.mark.capability("A5.1")
def test_days_that_were_billed_before_are_not_earned_again(tmp_path: Path, sqlite_url: str) -> None:
    """A contract that becomes known after its usage was billed begins after what was billed, or is refused; so does a promise that a
    modification adds."""
    folder = company(tmp_path)
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        code, what = refused(app, folder, CONTRACT)
        assert (code, "was billed before K1 was known" in what) == ("revenue.measured-twice", True)
        plain = CONTRACT.partition("  - promise: calls")[0] + "  - {promise: setup, product: setup, price: 0}\n"
        (folder / "k1.yaml").write_text(plain)
        app.revenue_contracts.add([folder / "k1.yaml"], at("2026-02-01"))
        for wrong in ({"product": "other"}, {"measures": [{"subscription": "S5", "meter": "call"}]}, {"bills": []}):
            with pytest.raises(TollbookError) as raised:
                app.revenue_contracts.tell("K1", adding(**wrong), at("2026-02-01"))
            assert raised.value.findings[0].code in ("revenue.not-measurable", "revenue.measured-twice")
        with pytest.raises(TollbookError, match="was billed before K1 was known"):
            app.revenue_contracts.tell("K1", adding(**{"from": date(2026, 1, 1)}), at("2026-02-01"))
        assert app.revenue_contracts.shown("K1").events == ()
        assert app.revenue_contracts.tell("K1", adding(), at("2026-02-01"))
        again = CONTRACT.replace("K1", "K2").replace("charge: calls}]", "charge: base}]")
        assert refused(app, folder, again)[1] == "calls of S5 earns calls of K1 already"
        late(app, folder)
        before = -ledger(app)["4000"]
        assert earned(app, "2026-02-28")[0] == before == D("12.5")
