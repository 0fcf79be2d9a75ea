"""The story of a month: what customers, their banks and the provider of cards do on each day, drawn from the seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from tests.payments_simulation.people import DUE, Customer

D = Decimal
WHOLE, NOTHING = D(1), D(0)
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
DAYS = [FIRST + timedelta(days=n) for n in range(31)]
WORKING = [day for day in DAYS if day.weekday() < 5]
WORDS = ("Rechnung {}", "invoice {}", "{}", "betaling factuur {} dank u", "facture {} merci", "re: {}")

REFUNDS = {"refunded": D(20), "given back": NOTHING, "refund fails": D(5)}
"""What of a card is given back, roughly in euros; all of it where it is nothing.  Sums that go back and come again are under the minimum of
dunning."""
DISPUTES = {
    "disputed, won": ("disputes", "decided, won"),
    "disputed, lost": ("disputes", "decided"),
    "asked, dropped": ("asks", "decided, won"),
    "asked, disputed, lost": ("asks", "disputes", "decided"),
    "disputed by half, lost": ("disputes", "decided"),
    "never delivered, lost": ("disputes", "decided"),
    "pre-arbitration, won": ("disputes", "decided, won", "disputes again", "decided again, won"),
    "pre-arbitration, half": ("disputes", "decided, won", "disputes again", "decided again, won"),
    "pre-arbitration, lost": ("disputes", "decided, won", "disputes again", "decided again"),
}
"""What becomes of cards that are disputed: the bank asks, takes the money, and may come again after it has given it back."""


def later(day: date, count: int) -> date:
    """A working day so many working days after another one."""
    return [one for one in WORKING if one >= day][count]


@dataclass(frozen=True)
class Event:
    """Something that happens outside: ``what`` is ``pays``, ``stranger``, ``promises``, ``refund``, ``asks``, ``disputes``, ``decided``,
    ``disputes again``, ``decided again``, ``refund fails``, ``has money``, ``bounces``, ``hopeless``, ``holds``, ``insolvent``, ``plans``, ``regrets``,
    ``reserves`` or ``void``; ``part`` is a share, or a sum as it would be in
    euros, ``which`` the invoices that are meant."""

    day: date
    what: str
    customer: Customer | None = None
    part: Decimal = WHOLE
    more: Decimal = NOTHING
    which: tuple[int, ...] = (0,)
    word: str = "{}"
    until: date | None = None
    won: bool = False


class Story:
    """What happens in a month, by day."""

    def __init__(self, random: Random, customers: Sequence[Customer]) -> None:
        self.random = random
        self.events: dict[date, list[Event]] = {day: [] for day in DAYS}
        for customer in customers:
            for event in self._of(customer):
                self.events[event.day].append(event)
        for _ in range(1 + len(customers) // 8):
            day = random.choice(WORKING[1:16])
            self.events[day].append(Event(day, "stranger", part=D(random.randint(1000, 9999)) / 100))

    def _early(self, least: int = 0) -> date:
        """A working day before anybody is asked to pay."""
        return self.random.choice(WORKING[least:6])

    def _of(self, one: Customer) -> Iterator[Event]:
        if one.way == "transfer":
            yield from self._transfer(one)
        elif one.fate == "poor" and one.way == "card":
            yield Event(date(2026, 3, 4), "has money", one)
        elif one.fate == "captured in part":
            yield Event(DUE, "reserves", one, D(60))
        elif one.fate in REFUNDS:
            day = self.random.choice(WORKING[6:12])
            yield Event(day, "refund", one, REFUNDS[one.fate])
            if one.fate == "refund fails":
                yield Event(later(day, self.random.randint(2, 6)), "refund fails", one)
        elif one.fate in DISPUTES:
            day = self.random.choice(WORKING[4:8])
            for number, what in enumerate(DISPUTES[one.fate]):
                day = later(day, self.random.randint(2, 4)) if number else day
                yield Event(day, what.removesuffix(", won"), one, won=what.endswith("won"))

    def _transfer(self, one: Customer) -> Iterator[Event]:
        word, fate, day = self.random.choice(WORDS), one.fate, self._early()
        more = D(self.random.randint(2000, 9000)) / 100
        share = D(self.random.randint(21, 79)) / 100
        plain = {
            "exact": [Event(day, "pays", one, word=word)],
            "part": [Event(day, "pays", one, share, word=word)],
            "too much, kept": [Event(day, "pays", one, more=more, word=word)],
            "too much, refunded": [Event(day, "pays", one, more=more, word=word)],
            "less a fee": [Event(day, "pays", one, more=D("-8.00"), word=word)],
            "both at once": [Event(day, "pays", one, which=(0, 1), word=word)],
            "other money": [Event(day, "pays", one, word=word)],
            "late": [Event(self.random.choice(WORKING[8:14]), "pays", one, word=word)],
            "bad debt": [Event(self.random.choice(WORKING[10:14]), "hopeless", one)],
            "bad debt, paid": [
                Event(self.random.choice(WORKING[10:13]), "hopeless", one),
                Event(self.random.choice(WORKING[14:18]), "pays", one, word=word),
            ],
            "void, refunded": [
                Event(self.random.choice(WORKING[:3]), "void", one),
                Event(self.random.choice(WORKING[3:10]), "pays", one, word=word),
            ],
            "applied again": [Event(day, "pays", one, word=word), Event(later(day, 1), "regrets", one)],
            "held": [Event(WORKING[4], "holds", one, until=self.random.choice(WORKING[12:15]))],
            "insolvent": [Event(self.random.choice(WORKING[3:6]), "insolvent", one)],
            "never": [],
        }
        if fate in plain:
            yield from plain[fate]
        elif fate.startswith("promise"):
            until = date(2026, 3, self.random.choice((11, 12)))
            yield Event(date(2026, 3, 6), "promises", one, until=until)
            if fate == "promise kept":
                yield Event(until, "pays", one, word=word)
        elif fate == "in instalments":
            first, last = self.random.choice(WORKING[8:12]), self.random.choice(WORKING[14:18])
            yield Event(WORKING[4], "plans", one, until=last)
            yield Event(first, "pays", one, D("0.5"), word=word)
            yield Event(last, "pays", one, D(0), word=word)
        elif fate == "returned":
            yield Event(day, "pays", one, word=word)
            yield Event(later(day, self.random.randint(1, 3)), "bounces", one)
        elif fate == "in two parts":
            yield Event(day, "pays", one, share, word=word)
            yield Event(self.random.choice([d for d in WORKING[:7] if d > day]), "pays", one, D(0), word=word)
        else:  # the first invoice, and once more or the second one
            yield Event(day, "pays", one, word=word)
            again = later(day, self.random.randint(1, 6))
            yield Event(again, "pays", one, which=(1,) if fate == "both apart" else (0,), word=word)
