"""A world of customers and open documents, and what is paid in it."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from tests.cash import words

RATES = {
    "EURUSD": "1.0850",
    "USDEUR": "0.9217",
    "EURGBP": "0.8570",
    "GBPEUR": "1.1669",
    "USDGBP": "0.7890",
    "GBPUSD": "1.2674",
}
POPULAR = ("49.00", "99.00", "199.00", "499.00", "990.00", "1190.00", "2380.00")


@dataclass
class Customer:
    """A customer: ``says`` is how its bank writes its name where that is another script."""

    id: str
    name: str
    currency: str
    iban: str = ""
    known: bool = False
    parent: str = ""
    says: str = ""
    series: int = 0
    amounts: set[Decimal] = field(default_factory=set)


@dataclass
class Invoice:
    """An open document."""

    id: str
    number: str
    customer: Customer
    issued: date
    currency: str
    amount: Decimal
    terms: str = "net30"
    order: str = ""
    reference: str = ""
    kind: str = "invoice"
    listed: bool = True


def rounded(amount: Decimal, currency: str) -> Decimal:
    """An amount in whole coins."""
    return amount.quantize(Decimal(1) if currency == "JPY" else Decimal("0.01"), ROUND_HALF_UP)


SERIES = (
    lambda n: f"RE26/{n:07}",
    lambda n: f"INV-2026-{n:06}",
    lambda n: f"F{n:08}",
    lambda n: f"2026/{n:05}-A",
    lambda n: f"{4100000000 + n}",
    lambda n: f"AR.26.{n:05}",
    lambda n: f"R-{n}",
)


def reference_of(number: str) -> str:
    """The creditor reference of a number, with its check digits."""
    body = "".join(letter for letter in number if letter.isalnum())[:21].upper()
    digits = "".join(str(int(letter, 36)) for letter in f"{body}RF00")
    return f"RF{98 - int(digits) % 97:02}{body}"


class World:
    """Makes customers, documents and payments from a seed, and keeps the truth."""

    def __init__(self, seed: int, customers: int) -> None:
        self.random = random.Random(seed)
        self.customers: list[Customer] = []
        self.invoices: list[Invoice] = []
        self.payments: list[dict[str, str]] = []
        self.advices: list[dict[str, str]] = []
        self.truth: dict[str, dict[str, Any]] = {}
        self.counts = [0] * len(SERIES)
        self.scenario = ""
        for number in range(customers):
            self.customers.append(self._customer(number))
        for one in self.customers:
            if self.random.random() < 0.1:
                parent = self.random.choice(self.customers)
                if (
                    parent is not one
                    and not parent.parent
                    and parent.known
                    and not any(c.parent == one.id for c in self.customers)
                ):
                    one.parent, one.currency = parent.id, parent.currency
        self.children = [one for one in self.customers if one.parent]
        self.by_id = {one.id: one for one in self.customers}

    def _customer(self, number: int) -> Customer:
        pick = self.random
        currency = pick.choices(("EUR", "USD", "GBP", "JPY"), (5, 3, 2, 1))[0]
        series = pick.randrange(len(SERIES))
        if pick.random() < 0.06:
            name, says = pick.choice(words.SCRIPTED)
            return Customer(f"C{number:05}", name, currency, self.iban(), False, says=says, series=series)
        name = f"{pick.choice(words.FIRST)} {pick.choice(words.SECOND)}"
        if pick.random() < 0.15:
            name += f" {pick.randrange(1000)}"
        name += f" {pick.choice(words.LEGAL)}"
        return Customer(f"C{number:05}", name, currency, self.iban(), pick.random() < 0.7, series=series)

    def iban(self) -> str:
        """A bank account."""
        return f"DE{self.random.randrange(10, 99)}{self.random.randrange(10**17, 10**18)}"

    def somebody(self, **wanted: Any) -> Customer:
        """A customer with given properties."""
        while True:
            one = self.random.choice(self.customers)
            if all(getattr(one, key) == value for key, value in wanted.items()):
                return one

    def amount(self, customer: Customer, popular: float = 0.2) -> Decimal:
        """An amount that the customer has no second time, unless it is a popular one."""
        if self.random.random() < popular and customer.currency != "JPY":
            return Decimal(self.random.choice(POPULAR))
        while True:
            amount = rounded(
                Decimal(str(round(self.random.lognormvariate(6, 1.2) + 20, 2)))
                * (100 if customer.currency == "JPY" else 1),
                customer.currency,
            )
            if amount not in customer.amounts:
                customer.amounts.add(amount)
                return amount

    def invoice(self, customer: Customer, amount: Decimal | None = None, **more: Any) -> Invoice:
        """An open document of a customer."""
        self.counts[customer.series] += self.random.choices((1, 2), (4, 1))[0]
        number = SERIES[customer.series](self.counts[customer.series])
        one = Invoice(
            f"I{len(self.invoices) + 1:07}",
            number,
            customer,
            date(2026, 1, 1) + timedelta(days=self.random.randrange(80)),
            customer.currency,
            self.amount(customer) if amount is None else amount,
            order=str(4500000000 + self.random.randrange(10**8)) if self.random.random() < 0.4 else "",
            reference=reference_of(number),
        )
        for key, value in more.items():
            setattr(one, key, value)
        if one.kind == "credit_note":
            one.number = f"CN-{one.number}"
        self.invoices.append(one)
        return one

    def name(self, customer: Customer) -> str:
        """How a bank writes the name of a customer."""
        name = customer.says or customer.name
        if customer.says:
            return name
        pick = self.random.random()
        if pick < 0.3:
            name = name.upper()
        elif pick < 0.55:
            name = next(
                (
                    name.removesuffix(f" {form}")
                    for form in sorted(words.LEGAL, key=len, reverse=True)
                    if name.endswith(f" {form}")
                ),
                name,
            )
        elif pick < 0.65:
            name = name.replace("&", "und").replace(".", "")
        return name + self.random.choice(words.OFFICES)

    def pay(
        self,
        payer: Customer | None,
        amount: Decimal,
        text: str = "",
        *,
        currency: str = "",
        days: int | None = None,
        after: Iterable[Invoice] = (),
        booked: date | None = None,
        iban: str | None = None,
        name: str | None = None,
        end: str = "NOTPROVIDED",
        structured: str = "",
        bank_ref: str = "",
    ) -> dict[str, str]:
        """A bank entry, some days after the latest of some documents."""
        issued = max(
            (one.issued for one in after), default=date(2026, 2, 1) + timedelta(days=self.random.randrange(60))
        )
        booked = booked or issued + timedelta(days=self.random.randrange(15, 60) if days is None else days)
        if iban is None:
            iban = "" if payer is None or self.random.random() < 0.2 else payer.iban
        row = {
            "payment_id": f"P{len(self.payments) + 1:07}",
            "bank_ref": bank_ref or f"{booked:%y%m%d}{self.random.randrange(10**9, 10**10)}",
            "booking_date": booked.isoformat(),
            "amount": f"{amount:f}",
            "currency": currency or (payer.currency if payer else "EUR"),
            "payer_name": name if name is not None else self.name(payer) if payer else "",
            "payer_iban": iban,
            "remittance": text,
            "end_to_end_id": end,
            "structured_ref": structured,
        }
        self.payments.append(row)
        return row

    def want(
        self,
        row: Mapping[str, str],
        applied: Sequence[tuple[Invoice, Decimal]] = (),
        status: str = "applied",
        ok: bool = True,
        acceptable: Sequence[Sequence[tuple[Invoice, Decimal]]] = (),
    ) -> None:
        """What a careful clerk would do with a bank entry."""
        plain = [[[one.id, f"{amount:f}"] for one, amount in each] for each in (applied, *acceptable)]
        self.truth[row["payment_id"]] = {
            "scenario": self.scenario,
            "status": status,
            "applications": plain[0],
            "acceptable": plain[1:],
            "auto_ok": ok,
        }

    def text(self, number: str) -> str:
        """A number in the words of a payer."""
        return f"{self.random.choice(words.BEFORE)}{number}{self.random.choice(words.AFTER)}"

    def write(self, folder: Path) -> None:
        """The files of the problem, payments in no order, and the truth beside them."""
        folder.mkdir(parents=True, exist_ok=True)
        customers = [
            (one.id, one.name, one.currency, one.iban if one.known else "", one.parent) for one in self.customers
        ]
        _write(folder / "customers.csv", ("customer_id", "name", "currency", "known_iban", "parent_id"), customers)
        columns = "invoice_id number kind customer_id issued due currency amount open_amount terms po_number creditor_reference"
        documents = [
            (
                one.id,
                one.number,
                one.kind,
                one.customer.id,
                one.issued,
                one.issued + timedelta(days=30),
                one.currency,
                f"{one.amount:f}",
                f"{one.amount:f}",
                one.terms,
                one.order,
                one.reference,
            )
            for one in self.invoices
            if one.listed
        ]
        self.random.shuffle(documents)
        _write(folder / "invoices.csv", columns.split(), documents)
        entries = list(self.payments)
        self.random.shuffle(entries)
        _write(folder / "payments.csv", tuple(entries[0]), [tuple(row.values()) for row in entries])
        if self.advices:
            _write(
                folder / "remittances.csv",
                ("payment_id", "end_to_end_id", "text"),
                [tuple(row.values()) for row in self.advices],
            )
        (folder / "fx.json").write_text(json.dumps(RATES), encoding="utf-8")
        (folder / "truth.json").write_text(json.dumps(self.truth, indent=0), encoding="utf-8")


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
