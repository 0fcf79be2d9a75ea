"""What people of the company do: a clerk settles money that waits, others do what customers ask for; some try what must be refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.base.errors import TollbookError
from tests.payments_simulation.judge import Disagreement
from tests.payments_simulation.money import cut
from tests.payments_simulation.story import Event
from tests.simulation.faults import clock_at

if TYPE_CHECKING:
    from tests.payments_simulation.drive import Simulation


class Office:
    """People of the company; what they decide is noted for the auditor."""

    def __init__(self, live: Simulation) -> None:
        self.live, self.outside, self.done = live, live.outside, live.done
        self.read = 0
        self.what: Mapping[str, Callable[[date, Event, str], None]] = {
            "promises": self._promises,
            "hopeless": self._gives_up,
            "pays": self._lets_go,
            "refund": self._refunds,
            "holds": self._holds,
            "insolvent": self._holds,
            "plans": self._plans,
            "regrets": self._regrets,
            "void": self._voids,
        }

    def persons(self, day: date) -> None:
        """What people do because customers ask for it, are without money, or have written a letter."""
        for event in self.live.story.events[day]:
            if event.customer is not None and event.what in self.what:
                self.what[event.what](day, event, event.customer.key)
        for number, letter in enumerate(self.outside.letters[self.read :], self.read + 1):
            path = self.live.place.folder / f"letter-{number}.json"
            path.write_text(json.dumps(letter))
            self.read = number
            self.live.counts["letters of the provider"] += 1
            self.live.do("letter", path)

    def reserve(self, day: date) -> None:
        """What is due is reserved on some cards, and taken in part; more than was reserved is refused."""
        for event in self.live.story.events[day]:
            if event.what != "reserves" or event.customer is None:
                continue
            one = event.customer
            self.live.do("reserve", one.key)
            while (payment := self._payment(one.key)).state == "authorized":
                self._refused("capture", payment.key, payment.amount + 1)
                self.live.do("capture", payment.key, one.some(event.part), again=False)

    def _payment(self, key: str) -> Any:
        with clock_at(self.live.clock), self.live.opened() as app:
            (found,) = app.payments.listed(account=key)
        return found

    def clerk(self, day: date) -> None:
        """A person looks at money that waits, and knows from customers what it was for."""
        going: dict[str, Decimal] = {}
        for _ in range(8):
            with clock_at(self.live.clock), self.live.opened() as app:
                waiting = [
                    (one, app.cash.entry(one.entry, day).references["bank_ref"]) for one in app.cash.waiting(day)
                ]
            for ref in going.keys() - {ref for _, ref in waiting}:
                self.outside.send(day, ref, going.pop(ref))
            decided = [(one, ref, self.outside.decide(ref)) for one, ref in waiting]
            open_ = [(one, ref, how) for one, ref, how in decided if how]
            if not open_:
                return
            for one, ref, how in open_:
                self._settle(day, one, ref, how, going)
        raise Disagreement(f"{day}: money waits that the clerk cannot settle: {[ref for _, ref, _ in open_]}")

    def _settle(self, day: date, one: Any, ref: str, how: str, going: dict[str, Decimal]) -> None:
        self.live.counts[f"money {how}"] += 1
        self.done.money[ref] = how
        booked = self.live.bank.entry(ref)
        if how == "apply":
            self.live.do("apply", one.entry, booked.numbers, again=False)
        elif how == "stand again" and not self._open(booked.whom, booked.numbers[0]):
            (given,) = [each for each in self.done.given_up if each[1] == booked.numbers[0]]
            self.live.do("undo", f"give-up/{given[2]}/{given[0]}/{given[1]}", again=False)
            self.done.undone[booked.numbers[0]] = day
        elif how == "stand again":
            self.live.do("apply", one.entry, booked.numbers, again=False)
        elif how == "keep":
            self._refused("apply", one.entry, booked.numbers)
            self.live.do("keep", one.entry, booked.whom, again=False)
        else:
            going[ref] = one.left
            self.live.do("send back", one.entry, how, one.left, again=False)

    def _refused(self, verb: str, *given: Any) -> None:
        """What must not be done is tried.

        Raises:
            Disagreement: where it was done.
        """
        self.live.counts[f"refused: {verb}"] += 1
        try:
            self.live.do(verb, *given, sure=True)
        except TollbookError:
            return
        raise Disagreement(f"{verb} {given} was to be refused")

    def _open(self, key: str, number: str) -> Decimal:
        """What the books have open of an invoice: looked at before what may be done only once is done again."""
        with clock_at(self.live.clock), self.live.opened() as app:
            return sum((item.left for item in app.accounts.shown(key).items if item.number == number), Decimal(0))

    # What customers ask for -------------------------------------------------------------------------------------------------

    def _promises(self, day: date, event: Event, key: str) -> None:
        self.done.promises[key] = (day, event.until)
        self.live.do("promise", key, event.until)

    def _gives_up(self, day: date, event: Event, key: str, why: str = "bad_debt") -> None:
        number = self.outside.documents[key][0].number
        self.done.given_up.append((day, number, why))
        self.live.do("write off", number, why, None)

    def _lets_go(self, day: date, event: Event, key: str) -> None:
        if event.customer is not None and event.customer.fate == "less a fee":
            self._gives_up(day, event, key, "fee")

    def _refunds(self, day: date, event: Event, key: str) -> None:
        customer = event.customer
        if customer is None or (payment := self.outside.taken(customer)) is None:
            return
        self._refused("refund", payment, f"more-{key}", customer.owes(True) * 2)
        self.live.do("refund", payment, f"back-{key}", customer.some(event.part) or None)

    def _holds(self, day: date, event: Event, key: str) -> None:
        self.done.held[key] = (day, event.until or date.max)
        self.live.do("hold", key, event.until, "insolvency" if event.what == "insolvent" else "hold")

    def _plans(self, day: date, event: Event, key: str) -> None:
        """A plan in two instalments, which the customer keeps."""
        one, last = self.outside.documents[key][0], event.until
        assert last is not None and event.customer is not None
        half = cut(one.total / 2, event.customer.currency)
        first = min(each.day for some in self.live.story.events.values() for each in some if _pays(each, key))
        self.done.held[key] = (day, date.max)
        self.live.do("plan", key, ((first, half), (last, one.total - half)), one.number)

    def _regrets(self, day: date, event: Event, key: str) -> None:
        """Money was applied to the wrong customer, somebody thinks, and looks again."""
        number = self.outside.documents[key][0].number
        (ref,) = [one.ref for one in self.live.bank.entries if one.whom == key]
        while not self._open(key, number):
            with clock_at(self.live.clock), self.live.opened() as app, app.books.reader() as reader:
                (entry,) = reader.entries_with(app.config.tenant.key, "E1", bank_ref=ref)
            self.live.do("unapply", entry.entry.id, again=False)
        self.live.do("match")
        self.clerk(day)

    def _voids(self, day: date, event: Event, key: str) -> None:
        number = self.outside.documents[key][0].number
        while self._open(key, number):
            self.live.do("void", number, again=False)
        self.done.void[number] = day


def _pays(event: Event, key: str) -> bool:
    return event.what == "pays" and event.customer is not None and event.customer.key == key
