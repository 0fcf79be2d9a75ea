"""Lockbox as ANSI X12 823.

``ISA`` says what separates elements and ends segments.  A deposit (``DEP``) is a statement, its account the bank account that
it names, else the lockbox; a payment (``BPR``) is an entry, whose sign is BPR03.  ``RMR`` says which invoices it pays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.errors import Finding
from engine.ports.hookspecs.bank import Entry, Statement

from .reading import CONTROL, CUT_OFF, bad, decoded, flaw, head, number, references, short_day, signed

_CHECKS: Final = frozenset({"CK", "CM"})
_KINDS: Final = {**dict.fromkeys(_CHECKS, "cheque"), "TN": "trace", "TRN": "trace"}
_PAYERS: Final = frozenset({"PR", "PE", "RM", "IC"})
_TOTAL: Final = frozenset({"2", "3", "TP"})
_SIGNS: Final = {"C": "C", "D": "D", "": "C"}


class Segment(msgspec.Struct, frozen=True):
    """A segment: its name, its elements from 1 on, and its line."""

    name: str
    elements: tuple[str, ...]
    line: int

    def __getitem__(self, index: int) -> str:
        return self.elements[index - 1].strip() if index <= len(self.elements) else ""


class Payment(msgspec.Struct):
    """A payment while it is read."""

    head: Segment
    pairs: list[tuple[str, str | None]]
    details: list[tuple[Segment, str]]
    name: str = ""


class Deposit(msgspec.Struct):
    """A deposit while it is read."""

    head: Segment
    currency: str
    payments: list[Payment] = []
    total: Segment | None = None
    batch: str = ""


def recognises(data: bytes) -> bool:
    """Whether a file is an X12 interchange with a transaction set 823."""
    text = head(data).lstrip()
    if not text.startswith("ISA") or len(text) < 106:
        return False
    return re.search(rf"(?:^|[^A-Z0-9])ST{re.escape(text[3])}823(?![0-9])", text) is not None


def read(data: bytes) -> tuple[Statement, ...]:
    """The deposits of a file.

    Raises:
        TollbookError: ``bank.bad-file``.
    """
    deposits: list[Deposit] = []
    currency, last, ended = "USD", 0, False
    inside = False
    for segment in _segments(decoded(data)):
        last = segment.line
        if segment.name == "ST":
            inside, currency = segment[1] == "823", "USD"
        elif segment.name == "CUR":
            currency = segment[2].upper() or currency
        elif segment.name == "IEA":
            ended = True
        elif segment.name == "DEP" and inside:
            deposits.append(Deposit(segment, currency, []))
        elif inside and deposits:
            _take(segment, deposits[-1])
        elif segment.name == "BPR" and inside:
            raise bad("a payment (BPR) stands outside of a deposit (DEP)", segment.line)
    statements = [_statement(one) for one in deposits]
    if not ended and statements:
        odd = flaw(CUT_OFF, "the interchange is not ended (IEA)", last, mend="ask the bank for the whole file")
        statements[-1] = msgspec.structs.replace(statements[-1], flaws=(*statements[-1].flaws, odd))
    return tuple(statements)


def _segments(text: str) -> Iterator[Segment]:
    """The segments of an interchange; its fixed header says what separates them."""
    plain = text.lstrip()
    line = 1 + text[: len(text) - len(plain)].count("\n")
    if not plain.startswith("ISA") or len(plain) < 106:
        raise bad("the interchange has no whole header (ISA)", line)
    between, end = plain[3], plain[105]
    for raw in plain.split(end):
        begin = line + (len(raw) - len(raw.lstrip("\n ")) and raw[: len(raw) - len(raw.lstrip())].count("\n"))
        line += raw.count("\n") + (end == "\n")
        name, *elements = raw.strip().split(between)
        if name:
            yield Segment(name, tuple(elements), begin)


def _take(segment: Segment, deposit: Deposit) -> None:
    """Take a segment into its deposit, or into its last payment."""
    payment = deposit.payments[-1] if deposit.payments else None
    if segment.name == "BAT":
        deposit.batch = segment[3]
    elif segment.name == "BPR":
        deposit.payments.append(Payment(segment, [("batch", deposit.batch)], []))
    elif segment.name == "AMT" and payment is None and deposit.total is None and segment[1] in _TOTAL:
        deposit.total = segment
    elif payment is None:
        return
    elif segment.name == "REF":
        payment.pairs.append((_KINDS.get(segment[1], "reference"), segment[2]))
    elif segment.name == "TRN":
        payment.pairs.append(("trace", segment[2]))
    elif segment.name in ("RMR", "RMT"):
        payment.pairs.append(("document", segment[2]))
        payment.details.append((segment, segment[4] if segment.name == "RMR" else segment[3]))
    elif segment.name == "N1" and segment[1] in _PAYERS and not payment.name:
        payment.name = segment[2]


def _statement(deposit: Deposit) -> Statement:
    flaws: list[Finding] = []
    first = deposit.head
    booked = short_day(first[2], first.line, flaws, "the day of the deposit")
    entries = []
    for payment in deposit.payments:
        start = payment.head
        mark = _SIGNS.get(start[3])
        if mark is None:
            raise bad(f"BPR03 is {start[3]!r}", start.line, why="it is C or D")
        sign, amount = signed(number(start[2], start.line, "BPR02"), mark)
        told = ("bank_code", start[7]), ("counterparty_account", start[9])
        entries.append(
            Entry(
                sign=sign,  # type: ignore[arg-type]
                amount=amount,
                currency=deposit.currency,
                booking_date=booked,
                value_date=short_day(start[16], start.line, flaws, "BPR16"),
                references=references([*payment.pairs, *told]),
                counterparty=payment.name or None,
                details=_details(payment, deposit.currency, sign),
            )
        )
    flaws += _difference(deposit, entries)
    return Statement(first[8] or first[1] or None, deposit.currency, tuple(entries), flaws=tuple(flaws))


def _details(payment: Payment, currency: str, sign: str) -> tuple[Entry, ...]:
    """What the payment is for; nothing where one of its parts has no amount."""
    parts = []
    for segment, text in payment.details:
        if not text:
            return ()
        part_sign, amount = signed(number(text, segment.line, f"the amount of {segment.name}"), sign)
        told = references([("document", segment[2])])
        parts.append(Entry(part_sign, amount, currency, references=told))  # type: ignore[arg-type]
    return tuple(parts)


def _difference(deposit: Deposit, entries: list[Entry]) -> Iterator[Finding]:
    """What the total of a deposit says otherwise than its payments."""
    if deposit.total is None:
        return
    said = number(deposit.total[2], deposit.total.line, "the total of the deposit")
    found = sum((one.amount if one.sign == "C" else -one.amount for one in entries), Decimal(0))
    if said != found:
        what = f"the total of the deposit is {said}, and its payments give {found}"
        yield flaw(CONTROL, what, deposit.total.line, mend="something is missing or was changed: ask the bank")
