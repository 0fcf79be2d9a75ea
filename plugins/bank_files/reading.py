"""What all readers share: text of any encoding, exact numbers, days, and how a file is refused."""

from __future__ import annotations

import calendar
import codecs
import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from engine.base.errors import Code, Finding, TollbookError, Where, refuse
from engine.base.money import minor_digits
from engine.ports.hookspecs.bank import Reference

BAD_FILE = Code(
    "bank.bad-file", "A bank file that breaks the rules of its format, so that it cannot be understood whole."
)
NO_SUCH_DAY = Code(
    "bank.no-such-day", "A day in a bank file that its month does not have; the month's last day is taken."
)
LEFT_OUT = Code("bank.left-out", "Something in a bank file that is no entry or no balance, and is left out.")
CONTROL = Code("bank.control-total", "A control total or count in a bank file that what the file holds does not give.")
CUT_OFF = Code("bank.cut-off", "A bank file that ends without the record that ends such files.")
NO_ACCOUNT = Code("bank.no-account", "A statement in a bank file that does not say of which account it is.")
NOT_FOR_BOOKING = Code("bank.not-for-booking", "A part of a bank file that says of itself that it is not to be booked.")

_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UNMARKED: Final[dict[tuple[bool, ...], str]] = {
    (False, True, False, True): "utf-16-le",
    (True, False, True, False): "utf-16-be",
}
_HEAD: Final = 65_536
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)", re.ASCII)
_WHOLE: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)

NO_REFERENCE: Final = frozenset({"NONREF", "NOTPROVIDED", "NOTAVAIL", "NOREF"})
"""What banks write where there is no reference."""


def decoded(data: bytes) -> str:
    """The text of a file: UTF-8 or UTF-16 by its mark, UTF-16 without one by its zeros, else UTF-8 if it is, else
    Windows-1252, else Latin-1.  Lines end with a newline alone, whatever ended them, and control characters that end a
    transmission are gone."""
    unmarked = _UNMARKED.get(tuple(byte == 0 for byte in data[:4]))
    if data.startswith(_UTF16):
        text = data.decode("utf-16", errors="replace")
    elif unmarked:
        text = data.decode(unmarked, errors="replace")
    else:
        text = _guessed(data.removeprefix(codecs.BOM_UTF8))
    return text.replace("\r\n", "\n").replace("\r", "\n").strip("\x00\x1a")


def _guessed(data: bytes) -> str:
    for encoding in ("utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def head(data: bytes) -> str:
    """The beginning of a file as text, by which its kind is seen."""
    return decoded(data[:_HEAD])


def bad(what: str, line: int, *, why: str = "", mend: str = "") -> TollbookError:
    """The refusal of a file, at a line of it."""
    return refuse(BAD_FILE, what, why=why, mend=mend or "ask the bank for the file again", where=Where("", line))


def flaw(code: Code, what: str, line: int, *, why: str = "", mend: str = "") -> Finding:
    """Something odd about a statement, at a line of its file."""
    return Finding(code, Where("", line), what, why, mend, level="warning")


def number(text: str, line: int, what: str) -> Decimal:
    """A decimal number with a point, such as ``-12.50``.

    Raises:
        TollbookError: ``bank.bad-file``.
    """
    plain = text.strip()
    if not _NUMBER.fullmatch(plain):
        raise bad(f"{what} is {text.strip()!r}, which is no number", line)
    return Decimal(plain)


def comma_number(text: str, line: int, what: str) -> Decimal:
    """A decimal number with a comma or a point, and no other mark: ``15000,`` or ``1000,5``."""
    return number(text.replace(",", ".", 1), line, what)


def whole(text: str, line: int, what: str) -> int:
    """A whole number; nothing is 0."""
    plain = text.strip() or "0"
    if not _WHOLE.fullmatch(plain):
        raise bad(f"{what} is {text.strip()!r}, which is no whole number", line)
    return int(plain)


def minor(text: str, currency: str, line: int, what: str) -> Decimal:
    """A whole number of minor units as an amount in major units: ``1250`` is 12.50 EUR and 1250 JPY; nothing is 0.

    Raises:
        TollbookError: ``bank.bad-file``.
    """
    try:
        digits = minor_digits(currency)
    except TollbookError:
        raise bad(f"{currency!r} is no currency", line) from None
    return Decimal(whole(text, line, what)).scaleb(-digits)


def day(year: int, month: int, of_month: int, line: int, flaws: list[Finding]) -> date:
    """A day of the calendar.  Some banks count 30 days to every month: 30 February is the last one of February.

    Raises:
        TollbookError: ``bank.bad-file`` for what is no day in any calendar.
    """
    if not (1 <= month <= 12 and 1 <= of_month <= 31 and year >= 1):
        raise bad(f"{year:04}-{month:02}-{of_month:02} is no day", line)
    last = calendar.monthrange(year, month)[1]
    if of_month > last:
        what = f"{year:04}-{month:02}-{of_month:02} does not exist; {year:04}-{month:02}-{last} is taken"
        flaws.append(flaw(NO_SUCH_DAY, what, line, why="some banks count 30 days to every month"))
    return date(year, month, min(of_month, last))


def short_day(text: str, line: int, flaws: list[Finding], what: str) -> date | None:
    """A day as YYMMDD or YYYYMMDD; None for blanks and zeros.  Years 80 to 99 are of the last century."""
    plain = text.strip()
    if not plain.strip("0"):
        return None
    if not plain.isascii() or not plain.isdigit() or len(plain) not in (6, 8):
        raise bad(f"{what} is {plain!r}, which is no day", line)
    if len(plain) == 6:
        plain = ("19" if plain[:2] >= "80" else "20") + plain
    return day(int(plain[:4]), int(plain[4:6]), int(plain[6:]), line, flaws)


def signed(amount: Decimal, sign: str) -> tuple[str, Decimal]:
    """Sign and amount such that the amount is not negative: a negative credit is a debit."""
    if amount.is_signed():
        return ("D" if sign == "C" else "C") if amount else sign, -amount if amount else abs(amount)
    return sign, amount


def references(pairs: Iterable[tuple[str, str | None]]) -> tuple[Reference, ...]:
    """References from kinds and values, without those that are empty, say that there is none, or come twice."""
    return tuple(dict.fromkeys(_references(pairs)))


def _references(pairs: Iterable[tuple[str, str | None]]) -> Iterator[Reference]:
    for kind, value in pairs:
        plain = " ".join((value or "").split())
        if plain and plain not in NO_REFERENCE:
            yield Reference(kind, plain)
