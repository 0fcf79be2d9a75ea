"""The world outside: customers who pay, their banks, the provider of cards.  It never looks into the books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from engine.ports.contracts.fakes.stripe import StripeFake
from tests.fakes import sepa_bank
from tests.payments_simulation.auditor import Document
from tests.payments_simulation.bank import Bank, Booked, Debited
from tests.payments_simulation.money import ACCOUNTS, OWN, Rates, cut, minor
from tests.payments_simulation.people import ROUGHLY, Customer
from tests.payments_simulation.story import LAST, WORKING, Event, later

D = Decimal
PROVIDER = "Stripe Payments Europe Ltd"


class Outside:
    """What happens outside on each day."""

    def __init__(
        self, random: Random, customers: Sequence[Customer], rates: Rates, bank: Bank, fake: StripeFake
    ) -> None:
        self.random, self.rates, self.bank, self.fake = random, rates, bank, fake
        self.letters: list[dict[str, Any]] = []
        self.customers = {one.key: one for one in customers}
        self.documents: dict[str, list[Document]] = {}
        self.going: dict[date, list[tuple[str, Decimal]]] = defaultdict(list)
        self.paid_out: dict[date, list[str]] = defaultdict(list)
        for one in customers:
            if one.way == "card" and one.fate == "gone":
                fake.declines[one.token] = ("card_declined", "stolen_card")
            elif one.way == "card" and one.fate == "poor":
                fake.declines[one.token] = ("card_declined", "insufficient_funds")

    def learn(self, documents: Iterable[Document]) -> None:
        """Customers get their invoices."""
        found: dict[str, list[Document]] = defaultdict(list)
        for one in documents:
            found[one.customer].append(one)
        self.documents = {key: sorted(some, key=lambda one: one.issued) for key, some in found.items()}

    # A day --------------------------------------------------------------------------------------------------------------

    def morning(self, day: date, outbox: Path) -> list[Path]:
        """The bank of the company reads files of direct debits, and rejects some; its reports."""
        for _ in self.bank.collect(outbox, day):
            pass
        reports: list[Path] = []
        groups: dict[tuple[str, str, str], list[Debited]] = defaultdict(list)
        for one in self.bank.debits.values():
            if one.state == "sent" and (code := self._rejected(one)):
                one.state, one.decided = "rejected", day
                groups[(one.debit.message, one.debit.group, code)].append(one)
        for (_, _, code), some in groups.items():
            reports.append(self.bank.report(day, some, code))
        return reports

    def _rejected(self, one: Debited) -> str:
        fate, first = self.customers[one.customer].fate, one.debit.end_to_end.endswith("-1")
        return {"poor": "AM04", "account closed": "AC04"}.get(fate, "") if first else ""

    def happen(self, day: date, events: Sequence[Event]) -> None:
        """Everything of a day that the bank or the provider books."""
        for event in events:
            if event.what == "stranger":
                name = self.random.choice(("Nobody Known", "J. Doe", "Hr. Unbekannt"))
                text, currency = self.random.choice(("hello", "gift", "see mail")), self.random.choice(list(ACCOUNTS))
                amount = cut(event.part * ROUGHLY[currency], currency)
                self.bank.book(day, amount, "stranger", name, text, currency=currency)
            elif event.customer is not None:
                self._of(day, event, event.customer)
        if day in WORKING:
            self._debits(day)
            self._payouts(day)
        for ref, amount in self.going.pop(day, []):
            about = self.bank.entry(ref)
            truth: dict[str, Any] = {"about": ref, "whom": about.whom, "currency": about.currency}
            self.bank.book(day, -amount, "sent", about.who, "money back", **truth)

    def _of(self, day: date, event: Event, one: Customer) -> None:
        if event.what == "pays":
            self._pay(day, event, one)
        elif event.what == "bounces":
            (paid,) = [each for each in self.bank.entries if each.whom == one.key]
            truth: dict[str, Any] = {"whom": one.key, "numbers": paid.numbers, "about": paid.ref}
            truth["currency"] = paid.currency
            text = f"returned AC04 {paid.numbers[0]}"
            self.bank.book(day, -paid.amount, "bounced", one.name, text, back=True, **truth)
        elif event.what == "has money":
            self.fake.declines.pop(one.token)
        elif event.what == "refund fails":
            intent = self._intent(one)
            for ident in [each["id"] for each in self.fake.refunds.values() if each["payment_intent"] == intent]:
                self.fake.fail_refund(ident)
        elif event.what.partition(" ")[0] in ("asks", "disputes", "decided"):
            self._dispute(day, event, one)

    def _pay(self, day: date, event: Event, one: Customer) -> None:
        mine = self.documents[one.key]
        numbers = tuple(mine[which].number for which in event.which)
        total = sum((mine[which].total for which in event.which), D(0))
        amount, currency = cut(total * event.part, one.currency) + one.some(event.more), one.currency
        if one.fate == "other money":
            amount, currency = self._changed(day, amount, currency)
        if not event.part:  # the rest
            amount = total - sum((each.amount for each in self.bank.entries if each.whom == one.key), D(0))
        text = event.word.format(" ".join(numbers))
        self.bank.book(day, amount, "pays", one.name, text, whom=one.key, numbers=numbers, currency=currency)

    def _changed(self, day: date, amount: Decimal, currency: str) -> tuple[Decimal, str]:
        """What the customer's bank makes of an amount in another currency: it has a rate of its own."""
        own = self.rates.worth(amount, currency, day) * self.random.randint(985, 1015) / 1000
        if currency != OWN:
            return cut(own, OWN), OWN
        return cut(own * self.rates.published["GBP", day], "GBP"), "GBP"

    def _dispute(self, day: date, event: Event, one: Customer) -> None:
        ident = self._intent(one)
        if ident is None:
            return
        mine = [each for each in self.fake.disputes.values() if each["payment_intent"] == ident]
        if not mine:  # a card that was charged too late for what was to happen first is asked for less
            if event.what in ("asks", "disputes"):
                self.fake.dispute(ident, **self._about(event, one, ident))
            return
        (dispute,) = mine
        asked = dispute["status"].startswith("warning")
        if event.what.startswith("disputes"):
            dispute["status"] = "needs_response"
            self.fake.withdraw(dispute, 1500)
        else:
            dispute["status"] = "warning_closed" if asked else "won" if event.won else "lost"
        if event.won and not asked:
            back = dispute["amount"]
            if one.fate.endswith("half") and event.what.endswith("again"):
                back = dispute["back"] = back // 2
            self.fake.move("dispute_reversal", back, 0, dispute["currency"], {**dispute})
        if event.what.endswith("again"):
            self._letter(day, event, dispute)
        else:
            kind = "closed" if event.what == "decided" else "updated"
            self.fake.tell(f"charge.dispute.{kind}", dispute)

    def _about(self, event: Event, one: Customer, ident: str) -> dict[str, Any]:
        more: dict[str, Any] = {"status": "warning_needs_response"} if event.what == "asks" else {}
        if one.fate.startswith("disputed by half"):
            more["amount"] = self.fake.intents[ident]["amount_received"] // 2
        if one.fate.startswith("never delivered"):
            more["reason"] = "product_not_received"
        return more

    def _letter(self, day: date, event: Event, dispute: dict[str, Any]) -> None:
        """Of the round before arbitration the provider tells by a letter, which somebody writes into a file."""
        kind = "pre_arbitration" if event.what.startswith("disputes") else dispute["status"]
        amount, currency = minor(dispute["amount"], dispute["currency"]), dispute["currency"].upper()
        about = {"id": dispute["id"], "amount": str(amount), "currency": currency, "reason": "fraudulent"}
        made: dict[str, Any] = {
            "id": f"letter-{len(self.letters) + 1}",
            "kind": kind,
            "at": f"{day}T09:30:00+00:00",
            "dispute": about,
        }
        if "back" in dispute:
            made["won"] = str(minor(dispute["back"], dispute["currency"]))
        self.letters.append(made)

    def _intent(self, one: Customer) -> str | None:
        """The first payment of a customer that came."""
        mine = [each for each in self.fake.intents.values() if each["payment_method"] == one.token]
        return next((each["id"] for each in mine if each["status"] == "succeeded"), None)

    def taken(self, one: Customer) -> str | None:
        """What the company has called the first payment of a customer that came."""
        ident = self._intent(one)
        if ident is None:
            return None
        key = str(self.fake.intents[ident]["metadata"]["tollbook_key"])
        return key.removeprefix("E1/").partition("#")[0]

    def _debits(self, day: date) -> None:
        due = [one for one in self.bank.debits.values() if one.state == "sent" and one.debit.due <= day < LAST]
        groups: dict[str, list[Debited]] = defaultdict(list)
        for one in due:
            one.state, one.decided = "settled", day
            groups[one.debit.group].append(one)
        for some in groups.values():
            refs = tuple(one.debit.end_to_end for one in some)
            if self.random.random() < 0.5:
                xml = sepa_bank.group_credit([one.debit for one in some], day)
                total = sum((one.debit.amount for one in some), D(0))
                self.bank.book(day, total, "debits", "", "", xml=xml, numbers=refs)
            else:
                for one in some:
                    xml = sepa_bank.credit(one.debit, day)
                    self.bank.book(day, one.debit.amount, "debits", "", "", xml=xml, numbers=(one.debit.end_to_end,))
        for one in self.bank.debits.values():
            mine = self.customers[one.customer].fate == "taken back" and one.state == "settled"
            if mine and one.decided is not None and day == later(one.decided, 3):
                one.state, one.returned, one.fee = "returned", day, D("3.00")
                xml = sepa_bank.debit_back(one.debit, day, "MD06", one.fee)
                total = -one.debit.amount - one.fee
                self.bank.book(day, total, "debit back", "", "", xml=xml, numbers=(one.debit.end_to_end,))

    def _payouts(self, day: date) -> None:
        """Twice a week the provider pays out what there is, or takes what it lacks; the bank has it on the next working day."""
        for ident in self.paid_out.pop(day, []):
            payout = self.fake.payouts[ident]
            amount, currency = minor(payout["amount"], payout["currency"]), payout["currency"].upper()
            self.bank.book(day, amount, "payout", PROVIDER, "STRIPE PAYOUT", whom=ident, currency=currency)
        if day.weekday() not in (1, 4) or day == LAST:
            return
        for currency in sorted({one["currency"] for one in self.fake.moves}):
            if sum(one["net"] for one in self.fake.moves if one["payout"] is None and one["currency"] == currency):
                self.paid_out[later(day, 1)].append(self.fake.pay_out(currency)["id"])

    def notice(self, day: date, statement: Path) -> Path | None:
        """What the bank says of direct debits on a day: in its statement, or in a notice."""
        mine = [one for one in self.bank.entries if one.day == day and one.why in ("debits", "debit back")]
        if not mine:
            return None
        return statement if self.random.random() < 0.5 else self.bank.notice(day, mine)

    # What the clerk hears -----------------------------------------------------------------------------------------------

    def decide(self, ref: str) -> str:
        """What is to be done with money that waits: ``apply`` (to what it names), ``stand again`` (what was given up, then apply), ``keep``, ``refund``, ``return``; empty where it has to wait."""
        entry = self.bank.entry(ref)
        if entry.why == "stranger":
            return "return"
        if entry.why == "pays" and (len(entry.numbers) > 1 or entry.currency != self.customers[entry.whom].currency):
            return "apply"
        if entry.why == "pays" and self.customers[entry.whom].fate in ("bad debt, paid", "applied again"):
            return "stand again" if self.customers[entry.whom].fate == "bad debt, paid" else "apply"
        if entry.why == "pays":
            return "refund" if self.customers[entry.whom].fate.endswith("refunded") else "keep"
        return ""

    def send(self, day: date, ref: str, amount: Decimal) -> None:
        """Money goes back two working days later, unless the month is over."""
        ahead = [one for one in WORKING if one > day]
        if len(ahead) > 1:
            self.going[ahead[1]].append((ref, amount))

    def entries(self) -> Iterator[Booked]:
        """What the bank has booked."""
        yield from self.bank.entries
