"""Terms of subscriptions: renewed, ended and cancelled by rules, as dated records that are made once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from engine.app import Amendment, App
from engine.base.errors import TollbookError
from tests import stories

RULES = """
ruleset: renewal/acme
effective: {from: 2020-01-01}
priority: 1
rules:
  - {id: bound, when: asked == "cancel" and account.segment == "enterprise", then: {early: refused}}
  - {id: fee, when: asked == "cancel" and contract == "C4", then: {early: fee, fee_plan: leaving}}
  - {id: free, when: asked == "cancel" and plan == "phone", then: {early: allowed}}
  - {id: stays, when: asked == "cancel", then: {early: end_of_term}}
  - {id: ends, when: not renews, then: {action: end}}
  - {id: lifted, when: contract == "C1", then: {action: renew, uplift: 5 %, ahead: 30, notice: 60}}
  - {id: loose, when: term >= 2, then: {action: month_to_month}}
  - {id: longer, then: {action: renew, months: 6, uplift: 1 %}}
cases:
  - {given: {asked: cancel, account: {segment: business}, plan: team, contract: null}, expect: {rule: stays, early: end_of_term}}
  - given: {asked: renewal, renews: true, term: 3, contract: null, account: {segment: business}, plan: team}
    expect: {rule: loose, action: month_to_month}
"""
PRICES = (
    stories.PRICES.replace(
        "rules:\n", "rules:\n  - {id: agreed, when: agreed_price != null, then: {method: agreed}}\n", 1
    )
    + '  - {id: leaving, when: charge.key == "leaving", then: {method: per_unit, unit: [20 EUR, 20 USD, 2000 JPY]}}\n'
)
FILES = {
    "plans": stories.add("plans", "leaving,Early end"),
    "charges": stories.add("charges", "leaving,leaving,Early end,one_time,advance,1,,month,services,standard"),
    "contracts": ("entity,key,account,signed_on", "E1,C1,A1,2026-01-01", "E1,C4,A4,2026-01-01"),
    "contract_lines": ("entity,contract,plan,charge,unit_price,currency,valid_from", "E1,C1,team,base,25.5,EUR,"),
    "subscriptions": (
        "entity,key,account,anchor_day,contract",
        "E1,S1,A1,1,C1",
        "E1,S2,A2,1,",
        "E1,S3,A3,31,",
        "E1,S4,A4,1,C4",
        "E1,S5,A1,1,",
    ),
    "subscription_terms": (
        "entity,subscription,starts,ends,renews,renewal_months,notice_days",
        "E1,S1,2026-01-01,2026-07-01,yes,12,30",
        "E1,S2,2026-01-01,2026-04-01,yes,3,0",
        "E1,S3,2026-01-31,2026-03-31,no,2,0",
        "E1,S4,2026-01-16,2027-01-16,yes,12,90",
        "E1,S5,2026-01-01,2026-12-01,yes,12,30",
    ),
}


def company(folder: Path) -> Path:
    return stories.write(folder, rules={"renewal/acme.yaml": RULES, "pricing/acme.yaml": PRICES}, **FILES)


def shown(app: App, on: str, *, do: bool = False) -> dict[str, list[tuple[str, str, str]]]:
    """By subscription: first day of the term that ended, what followed, and until when."""
    found = app.subscriptions.renewals(date.fromisoformat(on), stories.CHANGE if do else None)
    by: dict[str, list[tuple[str, str, str]]] = {}
    for one in found.due:
        by.setdefault(one.subscription, []).append((str(one.term_to), one.action, str(one.next_to or "")))
    return by


@pytest.mark.capability("A2.3")
def test_terms_are_followed_by_what_the_rules_say(tmp_path: Path, database_url: str) -> None:
    """Renewed at the length and price of the rule, month to month, or ended; shown before, done once, billed so."""
    folder = company(tmp_path)
    with stories.opened(folder, database_url, fx__max_age_days="365") as app:
        assert app.rule_desk().test().findings == ()
        assert stories.load(app, folder / "data").counts["quarantined"] == 0
        stories.bill(app, "2026-06-01")
        expected = {
            "S1": [("2026-07-01", "renew", "2027-07-01")],
            "S2": [("2026-04-01", "renew", "2026-10-01")],
            "S3": [("2026-03-31", "end", "")],
        }
        assert shown(app, "2026-07-01") == expected
        assert shown(app, "2026-07-01", do=True) == expected
        assert shown(app, "2026-07-01", do=True) == {}
        prices = app.subscriptions.show("S1", date(2026, 7, 1)).contract
        assert prices is not None
        assert [(line.valid_from, line.unit_price) for line in prices.lines] == [
            (date.min, Decimal("25.5")),
            (date(2026, 7, 1), Decimal("26.775")),
        ]
        terms = app.subscriptions.show("S1", date(2026, 7, 1)).terms
        assert [(term.notice_by, term.made_by) for term in terms] == [
            (date(2026, 6, 1), None),
            (date(2027, 5, 2), "renewal/acme/lifted"),
        ]
        stories.bill(app, "2026-07-01")
        lines = [line for invoice in stories.invoices(app) for line in invoice["lines"] if line["charge"] == "base"]
        fees = {line["service_from"]: line["amount"] for line in lines if line["subscription"] == "S1"}
        assert (fees[date(2026, 6, 1)], fees[date(2026, 7, 1)]) == (5 * Decimal("25.50"), Decimal("133.88"))
        assert max(line["service_to"] for line in lines if line["subscription"] == "S3") >= date(2026, 3, 31)
        back = sum(
            line["amount"]
            for line in lines
            if line["subscription"] == "S3" and line["service_from"] >= date(2026, 3, 31)
        )
        assert back == 0  # what was billed beyond the end is given back
        assert not any(app.verify().values())


@pytest.mark.on_sqlite
def test_several_terms_that_have_ended_follow_one_another(tmp_path: Path, database_url: str) -> None:
    """Days of the month are those of the first term, and the second term goes on month by month."""
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        assert shown(app, "2026-12-01", do=True)["S2"] == [
            ("2026-04-01", "renew", "2026-10-01"),
            ("2026-10-01", "month_to_month", "2026-11-01"),
            ("2026-11-01", "month_to_month", "2026-12-01"),
            ("2026-12-01", "month_to_month", "2027-01-01"),
        ]


@pytest.mark.on_sqlite
def test_deadlines_are_told_ahead(tmp_path: Path, database_url: str) -> None:
    """From as many days before the last day for notice as the rule says, until it is past."""
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")

        def ahead(on: str) -> list[str]:
            found = app.subscriptions.renewals(date.fromisoformat(on))
            told = [f.subject for f in found.findings if f.code == "renewal.notice-ahead"]
            assert told == [f"subscription/{one.subscription}" for one in found.ahead]
            return [one.subscription for one in found.ahead]

        assert ahead("2026-02-28") == []  # S3 until 31 March, S2 until 1 April
        assert ahead("2026-03-01") == ["S3"]
        assert "S1" in ahead("2026-06-01")
        assert "S1" not in ahead("2026-06-02")
        codes = [f.code for f in app.subscriptions.renewals(date(2026, 4, 1)).findings]
        assert "renewal.nothing-to-lift" in codes  # S2 has no agreed price


def cancel(app: App, key: str, on: str, today: str) -> tuple[str, str, int]:
    """Cancel a subscription: the day on which it takes effect, why, and months that a fee is charged for."""
    at = datetime.fromisoformat(today).replace(tzinfo=UTC)
    made = app.subscriptions.amend(
        Amendment(key, "cancel", date.fromisoformat(on)), msgspec.structs.replace(stories.CHANGE, at=at)
    )
    return str(made.event.on), made.note, made.fee_months


@pytest.mark.on_sqlite
def test_a_cancellation_inside_a_term(tmp_path: Path, database_url: str) -> None:
    """Takes effect at the end of the term, of the next one where notice comes late, at once, or at once with a fee."""
    folder = company(tmp_path)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        assert cancel(app, "S1", "2026-03-15", "2026-03-01")[0] == "2026-07-01"
        assert shown(app, "2026-07-01").get("S1") is None
        assert cancel(app, "S2", "2026-03-15", "2026-04-02")[0] == "2026-07-01"
        assert cancel(app, "S5", "2026-03-15", "2026-03-01")[:2] == ("2026-03-15", "")
        day, note, months = cancel(app, "S4", "2026-03-20", "2026-03-20")
        assert (day, months) == ("2026-03-20", 10)
        assert "10 months of the term are charged by plan leaving" in note
        stories.bill(app, "2026-03-21")
        lines = [line for invoice in stories.invoices(app) for line in invoice["lines"]]
        assert [line["amount"] for line in lines if line["plan"] == "leaving"] == [Decimal(200)]
        assert not any(app.verify().values())


@pytest.mark.on_sqlite
def test_a_cancellation_that_a_rule_refuses(tmp_path: Path, database_url: str) -> None:
    """The end of the term stays possible while notice is in time."""
    folder = company(tmp_path)
    header, first, *rest = stories.FILES["accounts"]
    stories.deliver(folder, "data", accounts=[header + ",segment", first + ",enterprise", *(row + "," for row in rest)])
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        with pytest.raises(TollbookError) as caught:
            cancel(app, "S1", "2026-03-15", "2026-03-01")
        (finding,) = caught.value.findings
        assert (finding.code, finding.mend) == ("renewal.early-cancel", "cancel it on 2026-07-01")
        with pytest.raises(TollbookError):
            cancel(app, "S1", "2026-07-01", "2026-06-02")
        assert cancel(app, "S1", "2026-07-01", "2026-06-01")[0] == "2026-07-01"


@pytest.mark.parametrize(
    ("then", "said"),
    [("{early: fee}", "a fee without a plan"), ("{early: allowed, fee_plan: leaving}", "a plan for a fee that is not")],
)
def test_a_fee_and_its_plan_go_together(tmp_path: Path, then: str, said: str) -> None:
    wrong = RULES.replace("{early: fee, fee_plan: leaving}", then)
    folder = stories.write(tmp_path, rules={"renewal/acme.yaml": wrong})
    with stories.opened(folder, f"sqlite:///{tmp_path / 'books.db'}") as app, pytest.raises(TollbookError) as caught:
        app.rule_desk().check()
    assert said in str(caught.value)
