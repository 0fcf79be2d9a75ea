"""The independent auditor: what must be on the books, from contracts, usage and the calendar alone.

It keeps accounts of its own, day by day and in whole minor units, by ``docs/concepts/net-owed.md`` and the reference of the
families.  It imports nothing of the engine, and never looks at what the engine billed to say what should be billed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from datetime import date, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from tests.simulation.facts import (
    Account,
    Agreed,
    Catalogue,
    Charge,
    Entity,
    Era,
    Event,
    Price,
    Subscription,
    Usage,
)
from tests.simulation.life import DAY, Life, Stretch, share, stretches
from tests.simulation.lines import Bill, Line, credit, credits_of, days_of, in_part, opened, part_of, runs, unit
from tests.simulation.prices import cost, minor

FAR = timedelta(days=400)
"""More than the longest cycle."""

TaxOf = Callable[[Line, str, str], tuple[Fraction, str]]
"""(line, country of the payer, entity) -> rate and source of the tax."""


class Auditor:
    """Knows what was delivered and predicts each run."""

    def __init__(self, entities: Collection[Entity], catalogue: Catalogue) -> None:
        self.entities = {entity.key: entity for entity in entities}
        self.catalogue = catalogue
        self.accounts: dict[str, Account] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.events: dict[str, list[tuple[int, Event]]] = defaultdict(list)
        self.usage: dict[str, list[tuple[int, date, str, Fraction]]] = defaultdict(list)
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
        elif isinstance(fact, Usage):
            zone = ZoneInfo(self.accounts[self.subscriptions[fact.subscription].account].zone)
            entry = (self.known, fact.at.astimezone(zone).date(), fact.meter, Fraction(fact.quantity))
            self.usage[fact.subscription].append(entry)
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
        billed = {bill.payer for bill in self.bills if bill.on == on}
        payers = defaultdict(list)
        for subscription in self.subscriptions.values():
            account = self.accounts[subscription.account]
            if scope and scope not in (account.key, account.payer):
                continue
            payers[account.payer].append(account.key)
        made = []
        for payer in sorted(payers):
            if payer not in billed and (only is None or payer in only):
                made.extend(self._payer(payer, on, seen, tax_of))
        self.bills.extend(made)
        return made

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
        before = line.credits
        if before is None:
            line.rate, line.source = tax_of(line, country, entity)
            line.tax = minor(Fraction(line.amount) * line.rate / unit(line.currency), line.currency)
            line.tax_left = line.tax
            return
        line.rate, line.source = before.rate, before.source
        part = minor(Fraction(line.amount) * line.rate / unit(line.currency), line.currency)
        before.net_left += line.amount
        line.tax = part if before.net_left and abs(part) < abs(before.tax_left) else -before.tax_left
        before.tax_left += line.tax

    # One subscription ---------------------------------------------------------------------------------------------------

    def _subscription(self, subscription: Subscription, on: date, seen: int) -> list[Line]:
        events = [event for number, event in self.events[subscription.key] if number <= seen]
        if not events:
            return []
        life = Life(events, on + FAR)
        usage = [one[1:] for one in self.usage[subscription.key] if one[0] <= seen]
        made: list[Line] = []
        plans = {event.plan for event in events if event.plan}
        for kind, bill in (("recurring", self._recurring), ("usage", self._usage)):
            charges = [c for c in self.catalogue.charges if c.kind == kind and c.plan in plans]
            found = [s for c in charges for s in stretches(life, c, subscription.anchor, on)]
            made.extend(bill(subscription, life, on, found, usage))
        made.extend(self._one_time(subscription, life, on))
        for line in made:
            self.lines[subscription.key, line.charge.kind].append(line)
        return made

    def _recurring(self, sub: Subscription, life: Life, on: date, found: list[Stretch], usage: object) -> list[Line]:
        """Credits for billed days that are no longer owed on the same terms, then charges for owed days not billed."""
        billed = [line for line in self.lines[sub.key, "recurring"] if line.credits is None]
        owed: list[tuple[Stretch, Line]] = []
        for one in found:
            if one.due(on) or in_part(one, billed):
                owed.append((one, self._rated(sub, one, Fraction(one.quantity))))
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

    def _rated(self, sub: Subscription, one: Stretch, quantity: Fraction) -> Line:
        """The line of a whole stretch: what it owes, as if nothing had been billed."""
        account = self.accounts[sub.account]
        price = self._price(sub, account, one.charge, one.start)
        exact = quantity * price if isinstance(price, Fraction) else cost(price, quantity, account.currency)
        mode = "half_up" if isinstance(price, Fraction) else price.rounding
        full = minor(exact, account.currency, mode)
        amount = full
        if one.charge.kind == "recurring" and (one.start, one.end) != one.cycle:
            worth = share(one.charge.proration, one.start, one.end, one.cycle, one.charge.months)
            amount = minor(exact * worth, account.currency, mode)
        return Line(
            sub.account, sub.key, one.charge, one.start, one.end, one.cycle, account.currency, quantity, full, amount
        )

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
        usage: list[tuple[date, str, Fraction]],
    ) -> list[Line]:
        """What each stretch owes for what was used in it, less what was billed for exactly that stretch."""
        billed = [line for line in self.lines[sub.key, "usage"] if line.credits is None and line.left]
        before: dict[tuple[Charge, date, date], list[Line]] = defaultdict(list)
        for line in billed:
            before[line.charge, line.start, line.end].append(line)
        made: list[Line] = []
        for one in found:
            if not (one.due(on) or in_part(one, billed)):
                continue
            used = [q for day, meter, q in usage if meter == one.charge.meter and one.start <= day < one.end]
            how = self.catalogue.meters[one.charge.meter]
            total = {"sum": sum(used, Fraction(0)), "count": Fraction(len(used)), "max": max(used, default=Fraction(0))}
            line = self._rated(sub, one, total[how])
            lines = before.pop((one.charge, one.start, one.end), [])
            line.amount -= sum(x.left for x in lines)
            line.quantity -= sum(x.quantity for x in lines)
            line.events = len(used) - sum(x.events for x in lines)
            if line.amount:
                made.append(opened(line))
        for orphans in before.values():
            for line in orphans:
                made.append(credit(line, line.start, line.end, -line.left))
        return made

    def _one_time(self, sub: Subscription, life: Life, on: date) -> list[Line]:
        made = []
        for day, plan, quantity in life.begins():
            for charge in self.catalogue.of(plan, "one_time"):
                if day > on or (plan, charge.key, day) in self.once[sub.key]:
                    continue
                cycle = (day, day + DAY)
                one = Stretch(charge, cycle, day, day + DAY, quantity, True)
                line = self._rated(sub, one, Fraction(quantity))
                if line.amount:
                    self.once[sub.key].add((plan, charge.key, day))
                    made.append(opened(line))
        return made
