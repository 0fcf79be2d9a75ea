"""Runs ``invoicing_timelines`` (its balances in a module of their own): what is billed, given back, and when, as terms change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import islice, permutations
from typing import Any

from engine.base.errors import TollbookError
from engine.base.money import ZERO
from engine.base.period import FOREVER, Period, local_day
from engine.billing.agenda import next_run
from engine.billing.billed import CREDIT_OUTSIDE, OVER_CREDITED, open_lines
from engine.billing.job import Owed
from engine.billing.netting import DOUBLE_BILLED, Back, net_recurring
from engine.billing.statement import values
from engine.model.catalog import Plan
from engine.model.due import AccountDue
from engine.model.invoice import BilledLine, RatedCharge
from tests.vectors.balances import balances
from tests.vectors.killbill import Books, book, price_rule, recurring
from tests.vectors.outcome import Case, Document, Outcome, Runner, judged, multiset
from tests.vectors.reading import number
from tests.vectors.steps import Account, Item

REFUSALS = {
    "double_billing": DOUBLE_BILLED,
    "over_credited": OVER_CREDITED,
    "credit_outside_item": CREDIT_OUTSIDE,
}
ORDERS = 24
"""Orders of what is billed and owed that are tried where order must not matter."""


def _expected(items: Any) -> list[Item]:
    return [
        (i["kind"], i.get("sub"), i.get("day", i.get("from")), i.get("to"), number(i["amount"]))
        for i in ([] if items == "none" else items)
    ]


def _said(what: Mapping[str, Any], made: list[Item]) -> tuple[Any, Any]:
    """What a bill step states, and the same of what was made.

    Where lines are derived, the origin says nothing of the customer's credit unless the lines do.
    """
    wanted: dict[str, Any] = {}
    if what.get("derived") and not any(item[0] == "ACCOUNT_CREDIT" for item in _expected(what.get("expect", ()))):
        made = [item for item in made if item[0] != "ACCOUNT_CREDIT"]
    if "expect" in what:
        wanted["items"] = multiset(_expected(what["expect"]))
    if "count" in what:
        wanted["count"] = what["count"]
    if "total" in what:
        wanted["total"] = number(what["total"])
    found = {"items": multiset(made), "count": len(made), "total": sum((item[-1] for item in made), ZERO)}
    return wanted, {key: found[key] for key in wanted}


def timeline(case: Case, document: Document) -> Outcome:
    """Steps in turn; the first that comes out otherwise fails the case."""
    account = Account(case["steps"])
    for place, step in enumerate(case["steps"], 1):
        for word, what in step.items():
            wanted: Any
            found: Any
            if word == "bill":
                wanted, found = _said(what, account.run(what["target"]))
            else:
                made = account.say(word, what)
                promised = what.get("credit_made") if isinstance(what, Mapping) else None
                wanted, found = (number(promised), made) if promised is not None else (None, None)
            if wanted != found:
                return judged(case, f"step {place}: {wanted}", f"step {place}: {found}")
    return judged(case, True, True)


class Shelf:
    """Billed and owed items of one subscription, as the algebra of net owed takes them."""

    def __init__(self, case: Case) -> None:
        """All plans of the case are in the catalogue."""
        self.case = case
        named = [*(case["billed"] or ()), *(case["owed"] or ())]
        self.plans = {str(one["plan"]): recurring(str(one["plan"]), {}) for one in named}
        self.books = Books([], book(), 1)
        self.books.plans = {key: Plan("t", key, key, (fee,)) for key, fee in self.plans.items()}
        self.books.tell(
            "start", min((one["from"] for one in named), default=date(2000, 1, 1)), plan=next(iter(self.plans))
        )

    def billed(self) -> list[BilledLine]:
        """The lines, and the credits and adjustments on them; these are numbered after all lines."""
        lines = [self._line(n, one, str(one["plan"])) for n, one in enumerate(self.case["billed"], 1)]
        for word in ("adjusted", "credited"):
            for one in self.case.get(word) or ():
                item = lines[one["item"] - 1].charge
                days = {"from": item.service_from, "to": item.service_from, **one}
                lines.append(self._line(len(lines) + 1, days, item.plan, one["item"]))
        return lines

    def _line(self, ident: int, one: Mapping[str, Any], plan: str, credits: int = 0) -> BilledLine:
        start, end, amount = one["from"], one["to"], number(one["amount"])
        return BilledLine(
            ident,
            RatedCharge(
                account="A-1", account_id=7, subscription_id=5, subscription="S-1", contract="", contract_line_id=0,
                plan=plan, charge="fee", charge_id=11, kind="recurring", text="Fee", product="", tax_code="standard",
                service_from=start, service_to=end, cycle_from=start, cycle_to=end, currency="USD", quantity=Decimal(1),
                full=Decimal(1), share="1", amount=amount, decision=0, proration=0, credits=credits,
            ),
        )  # fmt: skip

    def owed(self) -> list[Owed]:
        """What is owed, each stretch at its own amount."""
        made = []
        for one in self.case["owed"] or ():
            days, plan = Period(one["from"], one["to"]), str(one["plan"])
            amount, fee = number(one["amount"]), self.plans[plan]
            made.append(Owed(fee, plan, days, days, Decimal(1), Decimal(1), Fraction(1), amount, 0, 0))
        return made

    def net(self, billed: list[BilledLine], owed: list[Owed]) -> list[Item]:
        """What is to be charged and given back."""
        due = self.books.due()
        value = values(self.books.job(date(2100, 1, 1)), AccountDue(self.books.account, {}, (due,)), due)
        window = Period(date.min, FOREVER)
        opens = open_lines(billed)
        return multiset(
            ("REPAIR_CREDIT" if isinstance(item, Back) else "RECURRING", item.days.start, item.days.end, item.amount)
            for item in net_recurring(owed, opens, window, "USD", value, shows_zero=lambda plan, key: True)
        )


def reconcile(case: Case, document: Document) -> Outcome:
    """What was billed and what is owed, as their difference or a refusal."""
    shelf, expected = Shelf(case), case["expect"]
    billed, owed = shelf.billed(), shelf.owed()
    if isinstance(expected, Mapping):
        try:
            made: Any = shelf.net(billed, owed)
        except TollbookError as error:
            made = [finding.code for finding in error.findings]
        return judged(case, [REFUSALS[expected["refuse"]]], made)
    wanted = multiset((i["kind"], i["from"], i["to"], number(i["amount"])) for i in expected)
    orders = [(billed, owed)]
    if case.get("order_independent"):
        orders += [(billed, list(one)) for one in islice(permutations(owed), ORDERS)]
        orders += [(list(one), owed) for one in islice(permutations(billed), ORDERS)]
    for one, other in orders:
        made = shelf.net(one, other)
        if made != wanted:
            break
    return judged(case, wanted, made)


def when_next(case: Case, document: Document) -> Outcome:
    """What a run charges, and the day on which there is next something to bill."""
    terms = case["terms"]
    charges = [recurring(f"p{n}", case) for n in range(len(terms))]
    prices = "".join(price_rule(f"p{n}", "fee", one["price"]) for n, one in enumerate(terms))
    shop, target = Books(charges, book(prices), case["bcd"]), case["target"]
    for n, one in enumerate(terms):
        shop.tell("change" if n else "start", one["from"], plan=f"p{n}")
    following = next_run(shop.job(target), shop.account, shop.due())
    made = shop.run(target)
    found = (multiset((c.service_from, c.service_to, c.share == "1") for c in made), following)
    wanted = (multiset((c["from"], c["to"], c["whole"]) for c in case["charged"]), case["next_run"])
    return judged(case, wanted, found)


def _instant(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def local_days(case: Case, document: Document) -> Outcome:
    """The day of an instant where the customer is, and what is billed from it on."""
    zone = case["time_zone"]
    begins = local_day(_instant(case["created_at"]), zone)
    shop = Books([recurring("p", {})], book(price_rule("p", "fee", "100")), case["bcd"])
    shop.plans["trial"] = Plan("t", "trial", "trial")
    trial = case.get("trial_days")
    shop.tell("start", begins, plan="trial" if trial else "p")
    if trial:
        shop.tell("change", begins + timedelta(days=trial), plan="p")
    made = [line for day, _ in case.get("first_items") or () for line in shop.run(day)]
    if case.get("cancel_on"):
        shop.tell("cancel", case["cancel_on"])
    if case.get("run_at"):
        made.extend(shop.run(local_day(_instant(case["run_at"]), zone)))
    found: dict[str, Any] = {
        "service_day": begins,
        "first_items": [[line.service_from, line.service_to] for line in made if not line.credits],
        "credits": multiset([line.service_from, line.service_to] for line in made if line.credits) or "none",
    }
    wanted = {key: case[key] for key in found if key in case}
    return judged(case, wanted, {key: found[key] for key in wanted})


SECTIONS: dict[str, Runner | None] = {
    "generator": timeline,
    "reconcile": reconcile,
    "next_run": when_next,
    "timelines": timeline,
    "balances": balances,
    "local_days": local_days,
}
