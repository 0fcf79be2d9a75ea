"""Stripe's payout reconciliation report, itemized, as CSV.

The transactions of one payout in one currency are a statement, its account the payout.  An entry is what a transaction adds to
the payout: its net amount.  The gross amount and the fee are its details.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from engine.base.errors import Finding
from engine.ports.hookspecs.bank import Entry, Statement

from .reading import bad, comma_number, day, decoded, head, references, signed

_NEEDED: Final = ("balance_transaction_id", "currency", "gross", "fee", "net", "reporting_category")
_PAYOUTS: Final = ("automatic_payout_id", "payout_id")
_DAYS: Final = {
    "booking": ("created_utc", "created"),
    "value": ("automatic_payout_effective_at_utc", "automatic_payout_effective_at", "available_on_utc", "available_on"),
}
_TAKEN_BACK: Final = re.compile(r"refund_failure|.*_reversal")
_REFERENCES: Final = (
    ("bank", "balance_transaction_id"),
    ("source", "source_id"),
    ("payment", "payment_intent_id"),
    ("charge", "charge_id"),
    ("invoice", "invoice_number"),
    ("invoice_id", "invoice_id"),
    ("customer", "customer_id"),
    ("type", "reporting_category"),
    ("text", "description"),
    ("email", "customer_email"),
)
_ISO_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")


def recognises(data: bytes) -> bool:
    """Whether the first line of a file names the columns of the report."""
    first = head(data).lstrip().partition("\n")[0]
    names = {name.strip().strip('"') for name in first.split(",")}
    return names >= set(_NEEDED)


def read(data: bytes) -> tuple[Statement, ...]:
    """The payouts of a file, in the order in which they come first.

    Raises:
        TollbookError: ``bank.bad-file``.
    """
    entries: dict[tuple[str, str], list[Entry]] = {}
    flaws: dict[tuple[str, str], list[Finding]] = {}
    for line, row in _rows(decoded(data).lstrip()):
        payout = next((row[name] for name in _PAYOUTS if row.get(name)), "")
        currency = row["currency"].upper()
        if not re.fullmatch("[A-Z]{3}", currency):
            raise bad(f"currency is {row['currency']!r}, which is no currency", line)
        key = (payout, currency)
        odd = flaws.setdefault(key, [])
        entries.setdefault(key, []).append(_entry(row, currency, line, odd))
    return tuple(
        Statement(payout or None, currency, tuple(found), flaws=tuple(flaws[payout, currency]))
        for (payout, currency), found in entries.items()
    )


def _rows(text: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The rows that are not blank, with the lines on which they end."""
    reader = csv.reader(io.StringIO(text), strict=True)
    names: list[str] = []
    try:
        for cells in reader:
            if not names:
                names = [cell.strip() for cell in cells]
                missing = [name for name in _NEEDED if name not in names]
                if missing:
                    raise bad(f"there is no column {missing[0]!r}", reader.line_num)
            elif any(cell.strip() for cell in cells):
                if len(cells) != len(names):
                    what = f"the row has {len(cells)} cells, and the first line names {len(names)}"
                    raise bad(what, reader.line_num)
                yield reader.line_num, {name: cell.strip() for name, cell in zip(names, cells, strict=True)}
    except csv.Error as error:
        raise bad(f"the CSV is broken: {error}", reader.line_num) from None


def _entry(row: Mapping[str, str], currency: str, line: int, flaws: list[Finding]) -> Entry:
    gross, fee, net = (comma_number(row[name], line, name) for name in ("gross", "fee", "net"))
    if gross - fee != net:
        raise bad(f"gross {gross} less fee {fee} is not net {net}", line, why="the row contradicts itself")
    sign, amount = signed(net, "C")
    booked, value = (_day(row, kind, line, flaws) for kind in ("booking", "value"))
    found = references((kind, row.get(name)) for kind, name in _REFERENCES)
    parts = []
    for part, kind in ((gross, row["reporting_category"]), (-fee, "fee")):
        if part:
            part_sign, part_amount = signed(part, "C")
            tag = references([("type", kind)])
            parts.append(Entry(part_sign, part_amount, currency, booked, value, tag))  # type: ignore[arg-type]
    return Entry(
        sign=sign,  # type: ignore[arg-type]
        amount=amount,
        currency=currency,
        booking_date=booked,
        value_date=value,
        references=found,
        counterparty=row.get("customer_name") or None,
        reversal=bool(_TAKEN_BACK.fullmatch(row["reporting_category"])),
        details=tuple(parts),
    )


def _day(row: Mapping[str, str], kind: str, line: int, flaws: list[Finding]) -> date | None:
    """The day of the first column of a kind that the report has."""
    text = next((row[name] for name in _DAYS[kind] if row.get(name)), "")
    if not text:
        return None
    found = _ISO_DAY.match(text)
    if not found:
        raise bad(f"{text!r} is no day", line)
    return day(int(found[1]), int(found[2]), int(found[3]), line, flaws)
