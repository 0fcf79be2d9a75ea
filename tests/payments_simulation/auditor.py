"""The auditor: what the books must say at the end of a month, from what happened outside alone.

It knows the invoices, the ledger of the bank, the ledger of the provider, and what people have decided; it shares nothing with
the engine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from engine.ports.contracts.fakes.stripe import StripeFake
from tests.payments_simulation.bank import Bank, Booked
from tests.payments_simulation.money import Rates, cut, minor, share
from tests.payments_simulation.people import DUE, Customer
from tests.payments_simulation.story import WORKING

ZERO = Decimal(0)
MINIMUM = {"EUR": Decimal(10), "GBP": Decimal(10), "JPY": Decimal(1)}
"""Below this nobody is asked to pay."""
EXCHANGE = "exchange"
"""What the account of exchange differences is called here; the company has one for gains, one for losses, two for rounding."""


@dataclass(frozen=True)
class Document:
    """An invoice as its customer got it; ``lines`` are net amounts with their tax."""

    customer: str
    number: str
    total: Decimal
    issued: date
    due: date
    currency: str
    lines: tuple[tuple[Decimal, Decimal], ...]


@dataclass
class Acts:
    """What people of the company have decided: about money at the bank by its reference, what was given up (day, number, why) and stands
    again since a day, which invoices are void since when, what customers have promised (made, due), whom nobody asks (from, until), and the
    days on which late ones were asked to pay."""

    money: dict[str, str] = field(default_factory=dict)
    given_up: list[tuple[date, str, str]] = field(default_factory=list)
    undone: dict[str, date] = field(default_factory=dict)
    void: dict[str, date] = field(default_factory=dict)
    promises: dict[str, tuple[date, date | None]] = field(default_factory=dict)
    held: dict[str, tuple[date, date]] = field(default_factory=dict)
    dunned: list[date] = field(default_factory=list)


@dataclass
class Predicted:
    """The end of the month: what is open by invoice, credit by customer, the ledger by account in the currency of the books, payments by
    customer, the steps of dunning by customer, and how disputes stand by customer; ``strange`` is what is open of invoices that were collected otherwise than they should have been,
    ``later`` the steps of customers to whom the provider of cards gave money back, where the company heard of that some days later."""

    open: dict[str, Decimal] = field(default_factory=dict)
    credit: dict[str, Decimal] = field(default_factory=dict)
    ledger: dict[str, Decimal] = field(default_factory=dict)
    payments: dict[str, list[Decimal]] = field(default_factory=dict)
    steps: dict[str, list[tuple[str, date]]] = field(default_factory=dict)
    strange: dict[str, Decimal] = field(default_factory=dict)
    later: dict[str, list[list[tuple[str, date]]]] = field(default_factory=dict)
    disputes: dict[str, str] = field(default_factory=dict)


class Auditor:
    """One month."""

    def __init__(
        self,
        customers: Sequence[Customer],
        documents: dict[str, list[Document]],
        rates: Rates,
        bank: Bank,
        fake: StripeFake,
        done: Acts,
    ) -> None:
        self.customers, self.documents, self.rates = customers, documents, rates
        self.bank, self.fake, self.done = bank, fake, done
        self.all = {one.number: one for some in documents.values() for one in some}
        self.moves: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
        self.frozen: list[tuple[str, Decimal, date, date]] = []
        self.credit: dict[str, Decimal] = defaultdict(Decimal)
        self.ledger: dict[str, Decimal] = defaultdict(Decimal)
        self.payments: dict[str, list[Decimal]] = defaultdict(list)
        self.disputes: dict[str, str] = {}
        self.owed: dict[str, Decimal] = {}
        self.given_back: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)

    def predict(self) -> Predicted:
        """Everything that the judge compares."""
        for one in self.all.values():
            self.moves[one.number].append((one.issued, one.total))
            self._revenue(one, -1)
        for number, day in self.done.void.items():
            self.moves[number].append((day, -self.all[number].total))
            self._revenue(self.all[number], 1)
        happened = [*self._bank(), *self._debits(), *self._cards(), *self._given_up()]
        for _, _, act in sorted(happened, key=lambda one: one[:2]):
            act()
        self._provider()
        self.ledger["1000"] = sum((self._worth(one) for one in self.bank.entries), ZERO)
        open_ = {number: self.open(number, date.max) for number in self.all}
        strange = {number: said for number, left in self._must() if (said := open_[number]) != left}
        self.ledger["1200"] = sum((self.worth(number, left) for number, left in open_.items()), ZERO)
        self.ledger[EXCHANGE] = -sum(self.ledger.values(), ZERO)
        return Predicted(
            {number: left for number, left in open_.items() if left},
            {key: left for key, left in self.credit.items() if left},
            {code: left for code, left in self.ledger.items() if left},
            dict(self.payments),
            {one.key: steps for one in self.customers if (steps := self._steps(one.key))},
            strange,
            {
                key: [self._steps(key, timedelta(days=days)) for days in range(1, 4)]
                for key, some in self.documents.items()
                if any(one.number in self.given_back for one in some)
            },
            self.disputes,
        )

    def open(self, number: str, day: date) -> Decimal:
        """What is open of an invoice at the end of a day."""
        return sum((amount for when, amount in self.moves[number] if when <= day), ZERO)

    def _revenue(self, one: Document, sign: int) -> None:
        """Revenue and tax of an invoice, line by line at the rate of its day; credited ones are given back at that rate."""
        for net, tax in one.lines:
            self.ledger["4000"] += sign * self.rates.worth(net, one.currency, one.issued)
            self.ledger["2200"] += sign * self.rates.worth(tax, one.currency, one.issued)

    def worth(self, number: str, left: Decimal) -> Decimal:
        """What so much of an invoice is worth in the books: its share of what the whole was worth when it was issued."""
        one = self.all[number]
        return share(self.rates.worth(one.total, one.currency, one.issued), left, one.total)

    def _worth(self, one: Booked) -> Decimal:
        return self.rates.worth(one.amount, one.currency, one.day)

    def _must(self) -> Iterator[tuple[str, Decimal]]:
        """What has to be open of what the company collects by itself: a card that can pay pays each invoice, a debit the first one;
        the second is on its way when the month ends."""
        left = {
            "refunded": Decimal(20),
            "given back": None,
            "gone": None,
            "account closed": None,
            "taken back": None,
            "lapsed": None,
        }
        for one in self.customers:
            if one.way == "transfer":
                continue
            first, second = self.documents[one.key]
            amount = left.get(one.fate, ZERO)
            open_ = first.total if amount is None else one.some(amount)
            yield first.number, first.total - one.some(Decimal(60)) if one.fate == "captured in part" else open_
            yield second.number, second.total if one.way == "debit" or one.fate == "gone" else ZERO

    # The bank -----------------------------------------------------------------------------------------------------------

    def _bank(self) -> Iterable[tuple[date, str, object]]:
        used: dict[str, list[tuple[str, Decimal]]] = {}
        for one in self.bank.entries:

            def act(one=one) -> None:  # type: ignore[no-untyped-def]
                if one.why == "pays" and one.currency != self.all[one.numbers[0]].currency:
                    for number in one.numbers:  # all of the one is for all of the other
                        self.moves[number].append((one.day, -self.open(number, one.day)))
                elif one.why == "pays":
                    left = one.amount
                    used[one.ref] = []
                    for number in one.numbers:
                        part = min(left, self.open(number, one.day))
                        if part > 0:
                            self.moves[number].append((one.day, -part))
                            used[one.ref].append((number, part))
                            left -= part
                    self._rest(one, left)
                elif one.why == "stranger":
                    self._rest(one, one.amount)
                elif one.why == "bounced":
                    for number, part in used[one.about]:
                        self.moves[number].append((one.day, part))
                elif one.why == "sent":
                    self.ledger["2450"] += self.owed[one.about]

            yield one.day, f"2 {one.ref}", act

    def _rest(self, one: Booked, left: Decimal) -> None:
        """Money beyond what is owed: credit, or a debt until it has gone back; worth what it was when it came."""
        worth = self.owed[one.ref] = share(self._worth(one), left, one.amount)
        if left and self.done.money.get(one.ref) == "keep":
            self.credit[one.whom] += left
            self.ledger["2400"] -= worth
        elif left:
            self.ledger["2450" if one.ref in self.done.money else "1090"] -= worth

    def _debits(self) -> Iterable[tuple[date, str, object]]:
        for one in self.bank.debits.values():
            number, amount = one.debit.text, one.debit.amount
            self.frozen.append((number, amount, one.read, one.decided or date.max))
            if one.state in ("settled", "returned") and one.decided is not None:
                self.moves[number].append((one.decided, -amount))
            if one.returned is not None:
                self.moves[number].append((one.returned, amount))
                self.ledger["6800"] += one.fee
        return ()

    # The provider of cards ----------------------------------------------------------------------------------------------

    def _cards(self) -> Iterable[tuple[date, str, object]]:
        of = {one.token: one.key for one in self.customers}
        self.collected: set[str] = set()
        for intent in self.fake.intents.values():
            if intent["status"] != "succeeded":
                continue
            key, day = of[intent["payment_method"]], _day(intent["created"])
            amount = minor(intent["amount_received"], intent["currency"])
            self.payments.setdefault(key, []).append(amount)
            parts = self._pay(key, amount, day)
            of_it = [one for one in self.fake.refunds.values() if one["payment_intent"] == intent["id"]]
            back = [one for one in of_it if one["status"] == "succeeded"]
            for one in back:
                self._reopen(parts, minor(one["amount"], one["currency"]), _day(one["created"]))
            for one in self.fake.disputes.values():
                if one["payment_intent"] == intent["id"]:
                    self.disputes[key] = one["status"]
                    self._disputed(one, parts)
        return ()

    def _pay(self, key: str, amount: Decimal, day: date) -> list[tuple[str, Decimal]]:
        """A payment is for all that is due on its day, and for nothing that was collected before, though it was given back."""
        parts: list[tuple[str, Decimal]] = []
        for one in self.documents[key]:
            part = self.open(one.number, day) if one.due <= day else ZERO
            if part > 0 and one.number not in self.collected:
                part = min(part, amount - sum((paid for _, paid in parts), ZERO))
                self.collected.add(one.number)
                self.moves[one.number].append((day, -part))
                parts.append((one.number, part))
        rest = amount - sum((part for _, part in parts), ZERO)
        if rest:
            self.credit[f"{key}: a card was charged {rest} more than was due"] += rest
        return parts

    def _reopen(self, parts: list[tuple[str, Decimal]], amount: Decimal, day: date) -> None:
        for number, part in parts:
            back = min(part, amount)
            self.moves[number].append((day, back))
            self.given_back[number].append((day, back))
            amount -= back

    def _disputed(self, one: Mapping[str, Any], parts: list[tuple[str, Decimal]]) -> None:
        """A dispute takes money until it is decided; lost, it is a loss, or less revenue where nothing was delivered.  Nobody is asked for it
        meanwhile; a question takes none."""
        left = minor(one["amount"], one["currency"])
        for number, paid in parts:
            part = min(paid, left)
            left -= part
            if one["status"] == "lost" and one["reason"] == "product_not_received":
                self._revenue(self.all[number], 1)
            elif one["status"] == "lost" or "back" in one:
                self.ledger["6900"] += self.worth(number, part - minor(one.get("back", 0), one["currency"]))
            elif one["status"] == "needs_response":
                self.moves[number].append((date.min, part))
                self.frozen.append((number, part, date.min, date.max))

    def _provider(self) -> None:
        """What it owes at the end: all that it has booked and not paid out, for what it was worth then; its fees are known, and worth what
        they are, when it has."""
        fees: dict[str, int] = defaultdict(int)
        for move in self.fake.moves:
            if move["payout"] is None:
                amount, currency = minor(move["amount"], move["currency"]), move["currency"].upper()
                self.ledger["1050"] += self.rates.worth(amount, currency, _day(move["created"]))
            else:
                fees[move["payout"]] += move["fee"]
        for ident, fee in fees.items():
            one = self.fake.payouts[ident]
            day, currency = _day(one["arrival_date"]), one["currency"].upper()
            self.ledger["6800"] += self.rates.worth(minor(fee, currency), currency, day)

    # What is given up, and whom one asks to pay ----------------------------------------------------------------------------

    def _given_up(self) -> Iterable[tuple[date, str, object]]:
        for day, number, why in self.done.given_up:

            def act(day=day, number=number, why=why) -> None:  # type: ignore[no-untyped-def]
                left, currency = self.open(number, day), self.all[number].currency
                worth = self.worth(number, left)
                tax = share(worth, cut(left * 21 / 121, currency), left) if why == "bad_debt" else ZERO
                self.moves[number].append((day, -left))
                self.ledger["6900" if why == "bad_debt" else "6850"] += worth - tax
                self.ledger["2200"] += tax

            if number not in self.done.undone:
                yield day, f"3 {number}", act

    def _steps(self, key: str, heard: timedelta = timedelta()) -> list[tuple[str, date]]:
        """A reminder a week after the due date, the first letter two weeks after it, on business days; where the company hears so long
        afterwards what the provider has given back."""
        steps: list[tuple[str, date]] = []
        for day in self.done.dunned:
            if self._asked(key, day, heard) < MINIMUM[self.documents[key][0].currency]:
                continue
            anchor, after, name = (steps[-1][1], 14, "first") if steps else (DUE, 7, "reminder")
            if len(steps) < 2 and day >= _following(anchor + timedelta(days=after)):
                steps.append((name, day))
        return steps

    def _given_up_on(self, number: str, day: date) -> bool:
        """Whether nobody asks for an invoice because it was given up, though it stood again later."""
        since = [when for when, given, _ in self.done.given_up if given == number]
        return number in self.done.undone and since[0] <= day < self.done.undone[number]

    def _asked(self, key: str, day: date, heard: timedelta) -> Decimal:
        made, due = self.done.promises.get(key, (None, None))
        if made is not None and due is not None and made <= day < due + timedelta(days=4):
            return ZERO
        held, until = self.done.held.get(key, (date.max, date.max))
        if held <= day < until:
            return ZERO
        asked = ZERO
        for one in self.documents[key]:
            if one.due < day and not self._given_up_on(one.number, day):
                still = sum((a for n, a, since, until in self.frozen if n == one.number and since <= day < until), ZERO)
                unheard = sum((a for when, a in self.given_back[one.number] if when <= day < when + heard), ZERO)
                asked += max(self.open(one.number, day) - still - unheard, ZERO)
        return asked


def _day(moment: int) -> date:
    return datetime.fromtimestamp(moment, UTC).date()


def _following(day: date) -> date:
    return next((one for one in WORKING if one >= day), date.max)
