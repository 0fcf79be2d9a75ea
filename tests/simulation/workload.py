"""What happens to a simulated company, all of it drawn from one seed before anything runs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from tests.simulation.facts import (
    Account,
    Agreed,
    Era,
    Event,
    Rate,
    Redemption,
    Reversal,
    Subscription,
    Usage,
    in_currency,
)
from tests.simulation.life import DAY, legal
from tests.simulation.papers import Paper
from tests.simulation.world import REGIONS, USERS, Company, reprice

IMPORT_FAULTS = ("plain", "twice", "split", "unordered", "killed")
RUN_FAULTS = ("kill", "none", "exception", "twins", "kill", "again", "abandon", "none", "kill", "exception", "none")
TAX_FAULTS = ("transient", "none", "partial", "none", "double", "none", "timeout", "none", "silent", "none")
PAPERS = ("part", "part", "line", "all", "anew", "void", "void", "debit")
DELIVERY_FAULTS = ("ok", "transient", "timeout", "partial", "double", "retry", "silent", "ok")


@dataclass
class Batch:
    """A delivery of import files.  ``facts`` in the order in which they become known; ``again`` is known already;
    ``wrong`` is known with another body and must be refused."""

    on: date
    facts: list[Any]
    again: list[Any] = field(default_factory=list)
    wrong: list[Any] = field(default_factory=list)
    manner: str = "plain"
    trip: float = 0.0
    salt: int = 0


@dataclass
class PriceList:
    """A price list for days that no run has come to."""

    on: date
    era: Era


@dataclass
class RunStep:
    """A bill run: ``scope`` is an account or empty, ``trip`` where in the run the fault strikes (0 to 1), ``between`` what
    happens before the run goes on, ``tax`` how the tax adapter answers for ``tax_entity``."""

    on: date
    scope: str
    fault: str
    trip: float
    tax: str
    tax_entity: str
    salt: int
    between: list[Batch | PriceList] = field(default_factory=list)


@dataclass
class DeliverStep:
    """Documents go out; ``modes`` are how the adapter takes the calls, ``trip`` as in a run, 0 for no kill."""

    on: date
    modes: list[str]
    trip: float


@dataclass
class PaperStep:
    """A document that somebody makes by hand; ``fault`` is none, again, or a kill at ``trip``."""

    on: date
    paper: Paper
    fault: str
    trip: float


Step = Batch | PriceList | RunStep | DeliverStep | PaperStep


class Story:
    """The steps of one seed."""

    def __init__(self, random: Random, company: Company, months: int) -> None:
        self.random, self.company, self.months = random, company, months
        self.events: dict[str, list[Event]] = defaultdict(list)
        self.subscriptions: list[Subscription] = []
        self.zones = {account.key: account.zone for account in company.accounts}
        self.held: list[tuple[date, Usage]] = []
        self.sent: list[Usage] = []
        self.back: set[str] = set()
        self.counter = 0
        self.eras = [company.era]
        self.last_era = company.start

    def steps(self) -> list[Step]:
        """Everything, in order of business dates."""
        first = self.company.start
        before = first - timedelta(days=self.random.randint(5, 20))
        steps: list[Step] = [PriceList(before, self.company.era), self._first(before)]
        last = before
        for _month in range(self.months):
            following = _month_after(first)
            middle = first + timedelta(days=self.random.randint(7, 12))
            late = first + timedelta(days=self.random.randint(18, 25))
            steps.append(self._batch(last, middle))
            if self.random.random() < 0.3:
                steps.extend(self._runs(middle + self.random.randint(0, 4) * DAY))
            steps.append(self._batch(middle, late))
            steps.extend(self._price_list(late))
            end = following + self.random.choice([-1, 0, 0, 0, 1, 3]) * DAY
            if self.random.random() < 0.92:
                steps.extend(self._runs(end))
            first, last = following, late
        steps.append(self._batch(last, first + 6 * DAY))
        steps.extend(self._runs(first + timedelta(days=self.random.randint(28, 45)), alone=0.0))
        self._strike(steps)
        return steps

    # Runs and what goes wrong in them -----------------------------------------------------------------------------------

    def _runs(self, on: date, alone: float = 0.25) -> list[Step]:
        """One run of all, sometimes after one of a single account; then documents go out."""
        runs: list[Step] = []
        if self.random.random() < alone and self.subscriptions:
            scope = self.random.choice(self.subscriptions).account
            runs.append(self._run(on, scope))
            on += self.random.choice([0, 0, 1]) * DAY
        runs.append(self._run(on, ""))
        runs.extend(self._papers(on))
        runs.append(DeliverStep(on, [], 0.0))
        return runs

    def _papers(self, after: date) -> list[Step]:
        """What people make by hand between two runs."""
        made: list[Step] = []
        for _ in range(self.random.choice([0, 1, 1, 2])):
            self.counter += 1
            on = after + self.random.choice([0, 1]) * DAY
            after = on
            how, money = self.random.choice(PAPERS), Decimal(self.random.randint(10, 200))
            part, code = self.random.choice([10, 33, 50, 100]), self.random.choice(["standard", "reduced", "zero"])
            paper = Paper(f"P{self.counter}", on, how, self.random.random(), part, money, code)
            fault = self.random.choice(["none", "again", "kill"])
            made.append(PaperStep(on, paper, fault, self.random.random()))
        return made

    def _run(self, on: date, scope: str) -> RunStep:
        return RunStep(on, scope, "none", self.random.random(), "none", "", self.random.randrange(1 << 30))

    def _strike(self, steps: list[Step]) -> None:
        """Faults for the runs, imports and deliveries, so that every kind comes up as often as there is room for."""
        runs = [step for step in steps if isinstance(step, RunStep)]
        for run, fault, tax in zip(runs, self._dealt(RUN_FAULTS, runs), self._dealt(TAX_FAULTS, runs), strict=True):
            run.fault, run.tax = fault, tax
            run.tax_entity = self.random.choice(self.company.entities).key
            if fault in ("kill", "exception") and not run.scope and self.random.random() < 0.6:
                later = [step for step in steps[steps.index(run) + 1 :] if isinstance(step, PriceList)]
                if later and self.random.random() < 0.5:
                    steps.remove(later[0])
                    run.between.append(later[0])
        batches = [step for step in steps if isinstance(step, Batch)][1:]
        for batch, manner in zip(batches, self._dealt(IMPORT_FAULTS, batches), strict=True):
            batch.manner, batch.trip = manner, self.random.random()
        self._interrupt(steps)
        deliveries = [step for step in steps if isinstance(step, DeliverStep)]
        modes = self._dealt(DELIVERY_FAULTS, deliveries * 3)
        for place, delivery in enumerate(deliveries):
            delivery.modes = modes[3 * place : 3 * place + 3]
            delivery.trip = self.random.random() if self.random.random() < 0.25 else 0.0

    def _interrupt(self, steps: list[Step]) -> None:
        """Facts that come while a run is interrupted: taken out of the batch after it."""
        for place, step in enumerate(steps):
            if not isinstance(step, RunStep) or step.fault not in ("kill", "exception") or step.scope:
                continue
            later = next((one for one in steps[place:] if isinstance(one, Batch)), None)
            if later is None or self.random.random() < 0.4:
                continue
            early = [
                fact for fact in later.facts if isinstance(fact, Subscription | Event | Redemption | Usage | Reversal)
            ]
            early = early[: len(early) // 2]
            if early and isinstance(early[-1], Subscription):
                early.pop()  # its start comes with it
            if early:
                chosen = set(map(id, early))
                later.facts = [fact for fact in later.facts if id(fact) not in chosen]
                step.between.append(Batch(later.on, early))

    def _dealt(self, kinds: tuple[str, ...], to: list[Any]) -> list[str]:
        cards: list[str] = []
        while len(cards) < len(to):
            pack = list(kinds)
            self.random.shuffle(pack)
            cards.extend(pack)
        return cards[: len(to)]

    def _price_list(self, on: date) -> list[Step]:
        """Now and then a price list for a day that lies ahead."""
        if self.random.random() > 0.3:
            return []
        day = max(on, self.last_era) + timedelta(days=self.random.randint(12, 50))
        self.last_era = day
        self.eras.append(reprice(self.random, self.eras[-1], day))
        return [PriceList(on, self.eras[-1])]

    # Facts ---------------------------------------------------------------------------------------------------------------

    def _first(self, on: date) -> Batch:
        """Masters, and the subscriptions of the beginning."""
        facts: list[Any] = [*self.company.accounts, *self.company.contracts, *self.company.agreed]
        for account in self.company.accounts:
            for _ in range(self.random.choice([0, 1, 1, 2])):
                facts.extend(self._subscribe(account, on + timedelta(days=self.random.randint(-40, 50))))
        return Batch(on, [*facts, *self._rates(on)])

    def _subscribe(self, account: Account, on: date) -> list[Any]:
        self.counter += 1
        contracts = [c.key for c in self.company.contracts if c.account == account.key]
        contract = self.random.choice([*contracts, ""]) if contracts else ""
        anchor = self.random.choice([1, 1, 5, 15, 28, 29, 30, 31, self.random.randint(1, 31)])
        one = Subscription(account.entity, f"S{self.counter}", account.key, contract, anchor)
        start = Event(one.entity, one.key, "1", "start", on, self._plan(), self._quantity())
        self.subscriptions.append(one)
        self.events[one.key].append(start)
        return [one, start]

    def _plan(self) -> str:
        return self.random.choice(self.company.plans)

    def _quantity(self) -> Decimal:
        return Decimal(self.random.choice([1, 1, 2, 3, 5, 6, 9, 12, 17, "2.5"]))

    def _batch(self, last: date, on: date) -> Batch:
        """What becomes known after one day up to another."""
        facts: list[Any] = self._rates(on)
        facts.extend(self._agreements(on))
        again = self.random.sample(self.sent, min(len(self.sent), self.random.randint(0, 6)))
        wrong = [
            self._bent(one) for one in self.random.sample(self.sent, min(len(self.sent), self.random.choice([0, 1, 2])))
        ]
        if self.random.random() < 0.6:
            account = self.random.choice(self.company.accounts)
            facts.extend(self._subscribe(account, on + timedelta(days=self.random.randint(-30, 30))))
        for one in self.subscriptions:
            if self.random.random() < 0.3:
                facts.extend(self._happenings(one, on))
        facts.extend(self._redeemed(on))
        facts.extend(self._taken_back())
        facts.extend(self._used(last, on))
        return Batch(on, facts, again, wrong, salt=self.random.randrange(1 << 30))

    def _rates(self, on: date) -> list[Any]:
        made = []
        for currency in sorted(self.company.currencies - {"EUR"}):
            value = in_currency(Decimal(1), currency) * Decimal(self.random.randint(950, 1050)) / 1000
            made.append(Rate("EUR", currency, value, on))
        return made

    def _agreements(self, on: date) -> list[Any]:
        """A contract's price from a day on that no run has come to."""
        if not self.company.agreed or self.random.random() > 0.25:
            return []
        old = self.random.choice(self.company.agreed)
        unit = (old.unit * Decimal(self.random.randint(80, 125)) / 100).quantize(Decimal("0.0001"))
        day = on + timedelta(days=self.random.randint(12, 60))
        if any(a.on == day and a.contract == old.contract for a in self.company.agreed):
            return []
        new = Agreed(old.entity, old.contract, old.plan, old.charge, unit, old.currency, day)
        self.company.agreed.append(new)
        return [new]

    def _happenings(self, one: Subscription, on: date) -> list[Event]:
        """One event or two of a day, soon, today or long ago, that make sense."""
        known = self.events[one.key]
        reach = self.random.choice([(0, 0), (0, 35), (-15, 0), (-75, 0)])
        day = max(on + timedelta(days=self.random.randint(*reach)), known[0].on)
        made = []
        for _ in range(self.random.choice([1, 1, 1, 2])):
            for _ in range(4):
                kind = self.random.choice(["change"] * 6 + ["pause", "pause", "resume", "resume", "cancel", "start"])
                new = kind in ("change", "start")
                plan = self._plan() if kind == "start" or (new and self.random.random() < 0.4) else None
                quantity = self._quantity() if new and (plan is None or self.random.random() < 0.8) else None
                event = Event(one.entity, one.key, str(len(known) + 1), kind, day, plan, quantity)
                if legal([*known, event]):
                    known.append(event)
                    made.append(event)
                    break
        return made

    def _redeemed(self, on: date) -> list[Redemption]:
        """Coupons that some ask for, now or as of a day before or after; of a coupon one at a time, so that it is plain who was first."""
        made = []
        for coupon in self.company.coupons:
            if self.random.random() < 0.3:
                self.counter += 1
                one = self.random.choice(self.subscriptions)
                day = max(on + timedelta(days=self.random.choice([0, -9, 4, -40, 20])), self.events[one.key][0].on)
                made.append(Redemption(one.entity, one.key, f"R{self.counter}", coupon, day))
        return made

    def _used(self, last: date, on: date) -> list[Usage]:
        """Usage of the days since the last delivery, but for what comes late, and what is late from before."""
        for one in self.subscriptions:
            for _ in range(self.random.choice([0, 1, 2, 4])):
                self.counter += 1
                begin = datetime(last.year, last.month, last.day, tzinfo=UTC)
                at = begin + timedelta(seconds=self.random.randint(0, (on - last).days * 86_400 - 1))
                if self.random.random() < 0.2:
                    at = at.replace(hour=self.random.choice([0, 2, 10, 13, 22, 23]), minute=59, second=59)
                quantity = Decimal(self.random.choice([1, 7, 40, 95, 300, 1200, "0.5"]))
                meter = self.random.choice(sorted(self.company.catalogue.meters))
                delay = self.random.choice([0] * 7 + [20, 40, 70])
                where, who = self.random.choice(REGIONS), self.random.choice(USERS)
                used = Usage(one.entity, one.key, meter, f"U{self.counter}", at, quantity, where, who)
                self.held.append((on + delay * DAY, used))
        out = [usage for day, usage in self.held if day <= on]
        self.held = [(day, usage) for day, usage in self.held if day > on]
        self.random.shuffle(out)
        self.sent.extend(out)
        return out

    def _bent(self, one: Usage) -> Usage:
        return self.random.choice([replace(one, quantity=one.quantity + 1), replace(one, user=f"{one.user}x")])

    def _taken_back(self) -> list[Reversal]:
        """Some of what was sent, taken back by its source."""
        count = min(len(self.sent), self.random.choice([0, 0, 1, 2, 3]))
        gone = [one for one in self.random.sample(self.sent, count) if one.key not in self.back]
        self.back.update(one.key for one in gone)
        return [Reversal(one.entity, one.subscription, one.key) for one in gone]


def _month_after(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
