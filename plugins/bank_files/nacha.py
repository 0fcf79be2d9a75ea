"""NACHA files of the American clearing house (ACH), with returns and notifications of change.

A batch is a statement, its account the company's identification.  The sign of an entry follows from its transaction code:
the second digit is 1 to 4 for credits, 5 to 9 for debits.  A return has the sign of the entry that comes back, and is marked
as a reversal.  Amounts are cents of USD, also in international (IAT) entries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final, Literal

import msgspec

from engine.base.errors import Finding, TollbookError
from engine.ports.hookspecs.bank import Entry, Statement

from .reading import CONTROL, CUT_OFF, LEFT_OUT, bad, decoded, flaw, head, minor, references, short_day, whole

_WIDTH: Final = 94
_CURRENCY: Final = "USD"
_SIGNS: Final[dict[str, Literal["C", "D"]]] = {
    **{f"{kind}{digit}": "C" for kind in "2345" for digit in "1234"},
    **{f"{kind}{digit}": "D" for kind in "234" for digit in "6789"},
    **dict.fromkeys(("55", "56"), "D"),
    **{f"8{digit}": "C" if digit in "1357" else "D" for digit in "12345678"},
}
"""Signs by transaction code: 2x checking, 3x savings, 4x general ledger, 5x loans, 8x automated accounting advices."""

_HEADER: Final = re.compile(
    r"\s*1[0-9 ]{2}.{20}[0-9 ]{10}.094|\s*(?:101[^\n]*\n+)?5[0-9]{3}[^\n]{46}[A-Z]{3}[^\n]{41}(?:\n|$)", re.DOTALL
)
"""A file header that says that records are 94 long, or a batch header with its class of entries, after any file header or none."""


class Record(msgspec.Struct, frozen=True):
    """A record, filled with blanks to its full width, and its line."""

    text: str
    line: int

    def cut(self, first: int, last: int) -> str:
        """Positions as the standard counts them, from 1, without blanks around."""
        return self.text[first - 1 : last].strip()


class Batch:
    """A batch while it is read."""

    def __init__(self, header: Record) -> None:
        self.header = header
        self.entries: list[tuple[Record, list[Record]]] = []
        self.control: Record | None = None
        self.flaws: list[Finding] = []

    @property
    def sec(self) -> str:
        """Standard entry class: PPD, CCD, IAT, COR, ADV."""
        return self.header.cut(51, 53)


def recognises(data: bytes) -> bool:
    """Whether a file begins with a NACHA file header, or with the batch header of a file that has lost its own."""
    return bool(_HEADER.match(head(data)))


def read(data: bytes) -> tuple[Statement, ...]:
    """The batches of a file.

    Raises:
        TollbookError: ``bank.bad-file``.
    """
    batches: list[Batch] = []
    controls: list[Record] = []
    inside, first, last = False, "", 0
    for record in _records(decoded(data)):
        kind, last = record.text[0], record.line
        first = first or kind
        if kind == "5":
            batches.append(Batch(record))
            inside = True
        elif kind in "678" and not inside:
            raise bad(f"a record {kind} stands outside of a batch", record.line)
        elif kind == "6":
            batches[-1].entries.append((record, []))
        elif kind == "7" and not batches[-1].entries:
            raise bad("an addendum (record 7) stands before any entry", record.line)
        elif kind == "7":
            batches[-1].entries[-1][1].append(record)
        elif kind == "8":
            batches[-1].control, inside = record, False
        elif kind == "9":
            controls.append(record)
            inside = False
        elif kind != "1":
            raise bad(f"a record begins with {kind!r}", record.line, why="records begin with 1, 5, 6, 7, 8 or 9")
    statements = [_statement(one) for one in batches]
    odd: list[Finding] = []
    if first == "5":
        odd.append(flaw(CUT_OFF, "the file has no header (1)", 1, mend="ask the bank for the whole file"))
    if not controls:
        odd.append(flaw(CUT_OFF, "the file has no control record (9)", last, mend="ask the bank for the whole file"))
    elif len(controls) == 1:  # several are those of files that were put behind each other
        odd += _file_flaws(controls[0], statements, any(one.sec == "ADV" for one in batches))
    if statements and odd:
        end = statements[-1]
        statements[-1] = msgspec.structs.replace(end, flaws=(*end.flaws, *odd))
    return tuple(statements)


def _records(text: str) -> Iterator[Record]:
    """The records of a file; those that only fill up its last block are left out."""
    lines = [line.rstrip() for line in text.split("\n")]
    filled = [line for line in lines if line]
    if len(filled) == 1 and len(filled[0]) > _WIDTH:
        lines = [filled[0][at : at + _WIDTH] for at in range(0, len(filled[0]), _WIDTH)]
    for number, line in enumerate(lines, 1):
        if not line.strip() or not line.strip("9"):
            continue
        if len(line) > _WIDTH:
            raise bad(f"the record is {len(line)} characters long", number, why=f"records are {_WIDTH} long")
        yield Record(line.ljust(_WIDTH), number)


def _statement(batch: Batch) -> Statement:
    header, flaws = batch.header, batch.flaws
    effective = _effective(header, flaws)
    takes_back = header.cut(54, 63).upper() == "REVERSAL"
    entries = []
    for record, addenda in batch.entries:
        entry = _entry(record, addenda, batch.sec)
        entries.append(msgspec.structs.replace(entry, value_date=effective, reversal=entry.reversal or takes_back))
    if batch.control is None:
        flaws.append(flaw(CUT_OFF, "the batch has no control record (8)", header.line))
    else:
        flaws += _batch_flaws(batch, batch.control, entries)
    return Statement(header.cut(41, 50) or None, _CURRENCY, tuple(entries), flaws=tuple(flaws))


def _effective(header: Record, flaws: list[Finding]) -> date | None:
    """The effective entry day; one that is no day does not count, as the clearing house takes its next day then."""
    text = header.cut(70, 75)
    try:
        return short_day(text, header.line, flaws, "the effective entry day")
    except TollbookError:
        flaws.append(flaw(LEFT_OUT, f"the effective entry day is {text!r}, which is no day", header.line))
        return None


def _amount_of(record: Record, sec: str) -> Decimal:
    text = record.cut(28, 39) if sec == "ADV" else record.cut(30, 39)
    if not text.isdigit():  # fields of money are never blank: a record without one was cut off
        raise bad(f"the amount of an entry is {text!r}, which is no whole number of cents", record.line)
    return minor(text, _CURRENCY, record.line, "the amount of an entry")


def _entry(record: Record, addenda: list[Record], sec: str) -> Entry:
    code = record.cut(2, 3)
    sign = _SIGNS.get(code)
    if sign is None:
        raise bad(
            f"{code!r} is no transaction code", record.line, why="its second digit says credit (1-4) or debit (6-9)"
        )
    account, name, own = _parties(record, addenda, sec)
    pairs: list[tuple[str, str | None]] = [
        ("customer", own),
        ("trace", record.cut(80, 94) if sec != "ADV" else ""),
        ("transaction_code", code),
        ("bank_code", record.cut(4, 12)),
        ("counterparty_account", account),
    ]
    returned = False
    for one in addenda:
        kind = one.cut(2, 3)
        if kind in ("98", "99"):
            returned = returned or kind == "99"
            pairs += _come_back(one, kind)
        elif kind in ("05", "17"):
            pairs.append(("text", one.cut(4, 83)))
    return Entry(
        sign=sign,
        amount=_amount_of(record, sec),
        currency=_CURRENCY,
        references=references(pairs),
        counterparty=" ".join(name.split()) or None,
        reversal=returned,
    )


def _parties(record: Record, addenda: list[Record], sec: str) -> tuple[str, str, str]:
    """Account and name of the other party, and what the company calls the entry."""
    if sec == "IAT":
        names = [one.cut(47, 81) for one in addenda if one.cut(2, 3) == "10"]
        own = [one.cut(4, 18) for one in addenda if one.cut(2, 3) == "15"]
        return record.cut(40, 74), names[0] if names else "", own[0] if own else ""
    if sec == "ADV":
        return record.cut(13, 27), record.cut(55, 76), record.cut(49, 53)
    if sec in ("CTX", "ENR"):
        return record.cut(13, 29), record.cut(59, 74), record.cut(40, 54)
    if sec in ("CIE", "MTE"):  # the name stands first
        return record.cut(13, 29), record.cut(40, 54), record.cut(55, 76)
    return record.cut(13, 29), record.cut(55, 76), record.cut(40, 54)


def _come_back(record: Record, kind: str) -> Iterator[tuple[str, str | None]]:
    """What an addendum of a return (99) or of a notification of change (98) says."""
    yield ("return_code" if kind == "99" else "change_code"), record.cut(4, 6)
    yield "original_trace", record.cut(7, 21)
    yield "original_bank", record.cut(28, 35)
    if kind == "98":
        yield "corrected", record.cut(36, 64)
    else:
        yield "text", record.cut(36, 79)


def _differences(said: dict[str, int], found: dict[str, int], where: str, line: int) -> Iterator[Finding]:
    for name, value in said.items():
        if value != found[name]:
            what = f"the {name} of the {where} is {value}, and what it holds gives {found[name]}"
            yield flaw(CONTROL, what, line, mend="something is missing or was changed: ask the bank")


def _sums(entries: list[Entry]) -> dict[str, int]:
    cents = {"C": 0, "D": 0}
    for entry in entries:
        cents[entry.sign] += int(entry.amount.scaleb(2))
    return {"total of debits": cents["D"], "total of credits": cents["C"]}


def _batch_flaws(batch: Batch, control: Record, entries: list[Entry]) -> Iterator[Finding]:
    """What the control record of a batch says otherwise than its entries."""
    is_advice = batch.sec == "ADV"
    debits, credits = ((21, 40), (41, 60)) if is_advice else ((21, 32), (33, 44))
    said = {
        "number of entries and addenda": whole(control.cut(5, 10), control.line, "the number of entries"),
        "entry hash": whole(control.cut(11, 20), control.line, "the entry hash"),
        "total of debits": whole(control.cut(*debits), control.line, "the total of debits"),
        "total of credits": whole(control.cut(*credits), control.line, "the total of credits"),
    }
    routes = (whole(record.cut(4, 11), record.line, "the bank of an entry") for record, _ in batch.entries)
    found = {
        "number of entries and addenda": sum(1 + len(addenda) for _, addenda in batch.entries),
        "entry hash": sum(routes) % 10**10,
        **_sums(entries),
    }
    yield from _differences(said, found, "batch", control.line)


def _file_flaws(control: Record, statements: list[Statement], advices: bool) -> Iterator[Finding]:
    """What the control record of the file says otherwise than its batches."""
    entries = [entry for one in statements for entry in one.entries]
    debits, credits = ((32, 51), (52, 71)) if advices else ((32, 43), (44, 55))
    said = {
        "number of batches": whole(control.cut(2, 7), control.line, "the number of batches"),
        "total of debits": whole(control.cut(*debits), control.line, "the total of debits"),
        "total of credits": whole(control.cut(*credits), control.line, "the total of credits"),
    }
    yield from _differences(said, {"number of batches": len(statements), **_sums(entries)}, "file", control.line)
