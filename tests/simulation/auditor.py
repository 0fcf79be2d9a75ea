"""The independent auditor: what must be on the books, from contracts, usage and the calendar alone.

It keeps accounts of its own, day by day and in whole minor units, by ``docs/concepts/net-owed.md`` and the reference of the
families.  It imports nothing of the engine, and never looks at what the engine billed to say what should be billed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from tests.simulation.coupons import Held, all_off, applying, lowered
from tests.simulation.coupons import turns as coupon_turns
from tests.simulation.facts import (
    Account,
    Agreed,
    Catalogue,
    Charge,
    Coupon,
    Entity,
    Era,
    Event,
    Lateness,
    Price,
    Redemption,
    Reversal,
    Subscription,
    Usage,
)
from tests.simulation.lateness import Judged, Mark, judge, late
from tests.simulation.life import DAY, Life, Stretch, cycle_days, pieces, share, stretches, turns
from tests.simulation.lines import Bill, Line, credit, credits_of, days_of, in_part, opened, part_of, runs, unit
from tests.simulation.meters import Used, quantity
from tests.simulation.papers import Asked, made, tax_of_credit
from tests.simulation.prices import cost, minor

FAR = timedelta(days=400)
"""More than the longest cycle."""

Off = Sequence[tuple[Coupon, int]]
"""Coupons in their order, each with the money in minor units that it takes off (0 for a percentage)."""
TaxOf = Callable[[Line, str, str], tuple[Fraction, str]]
"""(line, country of the payer, entity) -> rate and source of the tax."""


class Auditor:
    """Knows what was delivered and predicts each run."""

    def __init__(self, entities: Collection[Entity], catalogue: Catalogue, lateness: Iterable[Lateness]) -> None:
        self.entities = {entity.key: entity for entity in entities}
        self.catalogue = catalogue
        self.lateness = {one.charge: one for one in lateness}
        self.marks: dict[str, Mark] = {}
        self.dropped: set[str] = set()
        self.seen = 0
        self.tally: Counter[str] = Counter()
        self.first: dict[str, date] = {}
        self.accounts: dict[str, Account] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.events: dict[str, list[tuple[int, Event]]] = defaultdict(list)
        self.usage: dict[str, list[Used]] = defaultdict(list)
        self.held: dict[str, list[Held]] = defaultdict(list)
        self.asked: Counter[str] = Counter()
        self.agreed: dict[tuple[str, str, str], list[Agreed]] = defaultdict(list)
        self.eras: list[Era] = []
        self.lines: dict[tuple[str, str], list[Line]] = defaultdict(list)
        self.once: dict[str, set[tuple[str, str, date]]] = defaultdict(set)
        self.bills: list[Bill] = []
        self.done: set[tuple[date, str]] = set()
        self.known = 0

    # What becomes known -------------------------------------------------------------------------------------------------

    def learn(self, fact: object) -> None:
        """A fact becomes known, after those before it."""
        self.known += 1
        if isinstance(fact, Account):
            self.accounts[fact.key] = fact
        elif isinstance(fact, Subscription):
            self.subscriptions[fact.key] = fact
        elif isinstance(fact, Event):
            self.events[fact.subscription].append((self.known, fact))
        elif isinstance(fact, Redemption):
            self.asked[fact.coupon.key] += 1
            self.held[fact.subscription].append(Held(self.known, fact.coupon, fact.on, self.asked[fact.coupon.key]))
        elif isinstance(fact, Usage):
            zone = ZoneInfo(self.accounts[self.subscriptions[fact.subscription].account].zone)
            self.usage[fact.subscription].append(Used(self.known, None, fact.at.astimezone(zone).date(), fact))
        elif isinstance(fact, Reversal):
            used = self.usage[fact.subscription]
            place = next(n for n, one in enumerate(used) if one.event.key == fact.key)
            used[place] = replace(used[place], gone=self.known)
        elif isinstance(fact, Agreed):
            self.agreed[fact.contract, fact.plan, fact.charge].append(fact)
        elif isinstance(fact, Era):
            self.eras.append(fact)

    # What a run must bill -----------------------------------------------------------------------------------------------

    def run(
        self, on: date, scope: str, seen: int, tax_of: TaxOf, only: Collection[str] | None = None, end: bool = True
    ) -> list[Bill]:
        """The invoices that a run must make, and no others.

        ``scope`` is an account, or empty for all; ``seen`` the number of facts that were known when the run began;
        ``only`` the payers that it came to before it was given up; ``end`` whether it came to its end.
        """
        if (on, scope) in self.done:
            return []
        if end:
            self.done.add((on, scope))
        billed = {bill.payer for bill in self.bills if bill.on == on and not bill.by_hand}
        payers = defaultdict(list)
        for subscription in self.subscriptions.values():
            account = self.accounts[subscription.account]
            if scope and scope not in (account.key, account.payer):
                continue
            payers[account.payer].append(account.key)
        found = []
        for payer in sorted(payers):
            if payer not in billed and (only is None or payer in only):
                found.extend(self._payer(payer, on, seen, tax_of))
        self.bills.extend(found)
        return found

    def _payer(self, payer: str, on: date, seen: int, tax_of: TaxOf) -> Iterator[Bill]:
        groups: dict[tuple[str, str], list[Line]] = defaultdict(list)
        entity = self.entities[self.accounts[payer].entity]
        owned = {a.key for a in self.accounts.values() if a.payer == payer}
        for key in sorted(s.key for s in self.subscriptions.values() if s.account in owned):
            for line in self._subscription(self.subscriptions[key], on, seen):
                group = {"payer": "", "account": line.account, "subscription": line.subscription}[entity.group_by]
                groups[line.currency, group].append(line)
        for (currency, group), lines in sorted(groups.items()):
            for line in lines:
                self._tax(line, self.accounts[payer].country, entity.key, tax_of)
            kind = "invoice" if sum(line.amount for line in lines) >= 0 else "credit_note"
            written = f"{currency}/{group}" if group else currency
            yield Bill(entity.key, payer, on, currency, kind, written, tuple(lines))

    def _tax(self, line: Line, country: str, entity: str, tax_of: TaxOf) -> None:
        if line.credits is not None:
            tax_of_credit(line)
            return
        line.rate, line.source = tax_of(line, country, entity)
        line.tax = minor(Fraction(line.amount) * line.rate / unit(line.currency), line.currency)
        line.tax_left = line.tax

    # What people make by hand -------------------------------------------------------------------------------------------

    def paper(self, asked: Asked, number: str, tax_of: TaxOf) -> Bill:
        """The document that must exist after a paper; what is voided, or to be billed anew, is owed again."""
        account = self.accounts[asked.account]
        bill = made(asked, number, account)
        for line in bill.lines:
            self._tax(line, self.accounts[account.payer].country, account.entity, tax_of)
            back = line.credits
            if back and back.charge.kind == "one_time" and not back.stands:
                self.once[back.subscription].discard((back.charge.plan, back.charge.key, back.start))
            if back and asked.paper.how in ("anew", "void") and back.subscription in self.marks:
                self.marks[back.subscription] = replace(self.marks[back.subscription], on=None)
        self.bills.append(bill)
        return bill

    # One subscription ---------------------------------------------------------------------------------------------------

    def _subscription(self, subscription: Subscription, on: date, seen: int) -> list[Line]:
        events = [event for number, event in self.events[subscription.key] if number <= seen]
        if not events:
            return []
        life = Life(events, on + FAR)
        self.first[subscription.key] = life.first
        self.seen = seen
        usage = [one for one in self.usage[subscription.key] if one.counts(seen) and one.event.key not in self.dropped]
        made: list[Line] = []
        plans = {event.plan for event in events if event.plan}
        for kind, bill in (("recurring", self._recurring), ("usage", self._usage)):
            charges = [c for c in self.catalogue.charges if c.kind == kind and c.plan in plans]
            whole = [s for c in charges for s in stretches(life, c, subscription.anchor, on)]
            found = [part for one in whole for part in pieces(one, self._turns(subscription, one))]
            made.extend(bill(subscription, life, on, found, usage))
        made.extend(self._one_time(subscription, life, on))
        for line in made:
            self.lines[subscription.key, line.charge.kind].append(line)
        self.marks[subscription.key] = Mark(on, seen)
        return made

    def _recurring(self, sub: Subscription, life: Life, on: date, found: list[Stretch], usage: object) -> list[Line]:
        """Credits for billed days that are no longer owed on the same terms, then charges for owed days not billed."""
        billed = [line for line in self.lines[sub.key, "recurring"] if line.credits is None]
        plain: list[tuple[Stretch, Line]] = []
        for one in found:
            if one.due(on) or in_part(one, billed):
                plain.append((one, self._rated(sub, one, Fraction(one.quantity))))
        owed = [
            (one, self._rated(sub, one, line.quantity, off=off) if off else line)
            for (one, line), off in zip(plain, self._off(sub, plain), strict=True)
        ]
        wanted: dict[tuple[date, str, str], tuple[object, ...]] = {}
        for one, line in owed:
            for day in days_of(one.start, one.end):
                wanted[day, one.charge.plan, one.charge.key] = line.terms
        covered = {(day, line.terms) for line in billed for day in line.open}
        made: list[Line] = []
        for line in billed:
            made.extend(credits_of(line, wanted))
        for one, line in owed:
            missing = [day for day in days_of(one.start, one.end) if (day, line.terms) not in covered]
            for start, end in runs(missing):
                made.extend(part_of(line, one, start, end))
        return made

    def _rated(self, sub: Subscription, one: Stretch, quantity: Fraction, complete: bool = True, off: Off = ()) -> Line:
        """The line of a whole stretch: what it owes, as if nothing had been billed, less what coupons take ``off``."""
        account = self.accounts[sub.account]
        price = self._price(sub, account, one.charge, one.start)
        mode = "half_up" if isinstance(price, Fraction) else price.rounding

        def costs(part: Fraction) -> Fraction:
            if isinstance(price, Fraction):
                return lowered(quantity * price, off, unit(account.currency), part)
            whole = cost(price, quantity, account.currency, part, complete)
            return lowered(whole, off, unit(account.currency), part) * self._pays(sub, price, one.start)

        exact = costs(Fraction(1))
        amount = full = minor(exact, account.currency, mode)
        if one.charge.kind != "one_time" and (one.start, one.end) != one.cycle:
            worth = share(one.charge.proration, one.start, one.end, one.cycle, one.charge.months)
            amount = minor(costs(worth) if one.charge.kind == "usage" else exact * worth, account.currency, mode)
        return Line(
            sub.account, sub.key, one.charge, one.start, one.end, one.cycle, account.currency, quantity, full, amount
        )

    def _turns(self, sub: Subscription, one: Stretch) -> list[date]:
        """The days on which other coupons apply to a stretch, or its price enters another phase, by the list in force on its first day.

        A price that a contract agrees has no phases: usage enters none once it holds.
        """
        held = [held for held in self.held[sub.key] if held.known <= self.seen]
        coupons = coupon_turns((one.start, one.end), held, lambda day: self._coupons(sub, one.charge, day))
        return sorted({*coupons, *self._phases(sub, one)})

    def _coupons(self, sub: Subscription, charge: Charge, day: date) -> list[Coupon]:
        held = [one for one in self.held[sub.key] if one.known <= self.seen]
        if not held:
            return []
        first = self.first[sub.key]
        cycles = cycle_days(sub.anchor, charge.months, first, day + FAR)
        return applying(held, charge, day, self.accounts[sub.account].currency, cycles)

    def _off(self, sub: Subscription, beside: Sequence[tuple[Stretch, Line]]) -> Sequence[Off]:
        """What each coupon takes off each stretch; money is for all that are billed ``beside`` each other, by their prices of a cycle, one
        coupon after the other."""

        def left(place: int, off: Off) -> int:
            one, line = beside[place]
            return self._rated(sub, one, line.quantity, off=off).full if off else line.full

        def found(one: Stretch, charge: Charge) -> list[Coupon]:
            return self._coupons(sub, replace(charge, months=one.charge.months), one.start)

        return all_off(self.held[sub.key], [one for one, _ in beside], left, found, self.catalogue.charges)

    def _phases(self, sub: Subscription, one: Stretch) -> list[date]:
        price = self._price(sub, self.accounts[sub.account], one.charge, one.start)
        if isinstance(price, Fraction):
            return []
        found = turns(price.ramp, self.first[sub.key])
        if one.charge.kind == "recurring":
            return found
        agreed = self.agreed[sub.contract, one.charge.plan, one.charge.key]
        return [day for day in found if not any(a.on is None or a.on < day for a in agreed)]

    def _pays(self, sub: Subscription, price: Price, day: date) -> Fraction:
        """The share of a price that is paid in the phase of a day."""
        ends = turns(price.ramp, self.first[sub.key])
        shares = (pays for end, (_, _, pays) in zip(ends, price.ramp, strict=True) if day < end)
        return Fraction(next(shares, Decimal(1)))

    def _price(self, sub: Subscription, account: Account, charge: Charge, day: date) -> Price | Fraction:
        """The price in force on a day: the contract's unit price where it has one, else the list's."""
        agreed = [a for a in self.agreed[sub.contract, charge.plan, charge.key] if a.on is None or a.on <= day]
        if agreed:
            return Fraction(max(agreed, key=lambda a: a.on or date.min).unit)
        era = max((e for e in self.eras if e.on <= day), key=lambda e: e.on)
        key = (charge.plan, charge.key)
        return era.prices.get((*key, account.segment)) or era.prices[*key, ""]

    def _usage(
        self,
        sub: Subscription,
        life: Life,
        on: date,
        found: list[Stretch],
        usage: list[Used],
    ) -> list[Line]:
        """What each stretch owes for what was used in it, less what was billed for exactly that stretch; what was billed before its
        time stays until then."""
        every = [line for line in self.lines[sub.key, "usage"] if line.credits is None]
        billed = [line for line in every if line.stands]
        early = {(line.charge, line.start, line.end) for line in billed}
        found = [replace(one, wait=self.lateness[one.charge.key].grace) for one in found]
        owed = []
        for one in found:
            stays = (one.charge, one.start, one.end) in early
            if one.due(on) or (in_part(one, billed) and not stays):
                owed.append(one)
        judged = self._late(sub, on, found, owed, usage, every)
        self.dropped |= judged.dropped
        usage = [one for one in usage if one.event.key not in judged.dropped]
        before: dict[tuple[Charge, date, date], list[Line]] = defaultdict(list)
        again = {(one.charge, one.start, one.end) for one in judged.anew}
        kept = {(one.charge, one.start, one.end) for one in found} - {(one.charge, one.start, one.end) for one in owed}
        made: list[Line] = []
        for line in billed:
            key = (line.charge, line.start, line.end)
            if key in again and line.left:
                made.append(credit(line, line.start, line.end, -line.left))
            elif key not in kept:
                before[key].append(line)
        for one in owed:
            line = self._counted(sub, one, on, usage)
            lines = before.pop((one.charge, one.start, one.end), [])
            line.amount -= sum(x.left + x.given for x in lines)
            line.quantity -= sum(x.quantity for x in lines)
            line.events -= sum(x.events for x in lines)
            if line.amount:
                made.append(opened(line))
        for orphans in before.values():
            for line in (one for one in orphans if one.left):
                made.append(credit(line, line.start, line.end, -line.left))
        return made

    def _counted(self, sub: Subscription, one: Stretch, on: date, usage: Sequence[Used]) -> Line:
        meter, zone = self.catalogue.meters[one.charge.meter], self.accounts[sub.account].zone
        total, events = quantity(one.charge, meter, usage, (one.start, one.end), one.cycle, zone)
        line = self._rated(sub, one, total, one.end <= on)
        if off := self._off(sub, [(one, line)])[0]:
            line = self._rated(sub, one, total, one.end <= on, off)
        line.events = events
        return line

    def _late(
        self,
        sub: Subscription,
        on: date,
        found: list[Stretch],
        owed: list[Stretch],
        usage: list[Used],
        every: list[Line],
    ) -> Judged:
        mark = self.marks.get(sub.key)
        if mark is None:
            return Judged()
        came = late(self.usage[sub.key], mark, self.seen, self.dropped)
        if not came:
            return Judged()

        def owes(only: Stretch | None, gone: set[str]) -> int:
            left = [one for one in usage if one.event.key not in gone]
            return sum(self._counted(sub, one, on, left).amount for one in (owed if only is None else [only]))

        events = [event for number, event in self.events[sub.key] if mark.seen < number <= self.seen]
        coupons = [held for held in self.held[sub.key] if mark.seen < held.known <= self.seen]

        def changed(one: Stretch) -> bool:
            days = [(held, max(held.on, one.start)) for held in coupons if held.on <= one.end]
            applied = (held.coupon in self._coupons(sub, one.charge, day) for held, day in days if day < one.cycle[1])
            other = (x.on < one.end or (x.on == one.end and x.kind != "change") for x in events)
            return any(other) or any(applied)

        account, meters = self.accounts[sub.account], self.catalogue.meters
        judged = judge(on, account, mark, found, came, changed, every, self.lateness, meters, owes)
        self.tally["usage events since the last run"] += len(came)
        self.tally["late events dropped"] += len(judged.dropped)
        self.tally["stretches billed anew"] += len(judged.anew)
        return judged

    def _one_time(self, sub: Subscription, life: Life, on: date) -> list[Line]:
        made = []
        for day, plan, count in life.begins():
            for charge in self.catalogue.of(plan, "one_time"):
                if day > on or (plan, charge.key, day) in self.once[sub.key]:
                    continue
                cycle = (day, day + DAY)
                one = Stretch(charge, cycle, day, day + DAY, count, True)
                line = self._rated(sub, one, Fraction(count))
                if line.amount:
                    self.once[sub.key].add((plan, charge.key, day))
                    made.append(opened(line))
        return made
