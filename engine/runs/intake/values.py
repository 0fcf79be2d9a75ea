"""From the text of one cell to one value, by the type of its column.

:func:`reader` makes the function for a column once a file; what does not fit raises :class:`~engine.base.units.Unfit`,
whose words follow the name and the value of the cell.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from engine.base.document import parse
from engine.base.errors import TollbookError, did_you_mean
from engine.base.money import minor_digits
from engine.base.period import add_months, zone
from engine.base.tax_ids import UNION
from engine.base.units import Unfit
from engine.model.entity import OSS, BankAccount, TaxRegistration
from engine.runs.intake import dimensions
from engine.runs.intake.formats import Column
from engine.runs.intake.isocodes import COUNTRIES, COUNTRY_SLIPS, LANGUAGES

Read = Callable[[str], Any]

FIRST_DAY: Final = date(1900, 1, 1)
FIRST_INSTANT: Final = datetime(2000, 1, 1, tzinfo=UTC)
YEARS_AHEAD: Final = 100
"""How far after the business date a day may lie: contracts are long, but a year 20226 is a slip."""
DAYS_AHEAD: Final = 366
"""How far after the business date an instant may lie: what is known to have happened has happened."""
KEY_LENGTH: Final = 100
TEXT_LENGTH: Final = 200
LIST_LENGTH: Final = 50
"""Most registrations or bank accounts of one legal entity."""

_UNDECODED: Final = re.compile("[\udc80-\udcff]")
# Controls, zero-width and direction marks, line separators, byte order mark, lone surrogates.
_NOT_IN_KEY: Final = re.compile("[\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_NOT_IN_TEXT: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_NOT_IN_LINES: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][-+]?[0-9]{1,2})?")
_DIGITS: Final = re.compile(r"[-+]?[0-9]{20,}(?:\.[0-9]*)?|[-+]?[0-9]*\.[0-9]{20,}")
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(Z|[-+][0-9]{2}(?::?[0-9]{2})?)?"
)
_TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?")
_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_REGISTRATION_KINDS: Final = ("vat", "gst", "sales_tax", "consumption_tax", OSS)


class OutOfBounds(Unfit):
    """A value that is of its type, but longer, larger, smaller, earlier or later than may be."""


def undecoded(text: str) -> bool:
    """Whether a text holds bytes that were not UTF-8 (kept by the ``surrogateescape`` handler)."""
    return _UNDECODED.search(text) is not None


def reader(column: Column, today: date) -> Read:
    """The function that reads a cell of a column: text in (trimmed, not empty), value out.

    ``today`` is the business date that days and instants are bounded by.  The function raises
    :class:`~engine.base.units.Unfit`.
    """
    return _READERS[column.type](column, today)


def _text(longest: int, banned: re.Pattern[str]) -> Read:
    search = banned.search

    def read(text: str) -> str:
        if len(text) > longest:
            raise OutOfBounds(f"has {len(text)} characters", f"keep it within {longest}")
        found = search(text)
        if found:
            raise Unfit(f"has the character U+{ord(found[0]):04X} at place {found.start() + 1}", "take it out")
        return text

    return read


def _lines(column: Column, today: date) -> Read:
    plain = _text(column.high or TEXT_LENGTH, _NOT_IN_LINES)

    def read(text: str) -> Any:
        return plain(text.replace("\r\n", "\n").replace("\r", "\n"))

    return read


def _decimal(column: Column, today: date) -> Read:
    before, after, low, high = column.before, column.after, column.low, column.high
    usual = re.compile(rf"[0-9]{{1,{before}}}(?:\.[0-9]{{1,{after}}})?").fullmatch
    limit = Decimal(10) ** before

    def read(text: str) -> Decimal:
        number = Decimal(text) if usual(text) else _unusual(text, limit, before, after)
        if low is not None and number < low:
            raise OutOfBounds(f"is less than {low}", f"write at least {low}")
        if high is not None and number > high:
            raise OutOfBounds(f"is more than {high}", f"write at most {high}")
        return number

    return read


def _unusual(text: str, limit: Decimal, before: int, after: int) -> Decimal:
    """A number with a sign, an exponent, or more digits than usual, all of them zeros that do not count."""
    if not _NUMBER.fullmatch(text):
        if _DIGITS.fullmatch(text):
            raise OutOfBounds(
                "has too many digits", f"keep it within {before} digits before and {after} after the point"
            )
        raise Unfit("is not a number", "write digits with a point, as in 12.50")
    number = Decimal(text)
    if abs(number) >= limit:
        raise OutOfBounds(f"has more than {before} digits before the point", "check its unit")
    _, digits, exponent = number.as_tuple()
    places = -int(exponent)
    if places > after and any(digits[len(digits) - min(places - after, len(digits)) :]):
        raise OutOfBounds(f"has more than {after} digits after the point", f"round it at its source to {after} digits")
    # The same number with its digits written out: exact, since what is cut are zeros.
    return Decimal(f"{number:f}") if places <= after else Decimal(f"{number:.{after}f}")


def _integer(column: Column, today: date) -> Read:
    low, high = column.low, column.high

    def read(text: str) -> int:
        if not _INTEGER.fullmatch(text):
            raise Unfit("is not a whole number", "write digits only")
        number = int(text)
        if (low is not None and number < low) or (high is not None and number > high):
            raise OutOfBounds("is out of bounds", f"write {low} to {high}")
        return number

    return read


def _boolean(column: Column, today: date) -> Read:
    def read(text: str) -> bool:
        value = _BOOLEANS.get(text.lower())
        if value is None:
            raise Unfit("is neither yes nor no", "write true or false")
        return value

    return read


def _day(text: str) -> date:
    if _DAY.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise Unfit("is not a day of the calendar", "check month and day") from None
    raise Unfit("is not a day", "write it as in 2026-01-31")


def _date(column: Column, today: date) -> Read:
    last = add_months(today, 12 * YEARS_AHEAD)

    def read(text: str) -> date:
        day = _day(text)
        if not FIRST_DAY <= day <= last:
            raise OutOfBounds(f"is not between {FIRST_DAY} and {last}", "check the year")
        return day

    return read


def last_instant(today: date) -> datetime:
    """The last moment that an instant may be, on a business date."""
    return datetime(today.year, today.month, today.day, tzinfo=UTC) + timedelta(DAYS_AHEAD)


def _instant(column: Column, today: date) -> Read:
    last = last_instant(today)
    match, parse = _INSTANT.fullmatch, datetime.fromisoformat

    def read(text: str) -> datetime:
        form = match(text)
        if form is None:
            raise Unfit("is not a moment", "write it as in 2026-01-31T11:00:00Z")
        if form[1] is None:
            hint = f"write {text}Z if it is in UTC, or its offset"
            raise Unfit("has no offset, so that nobody knows when it was", hint)
        try:
            at = parse(text).astimezone(UTC)
        except (ValueError, OverflowError):
            raise Unfit("is not a moment of the calendar", "check its parts") from None
        if at < FIRST_INSTANT:
            raise OutOfBounds(
                f"is before {FIRST_INSTANT.date()}", "check the year, and whether the source lost the time"
            )
        if at > last:
            raise OutOfBounds(f"is after {last.date()}, more than a year after the business date", "check the year")
        return at

    return read


def _time(column: Column, today: date) -> Read:
    def read(text: str) -> str:
        if not _TIME.fullmatch(text):
            raise Unfit("is not a time of day", "write it as in 13:37:11")
        return time.fromisoformat(text).isoformat()

    return read


def _country(column: Column, today: date) -> Read:
    def read(text: str) -> str:
        if text not in COUNTRIES:
            meant = COUNTRY_SLIPS.get(text.upper(), text.upper())
            raise Unfit(
                "is not a country",
                f"did you mean {meant!r}?" if meant in COUNTRIES else "write the two letters of ISO 3166-1, such as DE",
            )
        return text

    return read


def _currency(column: Column, today: date) -> Read:
    def read(text: str) -> str:
        try:
            minor_digits(text)
        except TollbookError as error:
            try:
                minor_digits(text.upper())
            except TollbookError:
                near = error.findings[0].mend
                mend = near if near.startswith("did you") else "write the three letters of ISO 4217, such as EUR"
                raise Unfit("is not a currency", mend) from None
            raise Unfit("is not a currency", f"did you mean {text.upper()!r}?") from None
        return text

    return read


def _zone(column: Column, today: date) -> Read:
    def read(text: str) -> str:
        try:
            zone(text)
        except TollbookError:
            near = did_you_mean(text, (name for name in zoneinfo.available_timezones() if "/" in name))
            mend = near if near.startswith("did you") else "use an IANA name such as Europe/Berlin"
            raise Unfit("is not a time zone", mend) from None
        return text

    return read


def _language(column: Column, today: date) -> Read:
    def read(text: str) -> str:
        if text not in LANGUAGES:
            short = re.split("[-_]", text.lower())[0]
            raise Unfit(
                "is not a language",
                f"did you mean {short!r}?" if short in LANGUAGES else "write the two letters of ISO 639-1, such as en",
            )
        return text

    return read


def _choice(column: Column, today: date) -> Read:
    choices = {choice: choice for choice in column.choices}

    def read(text: str) -> str:
        if text not in choices:
            low = text.lower()
            mend = f"did you mean {low!r}?" if low in choices else did_you_mean(text, choices)
            raise Unfit(f"is not one of {', '.join(choices)}", mend)
        return choices[text]

    return read


def _parts(text: str, least: int, most: int, shape: str) -> list[list[str]]:
    """``a:b:c;d:e`` as lists of trimmed parts."""
    items = [[part.strip() for part in item.split(":")] for item in text.split(";") if item.strip()]
    if len(items) > LIST_LENGTH:
        raise Unfit(f"has {len(items)} items", f"keep it within {LIST_LENGTH}")
    for item in items:
        if not least <= len(item) <= most or not all(item[:least]):
            what = f"has the item {':'.join(item)!r}, which is not {shape}"
            raise Unfit(what, f"write {shape}, with ';' between items")
    return items


def _registrations(column: Column, today: date) -> Read:
    country, plain = _country(column, today), _text(KEY_LENGTH, _NOT_IN_KEY)

    def one(land: str, kind: str, number: str, valid_from: str = "", valid_to: str = "") -> TaxRegistration:
        if kind not in _REGISTRATION_KINDS:
            raise Unfit(f"has the kind {kind!r}", did_you_mean(kind, _REGISTRATION_KINDS))
        try:
            country(land)
        except Unfit as flaw:
            raise Unfit(f"has the country {land!r}, which {flaw.what}", flaw.mend) from None
        if kind == OSS and land not in UNION:
            raise Unfit(
                f"has a registration for the one-stop shop in {land!r}", "name the member state of identification"
            )
        start = _day(valid_from) if valid_from else date.min
        end = _day(valid_to) if valid_to else date.max
        if end <= start:
            what = f"has a registration from {start} to {end}, which is no day at all"
            raise Unfit(what, "the second is the day after the last")
        return TaxRegistration(land, kind, plain(number), start, end)

    def read(text: str) -> tuple[TaxRegistration, ...]:
        return tuple(one(*item) for item in _parts(text, 3, 5, "country:kind:number"))

    return read


def _bank_accounts(column: Column, today: date) -> Read:
    currency, plain = _currency(column, today), _text(KEY_LENGTH, _NOT_IN_KEY)

    def one(name: str, code: str, iban: str = "", bic: str = "") -> BankAccount:
        try:
            currency(code)
        except Unfit as flaw:
            raise Unfit(f"has the currency {code!r}, which {flaw.what}", flaw.mend) from None
        return BankAccount(plain(name), code, plain(iban.replace(" ", "")), plain(bic))

    def read(text: str) -> tuple[BankAccount, ...]:
        return tuple(one(*item) for item in _parts(text, 2, 4, "name:currency:IBAN:BIC"))

    return read


def _document(column: Column, today: date) -> Read:
    plain = _text(column.high or TEXT_LENGTH, _NOT_IN_LINES)

    def read(text: str) -> Any:
        try:
            return parse(plain(text), "").data
        except TollbookError as error:
            first = error.findings[0]
            raise Unfit(f"cannot be read: {first.what}", first.mend) from None

    return read


_READERS: Final[dict[str, Callable[[Column, date], Read]]] = {
    "key": lambda column, today: _text(KEY_LENGTH, _NOT_IN_KEY),
    "text": lambda column, today: _text(column.high or TEXT_LENGTH, _NOT_IN_TEXT),
    "lines": _lines,
    "decimal": _decimal,
    "integer": _integer,
    "boolean": _boolean,
    "date": _date,
    "instant": _instant,
    "time": _time,
    "country": _country,
    "currency": _currency,
    "zone": _zone,
    "language": _language,
    "choice": _choice,
    "document": _document,
    "dimensions": lambda column, today: dimensions.read,
    "registrations": _registrations,
    "bank_accounts": _bank_accounts,
}
