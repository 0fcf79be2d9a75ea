"""Lockbox files of the BAI layout: records of fixed positions, 80 wide or wider.

1 and 2 are headers, 5 begins a batch of a lockbox, 6 is a check, 4 says what it pays, 7 and 8 sum up batch and lockbox, 9 ends
the file.  The checks that one lockbox had on one day are a statement.  Amounts are cents of USD.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from engine.base.errors import Finding
from engine.ports.hookspecs.bank import Entry, Statement

from .reading import CONTROL, CUT_OFF, bad, decoded, flaw, head, minor, references, short_day, whole

_CURRENCY: Final = "USD"
_RECORDS: Final = frozenset("12456789")
_DOLLARS: Final = {"7": ("batch", (21, 23), (24, 33)), "8": ("lockbox", (21, 24), (25, 34))}
"""Totals: what they sum up, and where the number and the sum of the checks stand."""


class Record(msgspec.Struct, frozen=True):
    """A record and its line."""

    text: str
    line: int

    def cut(self, first: int, last: int) -> str:
        """Positions as the layout counts them, from 1, without blanks around."""
        return self.text[first - 1 : last].strip()


class Deposit(msgspec.Struct):
    """What one lockbox had on one day, while it is read; ``batch`` is how many entries stood before the batch began."""

    lockbox: str
    day: str
    line: int
    entries: list[Entry] = []
    flaws: list[Finding] = []
    batch: int = 0


def recognises(data: bytes) -> bool:
    """Whether a file is of records 1, 2 and 5, or 1 and 5, with nothing else between, and is no NACHA file."""
    lines = [line for line in head(data).split("\n") if line.strip()][:3]
    kinds = "".join(line[0] for line in lines)
    if not re.match("12?5", kinds) or re.match(r"1.{33}094", lines[0]):
        return False
    header = lines[kinds.index("5")]
    return bool(re.fullmatch(r"5[0-9 ]{6}[0-9A-Za-z ]{7}[0-9]{6}", header[:20].ljust(20)))


def read(data: bytes) -> tuple[Statement, ...]:
    """The deposits of a file.

    Raises:
        TollbookError: ``bank.bad-file``.
    """
    done: list[Deposit] = []
    deposit: Deposit | None = None
    ended, last = False, 0
    for record in _records(decoded(data)):
        kind, last = record.text[0], record.line
        if kind == "5":
            key = record.cut(8, 14), record.cut(15, 20)
            if deposit is None or (deposit.lockbox, deposit.day) != key:
                deposit = Deposit(*key, record.line, [], [])
                done.append(deposit)
            deposit.batch = len(deposit.entries)
        elif kind in "4678" and deposit is None:
            raise bad(f"a record {kind} stands outside of a lockbox (record 5)", record.line)
        elif kind == "6" and deposit:
            deposit.entries.append(_check(record, deposit))
        elif kind == "4" and deposit:
            _pays(record, deposit)
        elif kind in _DOLLARS and deposit:
            deposit.flaws += _differences(record, deposit)
            if kind == "7":
                deposit.batch = len(deposit.entries)
            else:
                deposit = None
        elif kind == "9":
            ended = True
    if not ended and done:
        what = "the file has no trailer (record 9)"
        done[-1].flaws.append(flaw(CUT_OFF, what, last, mend="ask the bank for the whole file"))
    return tuple(Statement(one.lockbox or None, _CURRENCY, tuple(one.entries), flaws=tuple(one.flaws)) for one in done)


def _records(text: str) -> Iterator[Record]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        if line[0] not in _RECORDS:
            raise bad(f"a record begins with {line[0]!r}", number, why="records begin with 1, 2, 4, 5, 6, 7, 8 or 9")
        yield Record(line, number)


def _check(record: Record, deposit: Deposit) -> Entry:
    text = record.cut(8, 17)
    if not text.isdigit():
        raise bad(f"the amount of a check is {text!r}, which is no whole number of cents", record.line)
    booked = short_day(deposit.day, deposit.line, deposit.flaws, "the deposit day") if not deposit.entries else None
    booked = booked or (deposit.entries[0].booking_date if deposit.entries else None)
    name = record.cut(53, 82)
    pairs = [
        ("cheque", record.cut(37, 46)),
        ("bank", f"{record.cut(2, 4)}/{record.cut(5, 7)}".strip("/")),
        ("bank_code", record.cut(18, 26)),
        ("counterparty_account", record.cut(27, 36)),
    ]
    return Entry(
        sign="C",
        amount=minor(text, _CURRENCY, record.line, "the amount of a check"),
        currency=_CURRENCY,
        booking_date=booked,
        references=references(pairs),
        counterparty=name if any(letter.isalpha() for letter in name) else None,
    )


def _pays(record: Record, deposit: Deposit) -> None:
    """Add what an overflow record says of the check before it: an invoice, and how much of the check is for it."""
    if len(deposit.entries) == deposit.batch:
        raise bad("an overflow (record 4) stands before any check (record 6)", record.line)
    check = deposit.entries[-1]
    invoice, paid = record.cut(12, 26), record.cut(27, 36)
    details = check.details
    if not paid.isdigit():  # some banks put a text there
        invoice = record.cut(12, 80)
    else:
        amount = minor(paid, _CURRENCY, record.line, "the amount of an invoice")
        told = references([("document", invoice)])
        details = (*details, Entry("C", amount, _CURRENCY, check.booking_date, None, told))
    found = references([*((one.kind, one.value) for one in check.references), ("document", invoice)])
    deposit.entries[-1] = msgspec.structs.replace(check, references=found, details=details)


def _differences(record: Record, deposit: Deposit) -> Iterator[Finding]:
    """What a total says otherwise than the checks that it sums up."""
    name, number_at, sum_at = _DOLLARS[record.text[0]]
    mine = deposit.entries[deposit.batch :] if record.text[0] == "7" else deposit.entries
    pairs = (
        ("number of checks", whole(record.cut(*number_at), record.line, "the number of checks"), len(mine)),
        (
            "sum of the checks",
            whole(record.cut(*sum_at), record.line, "the sum of the checks"),
            sum(int(one.amount.scaleb(2)) for one in mine),
        ),
    )
    for what, said, found in pairs:
        if said != found:
            text = f"the {what} of the {name} is {said}, and what it holds gives {found}"
            yield flaw(CONTROL, text, record.line, mend="something is missing or was changed: ask the bank")
