"""BAI2 cash management reports.

A record ends with a slash or with its line; 88 goes on where the record before it stopped, also in the middle of a balance.
Amounts are minor units of the account's currency, which is its own, else that of its group, else USD.  An account section is
a statement: opening 010, closing 015.  Details of type 100 to 399 are credits, of 400 to 699 debits; 900 to 999 are no money.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.errors import Finding
from engine.ports.hookspecs.bank import Entry, Statement

from .reading import (
    CONTROL,
    CUT_OFF,
    LEFT_OUT,
    NO_ACCOUNT,
    NOT_FOR_BOOKING,
    bad,
    decoded,
    flaw,
    head,
    minor,
    references,
    short_day,
    signed,
    whole,
)

_HEADER: Final = re.compile(r"\s*01,(?:[^,\n]*,){4}[^\n]*?\s+02,(?:[^,\n]*,){3}")
_START: Final = re.compile(r"\s*(01|02|03|16|49|88|98|99)(?=,|/|\s*$)")
_BETWEEN: Final = re.compile(r"(?<=/)\s+(?=(?:02,|03,|88,|16,[0-9]{3},|(?:49|98|99),[+-]?[0-9]))")
"""Where one record ends and another begins on the same line."""

_OPENING, _CLOSING = "010", "015"
_NO_DETAILS: Final = frozenset({"", "Z", "0", "1", "2"})
_STATUS: Final = {
    "2": "the group takes back what was sent before (status 2)",
    "4": "the group is a test (status 4)",
}


class Record(msgspec.Struct):
    """A record with what its continuations add: its code, and for each physical record its line and fields."""

    code: str
    parts: list[tuple[int, list[str]]]

    @property
    def line(self) -> int:
        """The line that it begins on."""
        return self.parts[0][0]

    def field(self, index: int) -> str:
        """A field of the record, counted from its code, without blanks around it; empty where it is left out."""
        flat = [field for _, fields in self.parts for field in fields]
        return flat[index - 1].strip() if index <= len(flat) else ""


class _Fields:
    """The fields of a record one after the other.  What begins a physical record is known, so that a text is told from a
    field, and a field that a continuation leaves empty from one that is."""

    def __init__(self, record: Record, skip: int = 0) -> None:
        self._all = [
            (line, field, at == len(fields) - 1) for line, fields in record.parts for at, field in enumerate(fields)
        ]
        self._at = skip
        self.line = record.line

    def __bool__(self) -> bool:
        return self._at < len(self._all)

    def take(self) -> str:
        """The next field; empty at the end."""
        if not self:
            return ""
        self.line, field, _ = self._all[self._at]
        self._at += 1
        return field.strip()

    def skip_end(self) -> bool:
        """Pass over an empty field that ends a physical record; whether there was one."""
        if self and self._all[self._at][2] and not self._all[self._at][1].strip():
            self._at += 1
            return True
        return False

    def rest(self) -> str:
        """All that follows, as one text: commas were part of it, and the ends of physical records are blanks."""
        text = ""
        for _, field, last in self._all[self._at :]:
            text += field + (" " if last else ",")
        self._at = len(self._all)
        return text.strip()


class _Sums:
    """What control totals are compared with."""

    def __init__(self) -> None:
        self.account = self.group = self.file = 0


def recognises(data: bytes) -> bool:
    """Whether a file begins with a file header and a group header."""
    return bool(_HEADER.match(head(data)))


def read(data: bytes) -> tuple[Statement, ...]:
    """The account sections of a file.

    Raises:
        TollbookError: ``bank.bad-file``.
    """
    records = list(_records(decoded(data)))
    statements: list[Statement] = []
    odd: list[Finding] = []
    sums = _Sums()
    group: Record | None = None
    at = 0
    while at < len(records):
        record = records[at]
        at += 1
        if record.code == "01":
            group, sums.file = None, 0
        elif record.code == "02":
            group, sums.group = record, 0
        elif record.code == "03":
            if group is None:
                raise bad("an account (record 03) stands outside of a group (record 02)", record.line)
            details = []
            while at < len(records) and records[at].code == "16":
                details.append(records[at])
                at += 1
            statements.append(_statement(group, record, details, sums))
        elif record.code == "16":
            raise bad("a detail (record 16) stands outside of an account (record 03)", record.line)
        else:
            _check(record, sums, odd)
    if not records or records[-1].code != "99":
        last = records[-1].line if records else 0
        odd.append(flaw(CUT_OFF, "the file has no trailer (record 99)", last, mend="ask the bank for the whole file"))
    if statements and odd:
        end = statements[-1]
        statements[-1] = msgspec.structs.replace(end, flaws=(*end.flaws, *odd))
    return tuple(statements)


def _records(text: str) -> Iterator[Record]:
    """The records of a file, each with its continuations."""
    record: Record | None = None
    for number, raw in enumerate(text.split("\n"), 1):
        for line in _BETWEEN.split(raw.rstrip()) if raw.strip() else ():
            found = _START.match(line)
            body = _without_slash(line[found.end() :] if found else line).removeprefix(",")
            if found and found[1] != "88":
                if record:
                    yield record
                record = Record(found[1], [(number, body.split(","))])
            elif record is None:
                raise bad(f"the line begins with {line[:10]!r}, which is no record", number)
            elif found:
                record.parts.append((number, body.split(",")))
            elif record.code == "16":
                record.parts.append((number, [_without_slash(line).strip()]))
            else:
                raise bad(f"the line begins with {line[:10]!r}, which is no record", number)
    if record:
        yield record


def _without_slash(line: str) -> str:
    """A line without the slash that ends its record."""
    return line.rstrip().removesuffix("/")


def _statement(group: Record, account: Record, details: list[Record], sums: _Sums) -> Statement:
    flaws: list[Finding] = []
    currency = (account.field(2) or group.field(6) or "USD").upper()
    if group.field(3) in _STATUS:
        flaws.append(flaw(NOT_FOR_BOOKING, _STATUS[group.field(3)], group.line))
    as_of = short_day(group.field(4), group.line, flaws, "the as-of day of the group")
    balances: dict[str, Decimal] = {}
    sums.account = 0
    for code, amount, line in _summaries(account):
        sums.account += whole(amount, line, f"the amount of type {code or 'none'}")
        if amount:
            balances.setdefault(code, minor(amount, currency, line, f"the amount of type {code}"))
    entries = []
    for record in details:
        entry = _entry(record, currency, sums, flaws)
        if entry:
            entries.append(msgspec.structs.replace(entry, booking_date=as_of))
    if not account.field(1):
        flaws.append(flaw(NO_ACCOUNT, "the account (record 03) has no number", account.line))
    opening, closing = balances.get(_OPENING), balances.get(_CLOSING)
    return Statement(account.field(1) or None, currency, tuple(entries), opening, closing, tuple(flaws))


def _summaries(account: Record) -> Iterator[tuple[str, str, int]]:
    """Type, amount and line of every balance and sum of an account."""
    fields = _Fields(account, skip=2)
    while fields:
        if fields.skip_end():
            continue
        code, amount = fields.take(), fields.take()
        line = fields.line
        fields.take()  # the number of items
        _funds(fields)
        if code and not re.fullmatch("[0-9]{3}", code):
            raise bad(f"{code!r} is no type of a balance", line, why="a type has three digits")
        yield code, amount, line


def _funds(fields: _Fields) -> str:
    """Pass over what says when funds are available; the value day, where it says one."""
    kind = fields.take().upper()
    if kind == "V":
        value = fields.take()
        fields.take()  # the time
        return value
    if kind == "S":
        for _ in range(3):
            fields.take()
    elif kind == "D":
        for _ in range(2 * whole(fields.take(), fields.line, "the number of distributions")):
            fields.take()
    elif kind not in _NO_DETAILS:
        raise bad(f"{kind!r} is no type of funds", fields.line, why="it is Z, 0, 1, 2, S, V or D")
    return ""


def _entry(record: Record, currency: str, sums: _Sums, flaws: list[Finding]) -> Entry | None:
    """An entry; None for what is no money."""
    fields = _Fields(record)
    code, text = fields.take(), fields.take()
    if not re.fullmatch("[0-9]{3}", code):
        raise bad(f"{code!r} is no type of a detail", record.line, why="a type has three digits")
    units = whole(text, record.line, "the amount of the detail")
    sums.account += units
    sign = "C" if "100" <= code <= "399" else "D" if "400" <= code <= "699" else ""
    if not sign:
        if units or not (code >= "900" or code == "890"):
            what = f"a detail of type {code} over {text or 'nothing'} is neither credit nor debit, and is left out"
            flaws.append(flaw(LEFT_OUT, what, record.line, why="100 to 399 are credits, 400 to 699 debits"))
        return None
    sign, amount = signed(minor(text, currency, record.line, "the amount of the detail"), sign)
    value = short_day(_funds(fields), record.line, flaws, "the value day of the detail")
    pairs = [("bank", fields.take()), ("customer", fields.take()), ("type", code), ("text", fields.rest())]
    return Entry(
        sign=sign,  # type: ignore[arg-type]
        amount=amount,
        currency=currency,
        value_date=value,
        references=references(pairs),
    )


def _check(record: Record, sums: _Sums, odd: list[Finding]) -> None:
    """Compare the control total of a trailer with what it sums up."""
    names = {"49": "account", "98": "group", "99": "file"}
    if record.code not in names:
        return
    name = names[record.code]
    said = whole(record.field(1), record.line, f"the control total of the {name}")
    found = getattr(sums, name)
    if said != found:
        what = f"the control total of the {name} is {said}, and what it sums up is {found}"
        odd.append(flaw(CONTROL, what, record.line, mend="something is missing or was changed: ask the bank"))
    if record.code == "49":
        sums.group += said
    elif record.code == "98":
        sums.file += said
