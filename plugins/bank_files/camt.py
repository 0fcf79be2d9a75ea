"""ISO 20022 camt.052, .053 and .054, versions 02 to 13.

``CdtDbtInd`` is the sign as booked, also of a reversal: ``RvslInd`` changes nothing about it.  The opening balance is OPBD,
else PRCD, which is the closing balance of the day before; the closing one is CLBD.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec
from lxml import etree

from engine.base.errors import Finding
from engine.ports.hookspecs.bank import Entry, Reference, Statement

from .reading import bad, day, decoded, head, number, references, signed

_NAMESPACE: Final = re.compile(
    r"(?:urn:iso:std:iso:20022:tech:xsd:|urn:swift:xsd:\$?|ISO:)camt\.(05[234])\.001\.([0-9]{2})(?::[^\s\"'<>]*)?"
)
"""The names of the messages: of ISO, of SWIFT, and of the Austrian banks, which put their own rules behind it."""

_VERSIONS: Final = range(2, 14)
_HOLDERS: Final = {
    "052": ("BkToCstmrAcctRpt", "Rpt"),
    "053": ("BkToCstmrStmt", "Stmt"),
    "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}
"""Message -> the element that holds its statements, and that of a statement."""

_OPENING: Final = ("OPBD", "PRCD")
_CLOSING: Final = ("CLBD",)
_SIGNS: Final = {"CRDT": "C", "DBIT": "D"}
_STATUS: Final[dict[str, Literal["booked", "pending", "info"]]] = {"BOOK": "booked", "PDNG": "pending", "INFO": "info"}
_ISO_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")

_REFERENCES: Final = (
    ("end_to_end_id", "Refs/EndToEndId"),
    ("instruction_id", "Refs/InstrId"),
    ("transaction_id", "Refs/TxId"),
    ("payment_id", "Refs/PmtInfId"),
    ("mandate_id", "Refs/MndtId"),
    ("cheque", "Refs/ChqNb"),
    ("bank", "Refs/AcctSvcrRef"),
    ("structured", "RmtInf/Strd/CdtrRefInf/Ref"),
    ("document", "RmtInf/Strd/RfrdDocInf/Nb"),
    ("text", "RmtInf/Ustrd"),
    ("return_code", "RtrInf/Rsn/Cd"),
)
"""Kinds of references and where they stand in the details of a transaction."""

Element = Any


def message(data: bytes) -> str:
    """Which message a file is: ``052``, ``053`` or ``054``; empty where it is none."""
    text = head(data).lstrip()
    found = _NAMESPACE.search(text) if text.startswith("<") else None
    return found[1] if found else ""


def read(data: bytes) -> tuple[Statement, ...]:
    """The statements of all documents in a file.

    Raises:
        TollbookError: ``bank.bad-file``.
    """
    root = _parsed(data)
    statements: list[Statement] = []
    documents = [one for one in root.iter("{*}Document") if _NAMESPACE.fullmatch(etree.QName(one).namespace or "")]
    if not documents:
        raise bad("the file has no element Document of a camt message", root.sourceline)
    for document in documents:
        found = _NAMESPACE.fullmatch(etree.QName(document).namespace)
        assert found
        if int(found[2]) not in _VERSIONS:
            what = f"camt.{found[1]}.001.{found[2]} is of a version that is not known"
            raise bad(what, document.sourceline, mend="versions 02 to 13 are read; the bank can send one of them")
        holder, name = _HOLDERS[found[1]]
        message_element = _need(document, holder)
        statements += [_statement(one) for one in message_element.iterfind(f"{{*}}{name}")]
    return tuple(statements)


def _parsed(data: bytes) -> Element:
    """The root of an XML file.  Nothing outside the file is looked at, and no entity is put in."""
    try:
        root = _root(data.strip(b"\x1a \t\r\n"))
    except etree.XMLSyntaxError as error:
        root = _parsed_as_text(data, error)
    if root.getroottree().docinfo.doctype:
        raise bad("the XML has a DOCTYPE", 1, why="a bank's message has none, and entities could be anything")
    return root


def _parsed_as_text(data: bytes, error: etree.XMLSyntaxError) -> Element:
    """The root of a file that is in another encoding than it says, else the refusal of a file that is broken."""
    try:
        return _root(re.sub(r"^\s*<\?xml[^>]*\?>", "", decoded(data)).strip().encode())
    except etree.XMLSyntaxError:
        raise bad(f"the XML is broken: {error.msg}", error.lineno or 0) from None


def _root(content: bytes) -> Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    return etree.fromstring(content, parser)


def _path(path: str) -> str:
    return "/".join(f"{{*}}{step}" for step in path.split("/"))


def _text(element: Element, path: str) -> str:
    """The text of the first element of a path, stripped; empty where there is none."""
    return (element.findtext(_path(path)) or "").strip()


def _need(element: Element, path: str) -> Element:
    found = element.find(_path(path))
    if found is None:
        raise bad(f"{etree.QName(element).localname} has no {path}", element.sourceline)
    return found


def _statement(element: Element) -> Statement:
    flaws: list[Finding] = []
    account = _text(element, "Acct/Id/IBAN") or _text(element, "Acct/Id/Othr/Id") or None
    own = _text(element, "Acct/Ccy") or None
    entries = tuple(_entry(one, own, flaws) for one in element.iterfind("{*}Ntry"))
    currency = own or (entries[0].currency if entries else None)
    opening = _balance(element, _OPENING, first=True)
    closing = _balance(element, _CLOSING, first=False)
    return Statement(account, currency, entries, opening, closing, tuple(flaws))


def _balance(element: Element, codes: tuple[str, ...], *, first: bool) -> Decimal | None:
    """The booked balance of the first of some codes that the statement has; of several the first or last by day."""
    for code in codes:
        found = [one for one in element.iterfind("{*}Bal") if _text(one, "Tp/CdOrPrtry/Cd") == code]
        if found:
            days = [_text(one, "Dt/Dt")[:10] or _text(one, "Dt/DtTm")[:10] for one in found]
            at = days.index(min(days)) if first else len(days) - 1 - days[::-1].index(max(days))
            sign, amount, _ = _amount(found[at], None)
            return amount if sign == "C" or not amount else -amount
    return None


def _amount(element: Element, currency: str | None, sign: str = "") -> tuple[str, Decimal, str | None]:
    """Sign, amount and currency of a balance, entry or transaction."""
    amount = _need(element, "Amt")
    if not sign:
        indicator = _need(element, "CdtDbtInd")
        sign = _SIGNS.get((indicator.text or "").strip(), "")
        if not sign:
            raise bad(f"CdtDbtInd is {indicator.text!r}", indicator.sourceline, why="it is CRDT or DBIT")
    value = number(amount.text or "", amount.sourceline, f"Amt of {etree.QName(element).localname}")
    return *signed(value, sign), (amount.get("Ccy") or "").strip() or currency


def _day(element: Element, path: str, flaws: list[Finding]) -> date | None:
    """A day as the file writes it, that of an instant without a change of zone."""
    text = _text(element, f"{path}/Dt") or _text(element, f"{path}/DtTm")
    if not text:
        return None
    place = element.find(_path(path))
    found = _ISO_DAY.match(text)
    if not found:
        raise bad(f"{path} is {text!r}, which is no day", place.sourceline)
    return day(int(found[1]), int(found[2]), int(found[3]), place.sourceline, flaws)


def _entry(element: Element, currency: str | None, flaws: list[Finding]) -> Entry:
    sign, amount, own = _amount(element, currency)
    reversal = _text(element, "RvslInd") in ("true", "1")
    status = _text(element, "Sts/Cd") or _text(element, "Sts/Prtry") or _text(element, "Sts")
    transactions = element.findall("{*}NtryDtls/{*}TxDtls")
    names = {_counterparty(one, sign, reversal) for one in transactions}
    pairs: list[tuple[str, str | None]] = [
        ("entry", _text(element, "NtryRef")),
        ("bank", _text(element, "AcctSvcrRef")),
        ("payment_id", _text(element, "NtryDtls/Btch/PmtInfId")),
    ]
    for one in transactions:
        pairs += [*_pairs(one), _paid_from(one, sign, reversal)]
    pairs.append(("text", _text(element, "AddtlNtryInf")))
    entry = Entry(
        sign=sign,  # type: ignore[arg-type]
        amount=amount,
        currency=own,
        booking_date=_day(element, "BookgDt", flaws),
        value_date=_day(element, "ValDt", flaws),
        references=references(pairs),
        counterparty=names.pop() if len(names) == 1 else None,
        reversal=reversal,
        status=_STATUS.get(status, "booked"),
    )
    return msgspec.structs.replace(entry, details=tuple(_details(transactions, entry)))


def _pairs(transaction: Element) -> Iterator[tuple[str, str | None]]:
    for kind, path in _REFERENCES:
        for found in transaction.iterfind(_path(path)):
            yield kind, found.text


def _paid_from(transaction: Element, sign: str, reversal: bool) -> tuple[str, str | None]:
    """The bank account of the counterparty."""
    role = "Dbtr" if (sign == "C") != reversal else "Cdtr"
    place = f"RltdPties/{role}Acct/Id"
    return "counterparty_account", _text(transaction, f"{place}/IBAN") or _text(transaction, f"{place}/Othr/Id")


def _counterparty(transaction: Element, sign: str, reversal: bool) -> str | None:
    """Who paid, of a credit, or was paid, of a debit; the other way round where a payment was taken back."""
    role = "Dbtr" if (sign == "C") != reversal else "Cdtr"
    for party in (f"RltdPties/{role}", f"RltdPties/Ultmt{role}"):
        name = _text(transaction, f"{party}/Nm") or _text(transaction, f"{party}/Pty/Nm")
        if name:
            return " ".join(name.split())
    return None


def _details(transactions: list[Element], entry: Entry) -> Iterator[Entry]:
    """The transactions of an entry as entries of their own; none where one of them does not tell its amount."""
    holders = [_priced(one) for one in transactions]
    if any(holder is None for holder in holders):
        return
    for one, holder in zip(transactions, holders, strict=True):
        said = _SIGNS.get(_text(one, "CdtDbtInd"), entry.sign)
        sign, amount, currency = _amount(holder, entry.currency, said)
        pairs = [*_pairs(one), _paid_from(one, sign, entry.reversal)]
        found: tuple[Reference, ...] = references(pairs)
        yield Entry(
            sign=sign,  # type: ignore[arg-type]
            amount=amount,
            currency=currency,
            booking_date=entry.booking_date,
            value_date=entry.value_date,
            references=found,
            counterparty=_counterparty(one, sign, entry.reversal),
            reversal=entry.reversal,
            status=entry.status,
        )


def _priced(transaction: Element) -> Element:
    """The element of a transaction that holds its amount in the currency of the account, if any."""
    if transaction.find("{*}Amt") is not None:
        return transaction
    return transaction.find("{*}AmtDtls/{*}TxAmt")
