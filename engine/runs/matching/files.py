"""The files of a matching: customers, open documents, payments, rates of the day, and advices that came apart."""

from __future__ import annotations

import contextlib
import csv
import gc
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import chain, starmap
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.document import parse
from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse
from engine.base.money import minor_digits
from engine.model.matching import Candidate, Incoming, Party
from engine.receivables.matching.packed import Packed, Room, Rooms, Row
from engine.receivables.matching.twice import Entries
from engine.runs.matching.scratch import Scratch
from engine.runs.matching.tables import UNREADABLE, Column, Layout, Wrong, blocks, rows

NO_FOLDER = Code("match.no-folder", "A folder of payments and open documents that does not exist.")
BAD_RATES = Code(
    "match.bad-rates", "A file of rates that does not name two currencies and a number above zero for each."
)
UNKNOWN_CUSTOMER = Code("match.unknown-customer", "A customer that a row names and customers.csv does not have.")
LOOSE_ADVICE = Code("match.loose-advice", "An advice that belongs to no payment.")

CUSTOMERS: Final = "customers.csv"
INVOICES: Final = "invoices.csv"
PAYMENTS: Final = "payments.csv"
RATES: Final = "fx.json"
ADVICES: Final = "remittances.csv"
BYTES_A_PAYMENT: Final = 100
"""About how long a line of payments.csv is."""


class Documents(msgspec.Struct, frozen=True):
    """What may be paid, by whom, and at which rates; and what is odd about the files."""

    parties: list[Party]
    candidates: Packed[Candidate]
    rates: Mapping[str, Decimal]
    findings: tuple[Finding, ...]


class Payments(msgspec.Struct, frozen=True):
    """What came in, in the order of days, and what is odd about the files."""

    entries: Entries
    findings: tuple[Finding, ...]


@lru_cache(100_000)
def _day(text: str) -> date:
    try:
        return date.fromisoformat(text) if len(text) == 10 else date.fromisoformat("")
    except ValueError:
        raise Wrong(f"is {text!r}, no day", "write the year, month and day such as 2026-01-31") from None


@lru_cache(20_000)  # what is open is mostly the amount: one number for both
def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise Wrong(f"is {text!r}, no amount", "write digits with a point before the decimals, such as 1234.56")
    return amount


@lru_cache(1_000)
def _currency(text: str) -> str:
    try:
        minor_digits(text)
    except TollbookError:
        raise Wrong(f"is {text!r}, no currency", "write its ISO 4217 code such as EUR") from None
    return text


@lru_cache(400_000)
def _text(text: str) -> str:
    return text.strip()


def _id(text: str) -> str:
    if not text.strip():
        raise Wrong("is empty", "write an id that no other row has")
    return text


@lru_cache(10)
def _kind(text: str) -> str:
    if text not in ("invoice", "credit_note"):
        raise Wrong(f"is {text!r}", did_you_mean(text, ("invoice", "credit_note")))
    return text


@lru_cache(100_000)
def _accounts(text: str) -> tuple[str, ...]:
    return (
        tuple(text.replace(";", " ").replace("|", " ").split())
        if ";" in text or "|" in text
        else (text.strip(),)
        if text.strip()
        else ()
    )


def _signs(row: Sequence[Any]) -> tuple[str, Wrong] | None:
    """What is wrong with the amounts of a document."""
    kind, amount, left = row[2], row[7], row[8]
    over = kind == "invoice"
    if over and amount >= left >= 0:
        return None
    if (amount < 0) if over else (amount > 0):
        sign = "below" if over else "above"
        return "amount", Wrong(f"is {amount:f}, {sign} zero", "an invoice is above zero, a credit note below")
    if not (0 <= left <= amount if over else amount <= left <= 0):
        return "open_amount", Wrong(
            f"is {left:f} of {amount:f}", "write what is open, at most the amount, with its sign"
        )
    return None


LAYOUTS: Final[Mapping[str, Layout]] = {
    CUSTOMERS: Layout(
        {
            "customer_id": Column(_id),
            "name": Column(str.strip),
            "currency": Column(_text, needed=False),
            "known_iban": Column(_accounts, needed=False, absent=()),
            "parent_id": Column(_text, needed=False),
        },
        "customer_id",
    ),
    INVOICES: Layout(
        {
            "invoice_id": Column(_id),
            "number": Column(str.strip),
            "kind": Column(_kind),
            "customer_id": Column(_text),
            "issued": Column(_day),
            "due": Column(_day),
            "currency": Column(_currency),
            "amount": Column(_amount),
            "open_amount": Column(_amount),
            "terms": Column(_text, needed=False),
            "po_number": Column(str.strip, needed=False),
            "creditor_reference": Column(str.strip, needed=False),
        },
        "invoice_id",
        _signs,
    ),
    PAYMENTS: Layout(
        {
            "payment_id": Column(_id),
            "bank_ref": Column(str.strip),
            "booking_date": Column(_day),
            "amount": Column(_amount),
            "currency": Column(_currency),
            "payer_name": Column(str.strip),
            "payer_iban": Column(str.strip, needed=False),
            "remittance": Column(str.strip),
            "end_to_end_id": Column(str.strip, needed=False),
            "structured_ref": Column(str.strip, needed=False),
        },
        "payment_id",
    ),
    ADVICES: Layout(
        {
            "payment_id": Column(_text, needed=False),
            "end_to_end_id": Column(_text, needed=False),
            "text": Column(str.strip),
        }
    ),
}


def there(folder: Path) -> int:
    """About how many payments a folder has.

    Raises:
        TollbookError: ``match.no-folder``.
    """
    if not folder.is_dir():
        raise refuse(
            NO_FOLDER,
            "there is no such folder",
            mend="name the folder that holds payments.csv",
            where=Where(str(folder)),
        )
    with contextlib.suppress(OSError):
        return (folder / PAYMENTS).stat().st_size // BYTES_A_PAYMENT
    return 0


def documents(folder: Path) -> Documents:
    """The files of a folder that say what is open, with everything that is wrong with any of them."""
    findings, owners = list[Finding](), dict[str, None]()

    def candidate(*row: Any) -> Candidate:
        found = Candidate(*row)
        owners[found.account] = None
        return found

    parties: list[Party] = _read(folder / CUSTOMERS, findings, Party)
    candidates = _packed(folder / INVOICES, findings, Candidate, candidate, Scratch)
    rates = _rates(folder / RATES, findings)
    _forget()
    findings += _strangers(folder, parties, owners)
    return Documents(parties, candidates, rates, tuple(findings))


def payments(folder: Path, room: Room) -> Payments:
    """The files of a folder that say what came in, with everything that is wrong with any of them; rows go to ``room``."""
    findings = list[Finding]()
    advices = _Advices(folder / ADVICES, findings)
    rows = _packed(folder / PAYMENTS, findings, Incoming, advices.advised, lambda: room)
    findings += advices.loose()
    _forget()
    return Payments(Entries(rows), tuple(findings))


def _forget() -> None:
    for remembering in (_day, _amount, _text, _accounts):
        remembering.cache_clear()


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Keeps the garbage collector from looking through millions of rows that stay anyway."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _read(
    path: Path, findings: list[Finding], make: Callable[..., Any], keep: Callable[[Iterable[Any]], Any] = list
) -> Any:
    layout = LAYOUTS[path.name]
    with contextlib.suppress(ValueError, OSError, csv.Error):
        return keep(starmap(make, chain.from_iterable(blocks(path, layout))))
    try:
        return keep(starmap(make, rows(path, layout, findings)))
    except TollbookError as error:
        findings += error.findings
        return keep(())


def _packed(path: Path, findings: list[Finding], kind: type[Row], make: Callable[..., Row], room: Rooms) -> Packed[Row]:
    found: Packed[Row] = _read(path, findings, make, lambda rows: Packed(kind, rows, room))
    return found


class _Advices:
    """Texts of advices that came apart, by the payments to which they belong."""

    def __init__(self, path: Path, findings: list[Finding]) -> None:
        self._path = path
        self._by_id: dict[str, list[str]] = defaultdict(list)
        self._by_end: dict[str, list[str]] = defaultdict(list)
        self._joined: set[tuple[str, str]] = set()
        for payment, end, text in _read(path, findings, lambda *row: row) if path.exists() else ():
            (self._by_id[payment] if payment else self._by_end[end]).append(text)

    def advised(self, *row: Any) -> Incoming:
        """A payment with the texts of its advices behind its own."""
        one = Incoming(*row)
        if not self._by_id and not self._by_end:
            return one
        texts = self._by_id.get(one.id, [])
        if one.end_to_end_id:
            texts = texts + self._by_end.get(one.end_to_end_id, [])
        if not texts:
            return one
        self._joined |= {(one.id, ""), ("", one.end_to_end_id)}
        return msgspec.structs.replace(one, remittance=" ; ".join(filter(None, (one.remittance, *texts))))

    def loose(self) -> Iterator[Finding]:
        """Advices that belong to no payment."""
        loose = [each for each in self._by_id if (each, "") not in self._joined]
        loose += [each for each in self._by_end if not each or ("", each) not in self._joined]
        for each in loose:
            what = f"an advice for {each!r} belongs to no payment" if each else "an advice names no payment"
            mend = "name the payment_id or the end_to_end_id of a payment"
            yield Finding(LOOSE_ADVICE, Where(str(self._path)), what, mend=mend, level="warning")


def _rates(path: Path, findings: list[Finding]) -> dict[str, Decimal]:
    if not path.exists():
        return {}
    try:
        document = parse(path.read_bytes(), str(path))
    except OSError as error:
        findings.append(Finding(UNREADABLE, Where(str(path)), f"the file cannot be read: {error.strerror}"))
        return {}
    except TollbookError as error:
        findings += error.findings
        return {}
    if not isinstance(document.data, dict):
        findings.append(
            Finding(BAD_RATES, Where(str(path), 1), "the file is no object of rates", mend='write {"EURUSD": "1.0850"}')
        )
        return {}
    rates = {}
    for pair, value in document.data.items():
        try:
            _currency(str(pair)[:3]), _currency(str(pair)[3:])
            rate = _amount(str(value))
            if rate <= 0:
                raise Wrong(f"is {value}", "a rate is above zero")
            rates[str(pair)] = rate
        except Wrong as error:
            mend = 'write two currency codes and a number, such as "EURUSD": "1.0850"'
            findings.append(Finding(BAD_RATES, document.where((pair,)), f"the rate {pair!r} {error.what}", mend=mend))
    return rates


def _strangers(folder: Path, parties: Iterable[Party], owners: Iterable[str]) -> Iterable[Finding]:
    known = {party.account for party in parties}
    missing = [each for each in owners if each not in known]
    parents = dict.fromkeys(one.parent for one in parties if one.parent and one.parent not in known)
    for file, names in ((INVOICES, missing), (CUSTOMERS, parents)):
        for name in list(names)[:5]:
            what = f"customer {name!r} is not in {CUSTOMERS}"
            mend = "add the customer; nobody is known to pay for it"
            yield Finding(UNKNOWN_CUSTOMER, Where(str(folder / file)), what, mend=mend, level="warning")
        if len(names) > 5:
            what = f"{len(names) - 5} more customers are not in {CUSTOMERS}"
            yield Finding(UNKNOWN_CUSTOMER, Where(str(folder / file)), what, level="warning")
