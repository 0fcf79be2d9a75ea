"""What a bank says of collections at and after settlement: entries of camt.053 and camt.054, all versions from 02 on.

A credit is a collection that came, alone or as the sum of a group.  A debit that names a reason is one that went back: its amount may
hold what the debtor's bank asks for it beside.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from .xml import Element, every, first, text

BOOKED: Final = "BOOK"
_HOLDERS: Final = ("BkToCstmrDbtCdtNtfctn/Ntfctn", "BkToCstmrStmt/Stmt")
ZERO: Final = Decimal(0)


class Movement(msgspec.Struct, frozen=True):
    """Money of one collection, or of a whole ``group`` where ``end_to_end`` is empty.  ``amount`` is that of the collection;
    ``fee`` what went with it beside; ``code`` is why it went back."""

    came: bool
    end_to_end: str
    group: str
    amount: Decimal
    currency: str
    fee: Decimal
    day: date
    code: str
    text: str
    creditor_account: str


def movements(root: Element) -> Iterator[Movement]:
    """What was booked, entry by entry; entries that have nothing to do with direct debits are left out by whoever reads it.

    Raises:
        ValueError: it lacks what it has to have.
    """
    for holder in _HOLDERS:
        for statement in every(root, holder):
            account = text(statement, "Acct/Id/IBAN")
            for entry in every(statement, "Ntry"):
                if (text(entry, "Sts/Cd", "Sts") or BOOKED) == BOOKED:
                    yield from _entry(entry, account)


def _entry(entry: Element, account: str) -> Iterator[Movement]:
    came, amount, currency = _sign(entry), *_amount(entry, "Amt")
    day = _day(entry)
    transactions = list(every(entry, "NtryDtls/TxDtls"))
    singles = [one for one in transactions if text(one, "Refs/EndToEndId")]
    if not singles:
        group = text(entry, "NtryDtls/Btch/PmtInfId", "NtryDtls/TxDtls/Refs/PmtInfId")
        if group:
            yield Movement(came, "", group, amount, currency, ZERO, day, "", "", account)
        return
    for one in singles:
        own = (amount, currency) if len(transactions) == 1 else _moved(one)
        came_one = _sign(one) if text(one, "CdtDbtInd") else came
        yield _single(one, came_one, own, day, account)


def _single(one: Element, came: bool, moved: tuple[Decimal, str], day: date, account: str) -> Movement:
    instructed = first(one, "AmtDtls/InstdAmt/Amt")
    fee = ZERO
    amount, currency = moved
    if not came:
        fee = sum((_number(charge) for charge in _charges(one)), ZERO)
        original = _number(instructed) if instructed is not None and instructed.get("Ccy") == currency else ZERO
        if ZERO < original <= amount:
            fee, amount = amount - original or fee, original
        else:
            amount -= fee
    return Movement(
        came,
        text(one, "Refs/EndToEndId"),
        text(one, "Refs/PmtInfId"),
        amount,
        currency,
        fee,
        day,
        text(one, "RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry"),
        text(one, "RtrInf/AddtlInf", "AddtlTxInf"),
        account,
    )


def _charges(one: Element) -> Iterator[Element]:
    """Amounts of charges: of records in the later versions, at once in version 02."""
    yield from every(one, "Chrgs/Rcrd/Amt")
    yield from every(one, "Chrgs/Amt")


def _moved(one: Element) -> tuple[Decimal, str]:
    for path in ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt"):
        if first(one, path) is not None:
            return _amount(one, path)
    raise ValueError(f"line {one.sourceline}: one of several transactions of an entry has no amount of its own")


def _amount(element: Element, path: str) -> tuple[Decimal, str]:
    found = first(element, path)
    if found is None:
        raise ValueError(f"line {element.sourceline}: an entry has no amount")
    return _number(found), found.get("Ccy") or ""


def _number(element: Element) -> Decimal:
    said = (element.text or "").strip()
    try:
        number = Decimal(said)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0:
        raise ValueError(f"line {element.sourceline}: {said!r} is no amount")
    return number


def _sign(element: Element) -> bool:
    said = text(element, "CdtDbtInd")
    if said not in ("CRDT", "DBIT"):
        raise ValueError(f"line {element.sourceline}: CdtDbtInd is {said!r}; it is CRDT or DBIT")
    return said == "CRDT"


def _day(entry: Element) -> date:
    said = text(entry, "ValDt/Dt", "ValDt/DtTm", "BookgDt/Dt", "BookgDt/DtTm")[:10]
    try:
        return date.fromisoformat(said)
    except ValueError:
        raise ValueError(f"line {entry.sourceline}: an entry has no day on which it was booked") from None
