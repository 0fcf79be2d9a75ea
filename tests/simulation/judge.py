"""Compares the books and the outside world with what the auditor predicted."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from engine.app import App
from tests.simulation.lines import Bill, Line
from tests.simulation.outside import noted
from tests.simulation.papers import MEMO, VOID
from tests.simulation.prices import minor, shown, units


class Disagreement(Exception):
    """The books are not what they must be; the text is one line."""


def refuse(what: str) -> None:
    """Disagree."""
    raise Disagreement(what)


Key = tuple[str, str, date, str, str, str]


class Judge:
    """Reads the books by natural key; what was compared once is compared by its totals afterwards."""

    def __init__(self, app: App, folder: Path) -> None:
        self.app, self.folder = app, folder

    def invoices(self) -> dict[Key, dict[str, Any]]:
        """All invoices of the books with their lines."""
        found: dict[Key, dict[str, Any]] = {}
        with self.app.books.reader() as reader:
            for head in reader.invoices(self.app.tenant):
                key = (
                    head["entity"],
                    head["payer"],
                    head["invoice_date"],
                    head["currency"],
                    head["kind"],
                    head["group_key"],
                )
                if key in found:
                    refuse(f"invoice {_named(key)} is there twice")
                found[key] = head | {"lines": reader.invoice_lines(head["id"])}
        return found

    def payers_of(self, on: date) -> set[str]:
        """Payers that have an invoice of a date."""
        with self.app.books.reader() as reader:
            heads = reader.invoices(self.app.tenant, period=on.isoformat())
            return {head["payer"] for head in heads if MEMO not in head["group_key"] and VOID not in head["group_key"]}

    def place(self, bill: Bill, line: Line | None) -> tuple[str, int]:
        """The number of a document, and of one of its lines (0 without one), as the books call them."""
        head = self.invoices()[bill.key]
        numbers = [one["number"] for one in head["lines"] if line and _line_key(one) == line.key]
        return head["number"], numbers[0] if line else 0

    def judge(self, bills: Iterable[Bill]) -> None:
        """Everything that is in the books, after a run.

        Raises:
            Disagreement: at the first thing that is not as predicted.
        """
        expected, found = {bill.key: bill for bill in bills}, self.invoices()
        for key in sorted(expected.keys() - found.keys(), key=str):
            refuse(f"invoice {_named(key)} of {shown(expected[key].net, key[3])} net is missing")
        for key in sorted(found.keys() - expected.keys(), key=str):
            refuse(f"invoice {_named(key)} of {found[key]['net']} net should not exist")
        for key, bill in sorted(expected.items(), key=lambda item: str(item[0])):
            self._invoice(bill, found[key])
        self._intervals(expected.values(), found)
        self._balances(expected.values())
        self._numbers(found.values())
        self.whole()

    def whole(self) -> None:
        """``tollbook verify`` finds nothing."""
        for name, findings in self.app.verify().items():
            for finding in findings:
                refuse(f"verify {name}: {finding}".replace("\n", " "))

    def _invoice(self, bill: Bill, head: dict[str, Any]) -> None:
        wanted = Counter(line.key for line in bill.lines)
        there = Counter(_line_key(line) for line in head["lines"])
        for key in sorted((wanted - there).keys(), key=str):
            like = [_line(k) for k in (there - wanted) if k[:7] == key[:7]]
            found = f"found {'; '.join(like)}" if like else "found nothing like it"
            refuse(f"invoice {_named(bill.key)}: expected line {_line(key)}, {found}")
        for key in sorted((there - wanted).keys(), key=str):
            refuse(f"invoice {_named(bill.key)}: line {_line(key)} should not be there")
        totals = {"net": bill.net, "tax": bill.tax, "total": bill.net + bill.tax}
        for name, amount in totals.items():
            if units(head[name], bill.currency) != amount:
                refuse(
                    f"invoice {_named(bill.key)}: expected {name} {shown(amount, bill.currency)}, found {head[name]}"
                )

    def _intervals(self, bills: Iterable[Bill], found: dict[Key, dict[str, Any]]) -> None:
        """Net billed so far of each charge and service interval, whatever invoices it stands on."""
        wanted: Counter[tuple[Any, ...]] = Counter()
        there: Counter[tuple[Any, ...]] = Counter()
        for bill in bills:
            for x in bill.lines:
                wanted[x.subscription, x.charge.plan, x.charge.key, x.start, x.end] += x.amount
        for head in found.values():
            for x in head["lines"]:
                key = (x["subscription"], x["plan"], x["charge"], x["service_from"], x["service_to"])
                there[key] += units(x["amount"], x["currency"])
        for key in wanted.keys() | there.keys():
            if wanted[key] != there[key]:
                refuse(f"net billed of {key} is {there[key]} minor units, expected {wanted[key]}")

    def _balances(self, bills: Iterable[Bill]) -> None:
        wanted: Counter[tuple[str, str, str]] = Counter()
        for bill in bills:
            for account, amount in (
                ("1200", bill.net + bill.tax),
                ("2200", -bill.tax),
                ("2300", 0),
                ("4000", -bill.net),
            ):
                wanted[bill.entity, account, bill.currency] += amount
        there: dict[tuple[str, str, str], int] = {}
        for entity, rows in self.app.ledger.trial_balance().items():
            functional = sum((row["functional_amount"] for row in rows), Decimal(0))
            if functional:
                refuse(f"the books of {entity} are out of balance by {functional} in functional currency")
            for row in rows:
                if row["account"] != "7900":
                    owed = (
                        "1200" if row["account"] == "2400" else row["account"]
                    )  # credit on account is owed the other way
                    key = (entity, owed, row["currency"])
                    there[key] = there.get(key, 0) + units(row["amount"], row["currency"])
        for key in sorted(wanted.keys() | there.keys()):
            if wanted[key] != there.get(key, 0):
                entity, account, currency = key
                refuse(
                    f"balance of {account} in {entity}: expected {shown(wanted[key], currency)}, "
                    f"found {shown(there.get(key, 0), currency)}"
                )

    def _numbers(self, heads: Iterable[dict[str, Any]]) -> None:
        series: dict[tuple[str, str], list[tuple[int, date]]] = defaultdict(list)
        for head in heads:
            series[head["entity"], head["series"]].append((head["sequence"], head["invoice_date"]))
        for name, members in series.items():
            members.sort()
            if [sequence for sequence, _ in members] != list(range(1, len(members) + 1)):
                refuse(f"numbers of series {name[1]} have a gap or a double")
            if [day for _, day in members] != sorted(day for _, day in members):
                refuse(f"dates of series {name[1]} decrease")

    # The outside world --------------------------------------------------------------------------------------------------

    def told(self, bills: Iterable[Bill], everything: bool) -> None:
        """What the delivery adapter did: each document once, none that does not exist, in the end all of them."""
        wanted = {_effect(self.app.tenant, bill): bill for bill in bills}
        acts = noted(self.folder, "acts.jsonl")
        for key, count in Counter(act["key"] for act in acts).items():
            if count != 1:
                refuse(f"document {key} was delivered {count} times")
        digests: dict[str, str] = {}
        final: set[str] = set()
        for receipt in noted(self.folder, "receipts.jsonl"):
            key, digest = receipt["key"], receipt["digest"]
            if digests.setdefault(key, digest) != digest:
                refuse(f"document {key} was sent again with another content")
            if key in final:
                refuse(f"document {key} was sent again after it had been accepted")
            if receipt["final"]:
                final.add(key)
        for act in acts:
            bill = wanted.get(act["key"])
            if bill is None:
                refuse(f"document {act['key']} was delivered, and should not exist")
            elif units(Decimal(act["total"]), act["currency"]) != bill.net + bill.tax:
                refuse(f"document {act['key']}: total {act['total']} {act['currency']} was delivered")
        missing = wanted.keys() - {act["key"] for act in acts}
        if everything and missing:
            refuse(f"document {min(missing)} was never delivered")

    def digest(self) -> str:
        """A digest of the books by natural key: no ids, no numbers, no times."""
        rows = []
        for key, head in self.invoices().items():
            total = [str(head[name]) for name in ("net", "tax", "total", "functional_total", "rate")]
            lines = sorted([*map(str, _line_key(line)), line["share"]] for line in head["lines"])
            key = (*key[:-1], key[-1].split(VOID)[0])  # the number of what was voided is none of the books' content
            rows.append(f"{key} {[_plain(t) for t in total]} {lines}")
        for entity, balances in self.app.ledger.trial_balance().items():
            for row in balances:
                values = [_plain(row[name]) for name in ("amount", "functional_amount")]
                rows.append(f"{entity} {row['account']} {row['currency']} {values}")
        return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()[:16]


def _plain(number: Any) -> str:
    """A number without the zeros that a database may add."""
    return str(Fraction(str(number)))


def _effect(tenant: str, bill: Bill) -> str:
    return "/".join((tenant, bill.entity, bill.on.isoformat(), bill.payer, bill.kind, bill.group))


def _named(key: Key) -> str:
    return "/".join(map(str, key))


def _line_key(line: dict[str, Any]) -> tuple[object, ...]:
    currency = line["currency"]
    return (
        line["account"],
        line["subscription"],
        line["plan"],
        line["charge"],
        line["service_from"],
        line["service_to"],
        bool(line["credits"]),
        line["cycle_from"],
        line["cycle_to"],
        currency,
        Fraction(line["quantity"]),
        minor(Fraction(line["full"]), currency) if line["credits"] else units(line["full"], currency),
        units(line["amount"], currency),
        line["events"],
        Fraction(line["tax_rate"]),
        line["tax_source"],
        units(line["tax_amount"], currency),
    )


def _line(key: tuple[Any, ...]) -> str:
    """A line for people."""
    _account, subscription, plan, charge, start, end, credit, first, after, currency, *rest = key
    quantity, full, amount, events, rate, source, tax = rest
    return (
        f"{subscription} {plan}/{charge} {start}..{end}{' credit' if credit else ''} of cycle {first}..{after}: "
        f"{quantity} x, cycle {shown(full, currency)}, amount {shown(amount, currency)}, {events} events, "
        f"tax {shown(tax, currency)} at {rate} by {source}"
    )
