"""Every method that goes by what happens, in the books: of invoice lines and of a contract, nothing before its event, to the cent."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from engine.app import App
from engine.runs.revenue.facts import Asked
from tests import stories
from tests.golden.test_revenue import sound
from tests.golden.test_revenue_contracts import at, ledger, recognise

D = Decimal
ZERO = D(0)


class Story(msgspec.Struct, frozen=True):
    """A method: its terms, what happened as (kind, day, quantity, expected, material), and what is earned by the ends of January and
    February of 1000 EUR for 10 pieces."""

    terms: str
    events: tuple[tuple[str, str, str, str, str], ...]
    january: str
    february: str


STORIES = {
    "output": Story(
        "method: units", (("deliver", "01-10", "2", "", "0"), ("deliver", "02-10", "3", "", "0")), "200", "500"
    ),
    "breakage": Story(  # two of ten are never asked for
        "method: units, breakage: 0.2", (("use", "01-10", "2", "", "0"), ("use", "02-10", "4", "", "0")), "250", "750"
    ),
    "lapsed": Story(
        "method: units", (("use", "01-10", "1", "", "0"), ("expire", "02-27", "0", "", "0")), "100", "1000"
    ),
    "input": Story(  # a quarter of the cost that was expected; then half of the cost that is expected now
        "method: cost_to_cost",
        (
            ("cost", "01-15", "150", "600", "0"),
            ("expect", "02-20", "0", "1000", "0"),
            ("cost", "02-25", "350", "", "0"),
        ),
        "250",
        "500",
    ),
    "usage": Story("method: per_unit", (("use", "01-12", "3", "", "0"), ("use", "02-12", "4", "", "0")), "300", "700"),
    "milestone": Story("method: point_in_time, on: accept", (("accept", "02-05", "0", "", "0"),), "0", "1000"),
    "delivery": Story("method: point_in_time, on: deliver", (("deliver", "01-20", "0", "", "0"),), "1000", "1000"),
    "licence": Story("method: right_to_use", (("deliver", "02-01", "0", "", "0"),), "0", "1000"),
}
ROYALTY = Story(
    "method: royalty, rate: 0.1",
    (("sale", "01-31", "1234.50", "", "0"), ("sale", "02-28", "2000", "", "0")),
    "123.45",
    "323.45",
)
EVERY = {**STORIES, "royalty": ROYALTY}
REVREC = "ruleset: revrec/stories\npriority: 10\neffective: {from: 2020-01-01}\nhit: first\nrules:\n" + "".join(
    f'  - {{id: {name}, when: product == "{name}", then: {{{one.terms}}}}}\n' for name, one in EVERY.items()
)
PRICE = """
ruleset: pricing/stories
priority: 10
effective: {from: 2020-01-01}
rules:
  - {id: all, then: {method: per_unit, unit: [100 EUR]}}
"""
FILES = {
    "plans": ("key,name", *(f"{name},{name}" for name in STORIES)),
    "charges": (
        "plan,key,name,kind,timing,months,meter,unit,product,tax_code",
        *(f"{name},{name},{name},one_time,advance,1,,piece,{name},standard" for name in STORIES),
    ),
    "gl_accounts": stories.add("gl_accounts", "1300,Contract assets,asset"),
    "subscriptions": ("entity,key,account,anchor_day", *(f"E1,{name},A1,1" for name in STORIES)),
    "subscription_events": (
        "entity,subscription,key,kind,on,plan,quantity",
        *(f"E1,{name},1,start,2026-01-01,{name},10" for name in STORIES),
    ),
    "usage": ("entity,subscription,meter,key,at,quantity",),
}
PROMISES = "".join(
    f"  - {{promise: {name}, product: {name}, price: {price}, ssp: {price}, quantity: 10, cost: 600}}\n"
    for name, price in [*((name, 1000) for name in STORIES), ("royalty", 0)]
)
CONTRACT = f"""
contract: K1
entity: E1
account: A4
currency: EUR
signed: 2026-01-01
known: 2026-01-01
criteria: {{approved: 2026-01-01, collectible: 2026-01-01}}
promises:
{PROMISES}"""


def happen(app: App, month: str) -> None:
    """Tell what happened in a month, of lines and of the contract, and all of it again in another order."""
    told = [(name, f"{name}-{n}", *one) for name, story in EVERY.items() for n, one in enumerate(story.events)]
    mine = [one for one in told if one[3].startswith(month)]
    for some in (mine, mine[::-1]):
        asked = [
            Asked(key, kind, date.fromisoformat(f"2026-{day}"), subscription=name, charge=name, quantity=D(quantity),
                  expected=D(expected) if expected else None, material=D(material))
            for name, key, kind, day, quantity, expected, material in some
            if name in STORIES
        ]  # fmt: skip
        app.revenue.events(asked, at(f"2026-{month}-28"))
        for name, key, kind, day, quantity, expected, material in some:
            values = {"key": key, "kind": kind, "on": date.fromisoformat(f"2026-{day}"), "promise": name}
            values |= {"quantity": D(quantity), "material": D(material)} | (
                {"expected": D(expected)} if expected else {}
            )
            app.revenue_contracts.tell("K1", values, at(f"2026-{month}-28"))


def earned(app: App, month: int) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """What lines and obligations have recognised, by product."""
    (invoice,) = stories.invoices(app)
    lines = {}
    for number, line in enumerate(invoice["lines"], 1):
        lines[line["subscription"]] = app.revenue.shown(f"{invoice['number']}#{number}").recognised
    account = app.revenue_contracts.account("K1", date(2026, month, 28 if month == 2 else 31))
    return lines, {share.obligation: share.recognised for share in account.shares}


@pytest.mark.capability("A5.1", "A5.2", "A5.4", "B7.1")
def test_what_happens_is_earned_and_nothing_else(tmp_path: Path, sqlite_url: str) -> None:
    folder = stories.write(tmp_path, rules={"revrec/stories.yaml": REVREC, "pricing/acme.yaml": PRICE}, **FILES)
    (folder / "k1.yaml").write_text(CONTRACT)
    with stories.opened(folder, sqlite_url) as app:
        report = stories.load(app, folder / "data")
        assert [str(one) for one in report.findings if one.level == "error"] == []
        app.revenue_contracts.add([folder / "k1.yaml"], at("2026-01-01"))
        stories.bill(app, "2026-01-01")
        recognise(app, 1)
        assert "4000" not in ledger(app), "nothing has happened"
        for month, word in ((1, "january"), (2, "february")):
            happen(app, f"{month:02d}")
            recognise(app, month)
            wanted = {name: D(getattr(story, word)) for name, story in EVERY.items()}
            lines, obligations = earned(app, month)
            assert lines == {name: wanted[name] for name in STORIES}
            assert {name: obligations.get(name, ZERO) for name in EVERY} == wanted
            total = 2 * sum(wanted[name] for name in STORIES) + wanted["royalty"]
            assert ledger(app)["4000"] == -total
            recognise(app, month)
            assert ledger(app)["4000"] == -total
        sound(app)
