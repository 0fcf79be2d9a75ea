"""SWIFT MT940 (customer statements) and MT942 (interim reports).

Field 61 is value day, booking day, mark, funds code, amount, type, references.  The mark is ``C`` or ``D``; ``R`` before
it says that it takes back an entry of that mark, so ``RC`` is a debit.  ``E`` before it, in MT942, says that it is expected.
Each message is one statement, also where several of them are the pages of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final, Literal

import msgspec

from engine.base.errors import Finding
from engine.ports.hookspecs.bank import Entry, Statement

from .reading import LEFT_OUT, NO_ACCOUNT, bad, comma_number, day, decoded, flaw, head, references, short_day

_TAG: Final = re.compile(r":([0-9]{2}[A-Z]?|NS):(.*)", re.DOTALL)
_HEADING: Final = re.compile(r"^.*\{4:\s*")
_END: Final = re.compile(r"-(?:\}.*|XXX|\W*)")
_LINE: Final = re.compile(
    r"(?P<value>[0-9]{6}) ?(?P<entry>[0-9]{4}|    )?(?P<mark>R[CD]|E[CD]|[CD])(?P<funds>[A-Z])?"
    r"(?P<amount>[0-9]*[,.]?[0-9]*)(?![0-9,.])(?P<type>[A-Z][A-Z0-9 ]{3})?(?P<rest>.*)",
    re.DOTALL,
)
_BALANCE: Final = re.compile(r"(?P<mark>[CD])(?P<day>[0-9]{6})(?P<currency>[A-Z]{3})?(?P<amount>[0-9]*[,.]?[0-9]*)")
_FLOOR: Final = re.compile(r"([A-Z]{3}) ?[CD]? ?[0-9,]")
_NUMBERED: Final = re.compile(r"[0-9]{3}([?~^<])(?=[0-9]{2})")
"""A code, and what stands before the numbers of sub-fields: ``?`` at German banks, another mark at Polish ones."""

_PURPOSES: Final = re.compile(r"(EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|IBAN|BIC|COAM|OAMT)\+")
_SLASHED: Final = re.compile(r"/(EREF|MARF|NAME|REMI|IBAN|PREF)/+(?:USTD/+|STRD/[A-Z]{3}/+)?([^/]*)")
_PARTY: Final = re.compile(r"/CNTP/([^/]*)/[^/]*/([^/]*)/")
_KINDS: Final = {
    "EREF": "end_to_end_id",
    "KREF": "customer",
    "MREF": "mandate_id",
    "MARF": "mandate_id",
    "SVWZ": "text",
    "REMI": "text",
    "PREF": "payment_id",
}
_SIGNS: Final[dict[str, Literal["C", "D"]]] = {"C": "C", "D": "D", "RC": "D", "RD": "C", "EC": "C", "ED": "D"}


class Field(msgspec.Struct, frozen=True):
    """A field of a message: its tag, what stands behind it, and the line it begins on."""

    tag: str
    lines: tuple[str, ...]
    line: int


def recognises(data: bytes, *, interim: bool) -> bool:
    """Whether a file is MT942, if ``interim``, else MT940: interim reports have no balances."""
    tags = {field.tag for message in _messages(head(data)) for field in message}
    if not tags & {"25", "25P", "60F", "60M"} or not tags & {"28", "28C", "60F", "60M", "61"}:
        return False
    return interim is (
        not tags & {"60F", "60M", "62F", "62M"} and bool(tags & {"34F", "13", "13D", "90C", "90D", "61"})
    )


def read(data: bytes) -> tuple[Statement, ...]:
    """The statements of a file.

    Raises:
        TollbookError: ``bank.bad-file``.
    """
    return tuple(_statement(message) for message in _messages(decoded(data)))


def _messages(text: str) -> Iterator[list[Field]]:
    """The messages of a file, each as its fields; what stands outside of messages is passed over."""
    fields: list[Field] = []
    outside = False
    if "@@:" in text and "\n:" not in text:  # how lines end in what German banks send by FinTS
        text = text.replace("@@", "\n")
    for number, raw in enumerate(text.split("\n"), 1):
        line = _HEADING.sub("", raw).rstrip("\x03") if "{4:" in raw else raw.rstrip("\x03")
        found = _TAG.match(line)
        if found:
            if fields and (found[1] == "20" or (found[1] in ("25", "25P") and _has_begun(fields))):
                yield fields
                fields = []
            fields.append(Field(found[1], (found[2],), number))
            outside = False  # a line of a text may look like the end of a message
        elif _END.fullmatch(line.rstrip()):
            outside = True
        elif not outside and fields and line.strip():
            last = fields[-1]
            fields[-1] = msgspec.structs.replace(last, lines=(*last.lines, line))
    if fields:
        yield fields


def _has_begun(fields: list[Field]) -> bool:
    """Whether the fields of a message name an account already: another one begins a message without field 20."""
    return any(field.tag in ("25", "25P") for field in fields)


def _statement(fields: list[Field]) -> Statement:
    flaws: list[Finding] = []
    account = next((field.lines[0].strip() for field in fields if field.tag in ("25", "25P")), "")
    if not account:
        if not {"60F", "60M", "61", "62F", "62M"} & {field.tag for field in fields}:
            raise bad("the message has neither an account (field 25) nor balances nor entries", fields[0].line)
        flaws.append(flaw(NO_ACCOUNT, "the statement has no account (field 25)", fields[0].line))
    first = [_balance(field, flaws) for field in fields if field.tag in ("60F", "60M")]
    last = [_balance(field, flaws) for field in fields if field.tag in ("62F", "62M")]
    opening, closing = (first[0] if first else None), (last[-1] if last else None)
    currency = (opening or closing or ("", Decimal(0)))[0] or None
    if opening and closing and opening[0] != closing[0]:
        raise bad(f"the balances are in {opening[0]} and {closing[0]}", fields[0].line)
    floors = [_FLOOR.match(field.lines[0]) for field in fields if field.tag == "34F"]
    floor = next((found[1] for found in floors if found), None)
    entries = tuple(_entries(fields, currency or floor, flaws))
    before, after = (one[1] if one else None for one in (opening, closing))
    return Statement(account or None, currency, entries, before, after, tuple(flaws))


def _balance(field: Field, flaws: list[Finding]) -> tuple[str, Decimal] | None:
    """Currency and amount of a balance; None where it does not name its currency, so that it states no amount of money."""
    found = _BALANCE.fullmatch(field.lines[0].replace(" ", ""))
    if not found:
        raise bad(
            f"field {field.tag} is {field.lines[0].strip()!r}, which is no balance",
            field.line,
            why="it is C or D, YYMMDD, a currency and an amount with a comma",
        )
    amount = comma_number(found["amount"], field.line, f"the amount of field {field.tag}")
    if not found["currency"]:
        what = f"the balance in field {field.tag} names no currency, and is not taken for one"
        flaws.append(flaw(LEFT_OUT, what, field.line, mend="ask the bank for a file with whole balances"))
        return None
    return found["currency"], -amount if found["mark"] == "D" and amount else amount


def _entries(fields: list[Field], currency: str | None, flaws: list[Finding]) -> Iterator[Entry]:
    """The entries of a message: each field 61 with the field 86 right behind it."""
    for at, field in enumerate(fields):
        if field.tag == "61":
            behind = fields[at + 1] if at + 1 < len(fields) else None
            yield _entry(field, behind if behind and behind.tag in ("86", "NS") else None, currency, flaws)


def _entry(field: Field, told: Field | None, currency: str | None, flaws: list[Finding]) -> Entry:
    lines = field.lines
    found = _LINE.fullmatch(lines[0].strip())
    if len(lines) > 1 and not (found and found["amount"]):  # a line that was wrapped before its amount
        lines = (lines[0].strip() + lines[1].strip(), *lines[2:])
        found = _LINE.fullmatch(lines[0])
    if not found or not found["amount"]:
        raise bad(
            f"field 61 is {field.lines[0]!r}, which is no entry",
            field.line,
            why="it is YYMMDD, MMDD, C, D, RC or RD, an amount with a comma, and a type of four characters",
        )
    value = short_day(found["value"], field.line, flaws, "the value day of field 61")
    customer, _, bank = found["rest"].partition("//")
    supplement = " ".join(lines[1:])
    pairs: list[tuple[str, str | None]] = [
        ("customer", customer),
        ("bank", bank),
        ("type", found["type"]),
        ("supplement", supplement),
    ]
    name, more = _told(told) if told else (None, [])
    return Entry(
        sign=_SIGNS[found["mark"]],
        amount=comma_number(found["amount"], field.line, "the amount of field 61"),
        currency=currency,
        booking_date=_booked((found["entry"] or "").strip(), value, field.line, flaws),
        value_date=value,
        references=references([*pairs, *more]),
        counterparty=name,
        reversal=found["mark"][0] == "R",
        status="pending" if found["mark"][0] == "E" else "booked",
    )


def _booked(text: str, value: date | None, line: int, flaws: list[Finding]) -> date | None:
    """The booking day MMDD, in the year in which it is nearest to the value day; None where it is not told."""
    if not text or text == "0000" or value is None:
        return None
    tried: list[tuple[date, list[Finding]]] = []
    for year in (value.year, value.year - 1, value.year + 1):
        odd: list[Finding] = []
        tried.append((day(year, int(text[:2]), int(text[2:]), line, odd), odd))
    booked, odd = min(tried, key=lambda one: abs(one[0] - value))
    flaws += odd
    return booked


def _told(field: Field) -> tuple[str | None, list[tuple[str, str | None]]]:
    """Name of the counterparty, and references, from field 86 with numbered parts, with slashes, or as plain text."""
    whole = "".join(field.lines)
    numbered = _NUMBERED.match(whole)
    if numbered:
        parts = dict(_sub_fields(whole, numbered[1]))
        purpose = "".join(text for code, text in sorted(parts.items()) if code[0] == "2" or code[:2] in _MORE)
        name = " ".join((parts.get("32", "") + parts.get("33", "")).split())
        pieces = _PURPOSES.split(purpose)
        pairs: list[tuple[str, str | None]] = [
            (_KINDS[code], text) for code, text in zip(pieces[1::2], pieces[2::2], strict=True) if code in _KINDS
        ]
        pairs += [("text", pieces[0]), ("counterparty_account", parts.get("38") or parts.get("31"))]
        return name or None, pairs if numbered[1] == "?" else [*pairs, ("text", whole)]
    slashed = _SLASHED.findall(whole)
    if slashed:
        party = _PARTY.search(whole)
        names = [text.strip() for code, text in slashed if code == "NAME"] + ([party[2].strip()] if party else [])
        pairs = [(_KINDS[code], text) for code, text in slashed if code in _KINDS]
        pairs.append(("counterparty_account", party[1] if party else None))
        return (names[0] if names and names[0] else None), [*pairs, ("text", whole)]
    return None, [("text", " ".join(field.lines))]


_MORE: Final = ("60", "61", "62", "63")


def _sub_fields(text: str, mark: str) -> Iterator[tuple[str, str]]:
    pieces = re.split(re.escape(mark) + "([0-9]{2})", text)
    yield from zip(pieces[1::2], pieces[2::2], strict=True)
