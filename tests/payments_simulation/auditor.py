"""The auditor: what the books must say at the end of a month, from what happened outside alone.

It knows the invoices, the ledger of the bank, the ledger of the provider, and what people have decided; it shares nothing with
the engine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from engine.ports.contracts.fakes.stripe import StripeFake
from tests.payments_simulation.bank import Bank
from tests.payments_simulation.people import DUE, Customer
from tests.payments_simulation.story import WORKING

ZERO = Decimal(0)
CENT = Decimal("0.01")
MINIMUM = Decimal(10)
"""Below this nobody is asked to pay."""


@dataclass(frozen=True)
class Document:
    """An invoice as its customer got it."""

    customer: str
    number: str
    total: Decimal
    issued: date
    due: date


@dataclass
class Acts:
    """What people of the company have decided: about money at the bank by its reference, what was given up (day, number, why), what
    customers have promised (made, due), and the days on which late ones were asked to pay."""

    money: dict[str, str] = field(default_factory=dict)
    given_up: list[tuple[date, str, str]] = field(default_factory=list)
    promises: dict[str, tuple[date, date | None]] = field(default_factory=dict)
    dunned: list[date] = field(default_factory=list)


@dataclass
class Predicted:
    """The end of the month: what is open by invoice, credit by customer, the ledger by account, payments by customer, and the
    steps of dunning by customer; ``strange`` is what is open of invoices that were collected otherwise than they should have been,
    ``later`` the steps of customers to whom the provider of cards gave money back, where the company heard of that some days later."""

    open: dict[str, Decimal] = field(default_factory=dict)
    credit: dict[str, Decimal] = field(default_factory=dict)
    ledger: dict[str, Decimal] = field(default_factory=dict)
    payments: dict[str, list[Decimal]] = field(default_factory=dict)
    steps: dict[str, list[tuple[str, date]]] = field(default_factory=dict)
    strange: dict[str, Decimal] = field(default_factory=dict)
    later: dict[str, list[list[tuple[str, date]]]] = field(default_factory=dict)


class Auditor:
    """One month."""

    def __init__(
        self,
        customers: Sequence[Customer],
        documents: dict[str, list[Document]],
        bank: Bank,
        fake: StripeFake,
        done: Acts,
    ) -> None:
        self.customers, self.documents = customers, documents
        self.bank, self.fake, self.done = bank, fake, done
        self.all = {one.number: one for some in documents.values() for one in some}
        self.moves: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
        self.frozen: list[tuple[str, Decimal, date, date]] = []
        self.credit: dict[str, Decimal] = defaultdict(Decimal)
        self.ledger: dict[str, Decimal] = defaultdict(Decimal)
        self.payments: dict[str, list[Decimal]] = defaultdict(list)
        self.given_back: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)

    def predict(self) -> Predicted:
        """Everything that the judge compares."""
        for one in self.all.values():
            self.moves[one.number].append((one.issued, one.total))
            self.ledger["2200"] -= _tax(one.total)
        happened = [*self._bank(), *self._debits(), *self._cards(), *self._given_up()]
        for _, _, act in sorted(happened, key=lambda one: one[:2]):
            act()
        self._provider()
        self.ledger["1000"] = sum((one.amount for one in self.bank.entries), ZERO)
        open_ = {number: self.open(number, date.max) for number in self.all}
        strange = {number: said for number, left in self._must() if (said := open_[number]) != left}
        self.ledger["1200"] = sum(open_.values(), ZERO)
        self.ledger["2400"] = -sum(self.credit.values(), ZERO)
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
        )

    def open(self, number: str, day: date) -> Decimal:
        """What is open of an invoice at the end of a day."""
        return sum((amount for when, amount in self.moves[number] if when <= day), ZERO)

    def _must(self) -> Iterator[tuple[str, Decimal]]:
        """What has to be open of what the company collects by itself: a card that can pay pays each invoice, a debit the first one;
        the second is on its way when the month ends."""
        left = {"refunded": Decimal(20), "given back": None, "gone": None, "account closed": None, "taken back": None}
        for one in self.customers:
            if one.way == "transfer":
                continue
            first, second = self.documents[one.key]
            amount = left.get(one.fate, ZERO)
            yield first.number, first.total if amount is None else amount
            yield second.number, second.total if one.way == "debit" or one.fate == "gone" else ZERO

    # The bank -----------------------------------------------------------------------------------------------------------

    def _bank(self) -> Iterable[tuple[date, str, object]]:
        used: dict[str, list[tuple[str, Decimal]]] = {}
        for one in self.bank.entries:

            def act(one=one) -> None:  # type: ignore[no-untyped-def]
                if one.why == "pays":
                    left = one.amount
                    used[one.ref] = []
                    for number in one.numbers:
                        part = min(left, self.open(number, one.day))
                        if part > 0:
                            self.moves[number].append((one.day, -part))
                            used[one.ref].append((number, part))
                            left -= part
                    self._rest(one.ref, one.whom, left)
                elif one.why == "stranger":
                    self._rest(one.ref, "", one.amount)
                elif one.why == "bounced":
                    for number, part in used[one.about]:
                        self.moves[number].append((one.day, part))
                elif one.why == "sent":
                    self.ledger["2450"] -= one.amount

            yield one.day, f"2 {one.ref}", act

    def _rest(self, ref: str, customer: str, left: Decimal) -> None:
        """Money beyond what is owed: credit, or a debt until it has gone back."""
        if left and self.done.money.get(ref) == "keep":
            self.credit[customer] += left
        elif left:
            self.ledger["2450" if ref in self.done.money else "1090"] -= left

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
            amount = Decimal(intent["amount_received"]) / 100
            self.payments.setdefault(key, []).append(amount)
            parts = self._pay(key, amount, day)
            back = [one for one in self.fake.refunds.values() if one["payment_intent"] == intent["id"]]
            for one in back:
                self._reopen(parts, Decimal(one["amount"]) / 100, _day(one["created"]))
            for one in self.fake.disputes.values():
                if one["payment_intent"] == intent["id"]:
                    self._disputed(one, parts)
        return ()

    def _pay(self, key: str, amount: Decimal, day: date) -> list[tuple[str, Decimal]]:
        """A payment is for all that is due on its day, and for nothing that was collected before, though it was given back."""
        parts: list[tuple[str, Decimal]] = []
        for one in self.documents[key]:
            part = self.open(one.number, day) if one.due <= day else ZERO
            if part > 0 and one.number not in self.collected:
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

    def _disputed(self, one: dict[str, object], parts: list[tuple[str, Decimal]]) -> None:
        """A dispute takes money until it is decided; lost, it is a loss.  Nobody is asked for it meanwhile."""
        if one["status"] == "lost":
            self.ledger["6900"] += sum((part for _, part in parts), ZERO)
        elif one["status"] != "won":
            for number, part in parts:
                self.moves[number].append((date.min, part))
                self.frozen.append((number, part, date.min, date.max))

    def _provider(self) -> None:
        """What it owes at the end: all that it has booked and not paid out; its fees are known when it has."""
        at_bank = {one.whom for one in self.bank.entries if one.why == "payout"}
        for move in self.fake.moves:
            if move["reporting_category"] == "payout":
                continue
            if move["payout"] is None:
                self.ledger["1050"] += Decimal(move["amount"]) / 100
                continue
            self.ledger["6800"] += Decimal(move["fee"]) / 100
            if move["payout"] not in at_bank:
                self.ledger["1090"] += Decimal(move["net"]) / 100

    # What is given up, and whom one asks to pay ----------------------------------------------------------------------------

    def _given_up(self) -> Iterable[tuple[date, str, object]]:
        for day, number, why in self.done.given_up:

            def act(day=day, number=number, why=why) -> None:  # type: ignore[no-untyped-def]
                left = self.open(number, day)
                tax = _tax(left) if why == "bad_debt" else ZERO
                self.moves[number].append((day, -left))
                self.ledger["6900" if why == "bad_debt" else "6850"] += left - tax
                self.ledger["2200"] += tax

            yield day, f"3 {number}", act

    def _steps(self, key: str, heard: timedelta = timedelta()) -> list[tuple[str, date]]:
        """A reminder a week after the due date, the first letter two weeks after it, on business days; where the company hears so long
        afterwards what the provider has given back."""
        steps: list[tuple[str, date]] = []
        for day in self.done.dunned:
            if self._asked(key, day, heard) < MINIMUM:
                continue
            anchor, after, name = (steps[-1][1], 14, "first") if steps else (DUE, 7, "reminder")
            if len(steps) < 2 and day >= _following(anchor + timedelta(days=after)):
                steps.append((name, day))
        return steps

    def _asked(self, key: str, day: date, heard: timedelta) -> Decimal:
        made, due = self.done.promises.get(key, (None, None))
        if made is not None and due is not None and made <= day < due + timedelta(days=4):
            return ZERO
        asked = ZERO
        for one in self.documents[key]:
            if one.due < day:
                still = sum((a for n, a, since, until in self.frozen if n == one.number and since <= day < until), ZERO)
                unheard = sum((a for when, a in self.given_back[one.number] if when <= day < when + heard), ZERO)
                asked += max(self.open(one.number, day) - still - unheard, ZERO)
        return asked


def _tax(total: Decimal) -> Decimal:
    return (total * 21 / 121).quantize(CENT, ROUND_HALF_UP)


def _day(moment: int) -> date:
    return datetime.fromtimestamp(moment, UTC).date()


def _following(day: date) -> date:
    return next((one for one in WORKING if one >= day), date.max)
