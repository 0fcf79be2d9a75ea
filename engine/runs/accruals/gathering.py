"""What is delivered and unbilled at the end of a month, by the computation of a bill run as of the day after it.

The books are looked at as they stood: lines of documents that are dated later, and usage of later days, are left out, and what
such documents have billed is rated again.  Recurring charges in arrears are rated as if they were billed early in their cycle, so
that a cycle that goes beyond the month has its line; the days of the month are taken from it.

What is billed for a revenue contract is left to that: it is earned there, whether it is billed or not.  What waits for an event is
not revenue before it, billed or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import msgspec

from engine.base.errors import Finding
from engine.base.money import ZERO
from engine.billing.job import THRESHOLD, Job
from engine.billing.statement import statement
from engine.model.account import Account
from engine.model.accrual import Accruable, AccrualFacts, AccrualKey
from engine.model.catalog import Plan
from engine.model.due import AccountDue, PayerDue, SubscriptionDue
from engine.model.invoice import BilledLine, RatedCharge
from engine.model.revenue import RevenueEvent
from engine.model.subscription import SubscriptionEvent
from engine.revenue.accruing import delivered
from engine.revenue.schedule import RevenueFacts
from engine.runs.accruals.netting import net
from engine.runs.billing.late_step import stopped
from engine.runs.billing.read import Pinned, gather
from engine.runs.revenue.covering import Covering
from engine.runs.revenue.facts import happened
from engine.runs.revenue.planning import accepted
from engine.runs.run import Parts, attempt
from engine.store.accruals import invoiced_after
from engine.store.reader import Reader
from engine.store.reversal import reversible

AS_OF = f"{THRESHOLD} accrual"
"""The occasion of a computation that bills usage as far as it was measured."""
LOOKED_AT = "accrued"
"""Key of the event that is imagined, so that service is looked at again that was billed later."""


class Gathered(msgspec.Struct):
    """What is wanted of each key; subscriptions that could not be rated, by (entity, key), keep what stands; so do legal entities
    that are ``held``."""

    wanted: dict[AccrualKey, Accruable] = {}
    unknown: set[tuple[str, str]] = set()
    held: set[str] = set()
    findings: list[Finding] = []


def collect(parts: Parts, reader: Reader, pinned: Pinned, payers: tuple[str, str, str], into: Gathered) -> None:
    """Add what payers (entity, first, last) were served before the day of ``pinned`` and are not billed."""
    end = pinned.on
    later, since = invoiced_after(reader, parts.tenant, payers, end)
    ident = pinned.seen["events"] + 1
    imagined = {one: SubscriptionEvent(ident, LOOKED_AT, "rerate", day) for one, day in since.items()}
    job, dues = gather(parts, reader, end, pinned.seen, payers, imagined, AS_OF)
    if stopped(job):
        into.held.add(payers[0])
        return
    desk = _Collector(parts, reader, job, into)
    for due in dues:
        for owner in due.accounts:
            for taken in owner.subscriptions:
                desk.add(due, owner, as_of(taken, later, end))


def early(plans: Mapping[str, Plan]) -> Mapping[str, Plan]:
    """The catalogue with recurring charges in arrears billed on any day of their cycle."""
    replace = msgspec.structs.replace

    def of(plan: Plan) -> Plan:
        late = any(one.kind == "recurring" and one.timing == "arrears" for one in plan.charges)
        if not late:
            return plan
        return replace(
            plan,
            charges=tuple(
                replace(one, timing="arrears_early") if one.kind == "recurring" and one.timing == "arrears" else one
                for one in plan.charges
            ),
        )

    return {key: of(plan) for key, plan in plans.items()}


def as_of(taken: SubscriptionDue, later: set[int], end: date) -> SubscriptionDue:
    """A subscription as the books had it before the day ``end``: without the lines ``later``, and without usage from that day on."""

    def before(lines: Sequence[BilledLine]) -> tuple[BilledLine, ...]:
        return tuple(line for line in lines if line.id not in later)

    return msgspec.structs.replace(
        taken,
        billed=before(taken.billed) if later else taken.billed,
        settled=before(taken.settled) if later else taken.settled,
        elsewhere=before(taken.elsewhere) if later else taken.elsewhere,
        usage=tuple(one for one in taken.usage if one.day < end),
        singles=tuple(one for one in taken.singles if one.day < end),
    )


class _Collector:
    """Rates the subscriptions of one legal entity, and asks the rules what of their lines is accrued."""

    def __init__(self, parts: Parts, reader: Reader, job: Job, into: Gathered) -> None:
        self._parts, self._reader, self._into = parts, reader, into
        self._plans = job.plans
        self._job = msgspec.structs.replace(job, plans=early(job.plans), events_seen=job.events_seen + 1)
        self._last = job.on - timedelta(days=1)
        self._events: list[RevenueEvent] | None = None

    def add(self, due: PayerDue, owner: AccountDue, taken: SubscriptionDue) -> None:
        """Add what one subscription was served and is not billed; nothing of it where it cannot be rated."""
        job, into, name = self._job, self._into, taken.subscription.key

        def found() -> list[tuple[AccrualKey, Accruable]]:
            made = statement(job, owner, taken)
            lines = self._own([line for line in made.charges if line.amount and line.service_from < job.on])
            if any(line.tax_included for line in lines):
                lines = net(self._parts, self._reader, job, due, owner, lines)
            return [one for line in lines for one in self._judged(due.payer, owner.account, line)]

        items = attempt(found, f"subscription/{name}", into.findings)
        if items is None:
            into.unknown.add((job.entity.key, name))
            return
        for key, one in items:
            there = into.wanted.get(key)
            if there is not None:
                one = Accruable(max(there.service_to, one.service_to), there.amount + one.amount, one.decision)
            into.wanted[key] = one

    def _own(self, lines: list[RatedCharge]) -> list[RatedCharge]:
        """Lines that are billed for no revenue contract."""
        if not self._job.covers:
            return lines
        credits = [line.credits for line in lines if line.credits]
        covering = Covering(self._job.covers, reversible(self._reader, credits) if credits else {})
        return [line for line in lines if covering.of(line) is None]

    def _judged(self, payer: Account, account: Account, line: RatedCharge) -> Iterator[tuple[AccrualKey, Accruable]]:
        """What of a line is accrued, as the rules say."""
        days = (line.service_from, line.service_to)
        what = (line.plan, line.charge, line.kind, self._timing(line), line.product, line.currency, line.amount)
        facts = AccrualFacts(self._job.entity.key, account, *what, *days, self._last)
        decision = self._parts.rules.decide("accrual", facts, self._last)
        terms = decision.terms
        if not terms["accrue"]:
            return
        part = terms["part"]
        earned, waits = self._earned(line)
        amount = earned if waits or part == "schedule" else delivered(line, self._job.on, part)
        if not amount or abs(amount) < terms["minimum"]:
            return
        whose = (self._job.entity.key, payer.key, line.account, line.subscription)
        key = AccrualKey(
            *whose,
            line.plan,
            line.charge,
            line.product,
            payer.country,
            terms["role"],
            line.currency,
            line.service_from,
        )
        yield key, Accruable(min(line.service_to, self._job.on), amount, decision.id)

    def _earned(self, line: RatedCharge) -> tuple[Decimal, bool]:
        """What the revenue rule of a line has earned by the end of the month, if it was invoiced then; and whether all of the line
        is planned, or a part waits for what has not happened."""
        entity, last = self._job.entity.key, self._last
        days = (line.service_from, line.service_to, last)
        facts = RevenueFacts(
            *(entity, line.product, line.kind, *days, line.amount, line.currency, "", line.quantity or Decimal(1)),
            happenings=(*accepted(line.exact, line.service_from), *happened(self._told(line))),
        )
        decision = self._parts.rules.decide("revrec", facts, line.service_from)
        assert decision.method is not None
        items = decision.method(decision.terms, facts)
        waits = sum((item.amount for item in items), ZERO) != line.amount
        return sum((item.amount for item in items if item.on <= last), ZERO), waits

    def _told(self, line: RatedCharge) -> list[RevenueEvent]:
        """Events of a line's charge, and of the line that it gives back."""
        if self._events is None:
            entity = self._job.entity.key
            self._events = [one for *_, one in self._reader.revenue_events(self._parts.tenant, entity=entity)]
        return [
            one
            for one in self._events
            if (
                one.line == line.credits
                if one.line
                else (one.subscription, one.charge) == (line.subscription, line.charge)
            )
        ]

    def _timing(self, line: RatedCharge) -> str:
        """When a charge is billed, as the catalogue says."""
        plan = self._plans.get(line.plan)
        return next((one.timing for one in plan.charges if one.key == line.charge), "") if plan else ""
