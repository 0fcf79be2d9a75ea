"""Changes within a cycle, as a seller would set them up: rules and catalogue out of a case, then a bill run after each event.

The credit and charge lines of the case are those of the runs; what comes next (the next cycle, the new price from then on) is
what later runs bill.  Lines that come to nothing are not compared: an invoice does not show them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import yaml

from engine import families
from engine.base.money import ZERO
from engine.base.period import MIDNIGHT, Period, cycle_containing, instant_of, local_day, zone
from engine.billing.adjusting import given_back
from engine.model.catalog import Charge
from engine.model.decision import Decision
from engine.model.invoice import BilledLine, RatedCharge
from engine.rulebook.rulebook import RuleBook, compile_book
from tests.unit.billing.simulator import Shop, charge
from tests.vectors.outcome import Case, Document, Outcome, judged, multiset, unsupported
from tests.vectors.reading import number

CONVENTIONS: dict[str, dict[str, Any]] = {
    "seconds": {"method": "seconds"},
    "actual_days": {"method": "actual_days"},
    "d30_360": {"method": "d30_360"},
    "actual_30": {"method": "fixed_days", "days_a_month": 30},
    "none": {"method": "none", "part": "nothing", "credit": False, "unused": "rule"},
}
PAUSES: dict[str | None, dict[str, Any]] = {
    None: {},
    "credit": {},
    "extend": {"pause": "extend"},
    "none": {"credit": False},
    "keep": {"credit": False},
    "no_credit": {"credit": False},
}
ANCHORS = {None: "keep", "keep": "keep", "reset": "interval"}
KINDS = {
    "start": "start",
    "change_plan": "change",
    "change_quantity": "change",
    "change_interval": "change",
    "pause": "pause",
    "resume": "resume",
    "cancel_refund": "cancel",
}
UNKNOWN_PRICE = "90"
"""Of cases that state no price because no money moves."""

Line = tuple[str, Any, Any, Fraction, Decimal, Decimal]


class Rules(Shop):
    """Books in memory whose rules come from rule files."""

    def __init__(self, book: RuleBook, charges: list[Charge], **more: Any) -> None:
        super().__init__(charges, {}, **more)
        self.book = book

    def decide(self, family: str, facts: Any, on: date) -> Decision:
        """The rule in force."""
        return self.book.decide(family, facts, on)


class Scene:
    """A subscription that lives through the events of a case; each price has a plan of its own."""

    def __init__(self, case: Case, **terms: Any) -> None:
        self.case, self.events = case, case["events"]
        self.exact = case["convention"] == "seconds"
        self.zone, self.currency = case["timezone"], case["currency"]
        self.start, self.end = (datetime.fromisoformat(case["period"][name]) for name in ("start", "end"))
        self.whole = Period(local_day(self.start, self.zone), local_day(self.end, self.zone))
        self.charges: list[Charge] = []
        self.prices: list[dict[str, Any]] = []
        self.plans = self._plans()
        # A month's stub leads to the anchor day; a longer period runs already when a first unit joins it.
        self.joins = self.events[0]["action"] == "start" and case["period"]["months"] != 1
        book = self._book(terms)
        begins = self.start.astimezone(zone(self.zone)).time()
        more = {"anchor_time": begins.isoformat()} if self.exact and begins != MIDNIGHT else {}
        self.shop = Rules(
            book, self.charges, anchor_day=self._anchor_day(), currency=self.currency, zone=self.zone, **more
        )

    def _plans(self) -> list[str]:
        """The plan before the first event, and after each."""
        first, months = self.events[0], self.case["period"]["months"]
        lines = self.case["expected"]["lines"]
        price = first.get("from_price") or (lines[0]["full_price"] if lines else UNKNOWN_PRICE)
        plans = [self._sell(price, months, first, first.get("coupon_percent"))]
        for event in self.events:
            sells = event["action"] in ("change_plan", "change_interval") or event.get("to_price") != event.get(
                "from_price"
            )
            if not sells or KINDS[event["action"]] != "change":
                plans.append(plans[-1])
                continue
            months = event.get("to_months", months)
            coupon = event.get("coupon_percent_new") or event.get("coupon_percent")
            plans.append(self._sell(event.get("to_price", price), months, event, coupon))
        return plans

    def _sell(self, price: Any, months: int, event: dict[str, Any], coupon: Any) -> str:
        plan = f"plan{len(self.charges)}"
        length = {"months": months} if months else {"days": self.whole.days}
        self.charges.append(charge(plan=plan, **length))
        then: dict[str, Any] = {"rounding": self.case["rounding"]}
        if event.get("tiers"):
            tiers = [
                {"unit": self._money(tier["price"])} | ({"up_to": tier["up_to"]} if tier["up_to"] is not None else {})
                for tier in event["tiers"]
            ]
            then |= {"method": "graduated", "tiers": tiers}
        else:
            then |= {"method": "per_unit", "unit": self._money(price)}
        if coupon is not None:
            then["after"] = [{"discount": f"{number(coupon)} %"}]
        self.prices.append({"id": plan, "when": f'plan == "{plan}"', "then": then})
        return plan

    def _money(self, amount: Any) -> str:
        return f"{number(amount)} {self.currency}"

    def _book(self, terms: dict[str, Any]) -> RuleBook:
        case = self.case
        anchors = [ANCHORS[event["anchor"]] for event in self.events if event.get("anchor")]
        then = {
            "rounding": case["rounding"],
            "netting": case.get("netting", "lines"),
            "credit_of": "price",
            "anchor": anchors[0] if anchors else "keep",
            **CONVENTIONS[case["convention"]],
            **PAUSES[case.get("pause_mode")],
            **terms,
        }
        files = {
            "rules/proration/case.yaml": {"ruleset": "proration/case", "rules": [{"id": "all", "then": then}]},
            "rules/pricing/case.yaml": {"ruleset": "pricing/case", "rules": self.prices},
        }
        head = {"effective": {"from": date(2000, 1, 1)}, "owner": "case", "hit": "first"}
        texts = {name: yaml.safe_dump({**head, **rules}).encode() for name, rules in files.items()}
        return compile_book(texts, families.ALL)

    def _anchor_day(self) -> int:
        """The anchor day of which the period of the case is a cycle."""
        months = self.case["period"]["months"]
        later = self.case.get("next_period")
        wanted = [self.whole]
        if later:
            wanted.append(
                Period(*(local_day(datetime.fromisoformat(later[name]), self.zone) for name in ("start", "end")))
            )
        for day in (
            sorted({one.day for period in wanted for one in (period.start, period.end)} | {31}) if months else ()
        ):
            if all(cycle_containing(one.start, day, months, self.whole.start) == one for one in wanted):
                return day
        return self.whole.start.day

    def play(self) -> list[RatedCharge]:
        """The lines of the runs that follow each event."""
        made: list[RatedCharge] = []
        if self.joins or self.events[0]["action"] != "start":
            self._know("start", self.start, self.plans[0], 0 if self.joins else self.events[0].get("from_qty"))
            self.shop.run(self.whole.start)
            self._credit(self.events[0].get("already_credited"))
        for event, plan in zip(self.events, self.plans[1:], strict=True):
            made += self._happens(event, plan)
        return made

    def _credit(self, amount: Any) -> None:
        """A credit note on the line that was billed; it gives back no days."""
        if amount is not None:
            back = given_back(self.shop.lines[0], -number(amount), "credit note")
            self.shop.lines.append(BilledLine(len(self.shop.lines) + 1, back))

    def _happens(self, event: dict[str, Any], plan: str) -> list[RatedCharge]:
        """What the run of an event's day bills for it.  What belongs to the next cycle is known before that begins."""
        at, kind = datetime.fromisoformat(event["at"]), KINDS[event["action"]]
        kind = "change" if self.joins and kind == "start" else kind
        day, made = local_day(at, self.zone), []
        late = at >= self.end if self.exact else day >= self.whole.end
        beyond = late and kind == "resume"
        if beyond:
            made += self.shop.run(self.whole.end)
        quantity = event.get("to_qty", 1 if self.joins else None) if kind == "change" else None
        self._know(kind, at, plan if kind in ("start", "change") else None, quantity)
        made += self.shop.run(day - timedelta(days=1) if late and not beyond else day)
        return [line for line in made if beyond or self.span(line)[0] < self._point(self.end)]

    def _know(self, kind: Any, at: datetime, plan: str | None, quantity: Any) -> None:
        exact = at if self.exact else None
        self.shop.know(kind, local_day(at, self.zone), plan, None if quantity is None else number(quantity), exact)

    def _point(self, at: datetime) -> Any:
        return at.astimezone(UTC) if self.exact else local_day(at, self.zone)

    def span(self, line: RatedCharge) -> tuple[Any, Any]:
        """What a line serves: instants where the case counts seconds, days otherwise."""
        if not self.exact:
            return line.service_from, line.service_to
        if line.exact:
            start, end = (datetime.fromisoformat(text).astimezone(UTC) for text in line.exact.split(" ")[0].split("/"))
            return start, end
        return instant_of(line.service_from, self.zone), instant_of(line.service_to, self.zone)

    def shown(self, line: RatedCharge) -> Line:
        """A line as the case writes it."""
        kind = "credit" if line.amount < 0 else "charge"
        return kind, *self.span(line), Fraction(line.share), abs(line.full), line.amount

    def expected(self) -> list[Line]:
        """The lines of the case."""
        return [
            (
                line["kind"],
                *(self._point(datetime.fromisoformat(line[name])) for name in ("from", "to")),
                Fraction(line["ratio"]),
                number(line["full_price"]),
                number(line["amount"]),
            )
            for line in self.case["expected"]["lines"]
            if number(line["amount"])
        ]

    def billed_next(self, known: list[RatedCharge]) -> RatedCharge | None:
        """The first line for a later cycle: of the runs that were made, else of the next one that bills something."""
        later = [line for line in known if line.cycle_from >= self.whole.end]
        day = self.whole.end
        while not later and day < self.whole.end + timedelta(days=400):
            later = [line for line in self.shop.run(day) if line.cycle_from >= self.whole.end]
            day += timedelta(days=1)
        return min(later, key=lambda line: line.service_from, default=None)


def change(case: Case, document: Document) -> Outcome:
    """One case: its lines, their net, and what follows."""
    missing = _unknown(case)
    if missing:
        return unsupported(case, missing)
    scene = Scene(case)
    made = scene.play()
    net = sum((line.amount for line in made), ZERO)
    actual: dict[str, Any] = {"lines": multiset(scene.shown(line) for line in made), "net": net}
    expected: dict[str, Any] = {"lines": multiset(scene.expected()), "net": number(case["expected"]["net"])}
    if "customer_credit_after" in case:
        expected["customer_credit_after"], actual["customer_credit_after"] = number(case["customer_credit_after"]), -net
    if "net_if_rounded_once" in case:
        once = sum((line.amount for line in Scene(case, netting="net").play()), ZERO)
        expected["net_if_rounded_once"], actual["net_if_rounded_once"] = number(case["net_if_rounded_once"]), once
    _follows(case, scene, made, expected, actual)
    return judged(case, expected, actual)


def _follows(
    case: Case, scene: Scene, made: list[RatedCharge], expected: dict[str, Any], actual: dict[str, Any]
) -> None:
    """What the next cycle is, and what it is billed at."""
    wanted = {"effective", "new_period_end", "next_period"} & case.keys()
    following = scene.billed_next(made) if wanted else None
    local = lambda text: local_day(datetime.fromisoformat(text), scene.zone)  # noqa: E731
    if "effective" in case:
        last = case["events"][-1]
        off = last.get("coupon_percent_new") or last.get("coupon_percent") or 0
        price = number(last.get("to_price", 0)) * number(last.get("to_qty", 1)) * (1 - number(off) / 100)
        expected["effective"] = (local(case["effective"]), price) if price else None
        actual["effective"] = (following.service_from, following.full) if following else None
    if "new_period_end" in case:
        expected["new_period_end"] = local(case["new_period_end"])
        actual["new_period_end"] = following.service_from if following else None
    if "next_period" in case:
        expected["next_period"] = (local(case["next_period"]["start"]), local(case["next_period"]["end"]))
        actual["next_period"] = (following.cycle_from, following.cycle_to) if following else None


def _unknown(case: Case) -> str:
    """A word of the case that stands for nothing here."""
    words = [("convention", case["convention"], CONVENTIONS), ("pause_mode", case.get("pause_mode"), PAUSES)]
    words += [("action", event["action"], KINDS) for event in case["events"]]
    words += [("anchor", event.get("anchor"), ANCHORS) for event in case["events"]]
    return next((f"{name} {word}" for name, word, known in words if word not in known), "")


def anchor(case: Case, document: Document) -> Outcome:
    """The days on which cycles begin, as one bill run on the last of them bills them."""
    start = date.fromisoformat(str(case["start"]))
    starts = [date.fromisoformat(str(text)) for text in case["period_starts"]]
    fee = charge(plan="plan0", months=case["interval_months"])
    rules = {
        "pricing": {"method": "flat", "price": "10 EUR"},
        "proration": {"method": "actual_days"},
    }
    head = {"effective": {"from": date(2000, 1, 1)}, "owner": "case", "hit": "first"}
    files = {
        f"rules/{family}/case.yaml": yaml.safe_dump(
            {**head, "ruleset": f"{family}/case", "rules": [{"id": "all", "then": then}]}
        ).encode()
        for family, then in rules.items()
    }
    slips = not case["anchor_kept"]
    shop = Rules(compile_book(files, families.ALL), [fee], anchor_day=start.day, anchor_slips=slips)
    shop.know("start", start, "plan0", 1)
    return judged(case, starts, sorted(line.service_from for line in shop.run(starts[-1])))
