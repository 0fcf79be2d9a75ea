"""Lives through a month: the world outside acts, the books are told of it with faults, and the auditor judges in the end."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from engine.app import App
from engine.base.errors import TollbookError
from engine.base.money import exact_arithmetic
from engine.ports.contracts.fakes.stripe import StripeFake
from tests.payments_simulation import acts
from tests.payments_simulation.acts import ENVIRONMENT, Task, locked, perform, start
from tests.payments_simulation.auditor import Acts, Auditor, Document, Predicted
from tests.payments_simulation.bank import Bank
from tests.payments_simulation.judge import Disagreement, Judge
from tests.payments_simulation.money import ACCOUNTS, OWN, Rates
from tests.payments_simulation.office import Office
from tests.payments_simulation.outside import Outside
from tests.payments_simulation.people import AGAIN, DUE, DUE_AGAIN, ISSUED, Customer, people, settle
from tests.payments_simulation.story import DAYS, LAST, WORKING, Story
from tests.simulation.faults import Place, Stopped, clock_at, ended, stop, tripwire

DISTURBED = ("kill", "kill", "stop", "stop", "twice", "twice", "at once", "at once", "locked")
BESIDE = ("match", "tell", "ask")
"""What may be done at any time."""
AT_PROVIDER = ("broken-off", "error-after", "too-many", "error", "refused")


@dataclass(frozen=True)
class Size:
    """How large a simulation is: customers, how often something goes wrong with a command, and on each how manieth working day the
    company collects and asks to pay."""

    customers: int = 48
    faults: float = 0.25
    every: int = 1


@dataclass
class Outcome:
    """How a simulation ended; ``reason`` is empty where the auditor agrees."""

    seed: int
    reason: str = ""
    counts: Counter[str] = field(default_factory=Counter)


class Simulation:
    """One seed."""

    def __init__(self, seed: int, size: Size, place: Place, fake: StripeFake, say: Callable[[str], None]) -> None:
        self.random, self.size, self.place, self.say = Random(seed), size, place, say
        self.customers = people(self.random, size.customers)
        self.story = Story(self.random, self.customers)
        self.faults = Random(seed + 1)
        self.rates = Rates(Random(seed + 3))
        settle(place.folder, self.customers, self.rates, fake.url)
        self.bank = Bank(place.folder)
        self.outside = Outside(Random(seed + 2), self.customers, self.rates, self.bank, fake)
        self.fake = fake
        self.done = Acts()
        self.counts: Counter[str] = Counter()
        self.lengths: dict[str, int] = {}
        self.clock = datetime(2026, 2, 1, 6, tzinfo=UTC)
        self.late: list[tuple[date, Any]] = []
        self.heard = 0
        self._app: App | None = None
        self.office = Office(self)

    # The loop -----------------------------------------------------------------------------------------------------------

    def live(self) -> None:
        """The whole month.

        Raises:
            Disagreement: what is not as the auditor predicts.
        """
        with clock_at(self.clock), self.opened() as app:
            app.books.migrate()
        if wrong := self.do("import", self.place.folder / "data", sure=True).findings:
            raise Disagreement(f"the import of the company: {wrong[0].what}")
        for day in (ISSUED, AGAIN):
            self._turn(day, 6)
            self.do("bill", sure=True)
            self.do("deliver", sure=True)  # the invoice is the notice of a debit: later, the debit would be too
            self.do("debits")
        with self.opened() as app:
            self.outside.learn(_documents(app, self.customers))
        for day in DAYS:
            self.say(f"{day}")
            try:
                self._day(day)
            except TollbookError as error:
                raise Disagreement(f"{day}: {' '.join(str(error).split())}") from error
        self._end()
        self.close()
        with clock_at(self.clock), self.opened() as app:
            Judge(app, self.predicted()).judge()

    def predicted(self) -> Predicted:
        """What the auditor says that the books must have."""
        return Auditor(self.customers, self.outside.documents, self.rates, self.bank, self.fake, self.done).predict()

    def _turn(self, day: date, hour: int) -> None:
        """The clock goes on to an hour of a day, unless it is later already."""
        self.clock = max(self.clock, datetime(day.year, day.month, day.day, hour, tzinfo=UTC))
        self.fake.now = int(self.clock.timestamp())

    def _day(self, day: date) -> None:
        working = day == LAST or day in WORKING[:: self.size.every]
        self._turn(day, 6)
        if working:
            self.do("debits")
            for rejected in self.outside.morning(day, self.place.folder / "bank"):
                self.do("hear", rejected)
        events = self.story.events[day]
        self.outside.happen(day, events)
        self._statement(day)
        self._turn(day, 8)
        self.office.reserve(day)
        if working:
            self._collect(day)
        self._turn(day, 10)
        self._webhooks(day)
        self.office.persons(day)
        if working:
            self._turn(day, 14)
            self.do("approve")
            self.do("disputes")
            self.do("dun")
            self.done.dunned.append(day)
            self.do("deliver")

    def _statement(self, day: date) -> None:
        """The statements of a day, perhaps twice, perhaps with one before that overlaps; then everything is matched."""
        there = [one for one in ACCOUNTS if any(entry.day == day for entry in self.bank.of(one))]
        for currency in there:
            path = self._load(currency, day)
            notice = self.outside.notice(day, path) if currency == OWN else None
            if notice is not None:
                self.do("hear", notice)
        if not there:
            return
        if self.fake.payouts:
            self.do("payouts", day - timedelta(days=20))
        self.do("match")
        self.office.clerk(day)

    def _load(self, currency: str, day: date) -> Path:
        before = sorted({one.day for one in self.bank.of(currency) if one.day < day})
        if before and self.faults.random() < self.size.faults:
            self._expect("refused", self.do("load", self.bank.statement(currency, before[-1], day)))
            self.counts["statement that overlaps"] += 1
        path = self.bank.statement(currency, day, day)
        self._expect("booked known", self.do("load", path))
        if self.faults.random() < self.size.faults:
            again = self.bank.statement(currency, before[0], before[0]) if before else path
            self._expect("known", self.do("load", again))
            self.counts["statement that is known"] += 1
        return path

    def _expect(self, states: str, loaded: Any) -> None:
        found = [one.state for one in loaded.statements]
        if any(one not in states.split() for one in found):
            what = "; ".join(str(finding.what) for finding in loaded.findings)
            raise Disagreement(f"a statement is {found}, expected {states}: {what}")

    def _collect(self, day: date) -> None:
        if self.faults.random() < self.size.faults:
            fault = self.faults.choice(AT_PROVIDER)
            self.counts[f"provider {fault}"] += 1
            with self.fake.failing(fault):
                self.do("collect", undisturbed=True)
            self._turn(day, 9)
        self.do("collect")
        if day in (DAYS[-1], *WORKING[1::3]):
            self.clock += timedelta(minutes=30)
            self.do("tell")
            self.do("ask")

    def _webhooks(self, day: date) -> None:
        """Some come at once, some days later, some twice, in any order.

        What a dispute moves between currencies is worth what it is on the day on which it happened, so that news of it that cancel each
        other out before they are heard leave no exchange difference: those of foreign money come as they happen.
        """
        for event in self.fake.events[self.heard :]:
            if _foreign_dispute(event):
                self.late.append((day, event))
                continue
            for _ in range(self.faults.choice((1, 1, 1, 2))):
                self.late.append((day + timedelta(days=self.faults.choice((0, 0, 0, 1, 3))), event))
        self.heard = len(self.fake.events)
        due = [event for when, event in self.late if when <= day or day == LAST]
        self.late = [(when, event) for when, event in self.late if not (when <= day or day == LAST)]
        self.faults.shuffle(due)
        due.sort(key=lambda event: event["id"] if _foreign_dispute(event) else "")
        for event in due:
            self.counts["webhooks"] += 1
            body, headers = self.fake.signed(event, at=int(self.clock.timestamp()))
            self.do("event", body, headers)

    def _end(self) -> None:
        """The last evening: everything is told and asked that is in doubt, and the month's money is matched."""
        self._turn(LAST, 18)
        self.do("tell")
        self.do("ask")
        self._webhooks(LAST)
        self.do("payouts", DAYS[0])
        self.do("match")
        self.office.clerk(LAST)

    # Commands -----------------------------------------------------------------------------------------------------------

    @contextmanager
    def opened(self) -> Iterator[App]:
        """The application, as one process keeps it until something goes wrong."""
        if self._app is None:
            self._app = self.place.app()
        try:
            yield self._app
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the process: what comes next opens the application anew."""
        if self._app is not None:
            self._app.close()
            self._app = None

    def do(self, verb: str, *given: Any, sure: bool = False, undisturbed: bool = False, again: bool = True) -> Any:
        """A command, perhaps disturbed; where it was broken off, it is given again, if it may be: ``again``."""
        self.clock += timedelta(minutes=1)
        self.fake.now = int(self.clock.timestamp())
        task = Task(self.place, verb, self.clock, given)
        fault = "" if sure or undisturbed or self.faults.random() > self._odds(verb) else self.faults.choice(DISTURBED)
        self.counts[f"fault {fault or 'none'}"] += 1
        if fault in ("kill", "stop") and not self._broken(task, fault, again):
            return None
        if fault == "twice" and again:
            self._plain(task)
        if fault == "at once":
            return self._at_once(task, again)
        if fault == "locked":
            with locked(self.place.url):
                return self._plain(task)
        return self._plain(task)

    def _odds(self, verb: str) -> float:
        return self.size.faults * (0.2 if verb == "event" else 1)

    def _plain(self, task: Task) -> Any:
        with clock_at(task.moment), self.opened() as app, tripwire(0, stop) as count:
            result = perform(task, app)
        self.lengths[task.verb] = max(count[0], 2)
        return result

    def _at_once(self, task: Task, again: bool) -> Any:
        """Another process does the same at the same time, or something else; where this one is refused because of the other, it is given
        again, if it may be."""
        same = again and self.faults.random() < 0.5
        other = start(task if same else replace(task, verb=self.faults.choice(BESIDE), given=()))
        try:
            result = self._plain(task)
        except TollbookError as error:
            self.counts[f"at once: refused with {error.findings[0].code}"] += 1
            result = None
        if (how := ended(other)) not in ("done", "refused"):
            raise Disagreement(f"{task.verb} that was done twice at once ended with {how}")
        self.counts[f"at once: {how}"] += 1
        return self._plain(task) if result is None and again else result

    def _broken(self, task: Task, fault: str, again: bool) -> bool:
        """Break a command off at some statement; whether it is to be given again: always, unless it was done or must not be."""
        trip = 1 + int(self.faults.random() * self.lengths.get(task.verb, 40))
        if fault == "kill":
            self.close()
            how = ended(start(replace(task, trip=trip)))
            if how not in ("killed", "done"):
                raise Disagreement(f"{task.verb} that was to be killed ended with {how}")
        else:
            how = "done"
            try:
                with clock_at(task.moment), self.opened() as app, tripwire(trip, stop):
                    perform(task, app)
            except Stopped:
                how = "stopped"
        self.counts[f"{fault}: {how}"] += 1
        self.clock += timedelta(minutes=20)
        return again


def _foreign_dispute(event: Mapping[str, Any]) -> bool:
    return bool(event["type"].startswith("charge.dispute.") and event["data"]["object"]["currency"] != OWN.lower())


def _documents(app: App, customers: Sequence[Customer]) -> Iterator[Document]:
    """The invoices, as customers have got them: two for each, of what the contract says.

    Raises:
        Disagreement: where an invoice is of another amount.
    """
    with app.books.reader() as reader:
        heads = list(reader.invoices(app.config.tenant.key))
    for one in customers:
        mine = [(head["number"], head["total"]) for head in heads if head["payer"] == one.key]
        if [total for _, total in mine] != [one.owes(True), one.owes(False)]:
            raise Disagreement(f"{one.key} was invoiced {mine}, expected {one.owes(True)} and {one.owes(False)}")
        for (number, total), issued, due in zip(mine, (ISSUED, AGAIN), (DUE, DUE_AGAIN), strict=True):
            yield Document(one.key, number, total, issued, due, one.currency, tuple(one.lines(issued == ISSUED)))


def simulate(seed: int, size: Size, url: str | None, keep: Path | None, say: Callable[[str], None]) -> Outcome:
    """One seed, on books at an address or in a file of its own; what is left of it stays in ``keep``."""
    exact_arithmetic()
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="payments-")))
        folder.mkdir(parents=True, exist_ok=True)
        place = acts.opened(folder, url or f"sqlite:///{folder / 'books.db'}")
        before = {name: os.environ.get(name) for name in ENVIRONMENT}
        os.environ.update(ENVIRONMENT)
        stack.callback(_restore, before)
        fake = stack.enter_context(StripeFake().running())
        simulation = Simulation(seed, size, place, fake, say)
        outcome = Outcome(seed, counts=simulation.counts)
        try:
            simulation.live()
        except Disagreement as error:
            outcome.reason = " ".join(str(error).split())
        finally:
            simulation.close()
        return outcome


def _restore(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
