"""Collections as pain.008: which may be in a file, and the file.

Versions 02 and 08 differ in the name of the BIC and in how addresses are written.  A file groups its collections by due day,
scheme and sequence; it states count and sum of each group and of all, and its identification follows from what it is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Final

import msgspec

from engine.base import iban
from engine.model.payment import Mandate, PaymentRequest

from .charset import fault, plain
from .xml import Node, written

VERSIONS: Final = ("pain.008.001.02", "pain.008.001.08")
MOST: Final = Decimal("999999999.99")
LEAST: Final = Decimal("0.01")
_CENT: Final = Decimal("0.01")
SCHEMES: Final = {"core": "CORE", "b2b": "B2B"}
SAME_MANDATE: Final = "SMNDA"
"""What stands for the account before, where the debtor has another one now: same mandate, new debtor account."""


class Creditor(msgspec.Struct, frozen=True):
    """Who collects: the settings of the adapter."""

    name: str
    iban: str
    bic: str
    identifier: str
    country: str = ""
    town: str = ""
    postcode: str = ""
    street: str = ""


class Unfit(msgspec.Struct, frozen=True):
    """Why something cannot be collected: the code that a bank would answer, and what it is in words."""

    code: str
    text: str


class Collection(msgspec.Struct, frozen=True):
    """A collection as it stands in the file."""

    key: str
    end_to_end: str
    amount: Decimal
    due: date
    scheme: str
    mandate: Mandate
    text: str

    @property
    def group(self) -> tuple[date, str, str]:
        """What it has to share with the others of its group."""
        return self.due, self.scheme, self.mandate.sequence


class Batch(msgspec.Struct, frozen=True):
    """A file: its identification and its groups by theirs."""

    message_id: str
    groups: Mapping[str, tuple[Collection, ...]]


def end_to_end(key: str, request: PaymentRequest) -> str:
    """What the collection is called from end to end: the key of the payment where banks carry it and it is the first attempt,
    else one of its own.  No two effects have the same."""
    if request.attempt == 1 and not fault(request.reference) and plain(request.reference) == request.reference:
        return request.reference
    return "TB" + sha256(key.encode()).hexdigest()[:30].upper()


def unfit(request: PaymentRequest, creditor: Creditor) -> Unfit | None:
    """Why a payment cannot be collected; None where it can."""
    mandate = request.method.mandate
    if request.method.kind != "sepa_debit" or mandate is None:
        return Unfit("MD01", f"a payment by {request.method.kind} without a mandate is no direct debit of SEPA")
    if request.currency != "EUR":
        return Unfit("CURR", f"{request.currency} is not collected: SEPA knows euros only")
    if not LEAST <= request.amount <= MOST or request.amount != request.amount.quantize(_CENT):
        return Unfit("AM12", f"{request.amount:f} EUR is not from {LEAST} to {MOST} with two digits")
    return _unfit_mandate(mandate, creditor)


def _unfit_mandate(mandate: Mandate, creditor: Creditor) -> Unfit | None:
    number = iban.compact(mandate.iban)
    if mandate.scheme not in SCHEMES:
        return Unfit("FF05", f"the scheme {mandate.scheme!r} is none of {', '.join(SCHEMES)}")
    if wrong := fault(mandate.reference):
        return Unfit("MD02", f"the reference of the mandate {wrong}")
    if mandate.signed is None:
        return Unfit("MD02", "the mandate has no day of signature")
    if not plain(mandate.debtor_name):
        return Unfit("RR02", "the mandate has no name of the debtor")
    if wrong := iban.iban_fault(number):
        return Unfit("AC01", f"the debtor's IBAN {wrong}")
    if mandate.bic and (wrong := iban.bic_fault(mandate.bic)):
        return Unfit("RC01", f"the debtor's BIC {wrong}")
    if not mandate.bic and number[:2] not in iban.EEA:
        return Unfit("RC01", f"an account of {number[:2]}, outside the EEA, is debited by IBAN and BIC")
    if mandate.creditor_id and mandate.creditor_id != creditor.identifier:
        what = f"the mandate is for the creditor {mandate.creditor_id}, this adapter collects as {creditor.identifier}"
        return Unfit("BE05", what)
    return None


def batch_of(collections: Iterable[Collection]) -> Batch:
    """The file of some collections; the same ones, in whatever order, make the same file."""
    ordered = sorted(collections, key=lambda one: (*one.group, one.end_to_end))
    digest = sha256("\n".join(sorted(f"{one.key} {one.due}" for one in ordered)).encode())
    message_id = "TB" + digest.hexdigest()[:24].upper()
    groups: dict[tuple[date, str, str], list[Collection]] = {}
    for one in ordered:
        groups.setdefault(one.group, []).append(one)
    return Batch(message_id, {f"{message_id}-{n:03}": tuple(some) for n, some in enumerate(groups.values(), 1)})


def file_of(batch: Batch, creditor: Creditor, version: str, created: datetime) -> bytes:
    """The file.  ``created`` is a moment of the creditor's day."""
    everything = [one for group in batch.groups.values() for one in group]
    head: Node = (
        "GrpHdr",
        ("MsgId", batch.message_id),
        ("CreDtTm", created.strftime("%Y-%m-%dT%H:%M:%S")),
        *_sums(everything),
        ("InitgPty", ("Nm", plain(creditor.name, 70))),
    )
    groups = [_group(name, some, creditor, version) for name, some in batch.groups.items()]
    return written(version, ("CstmrDrctDbtInitn", head, *groups))


def _sums(collections: Sequence[Collection]) -> Iterator[Node]:
    yield "NbOfTxs", len(collections)
    yield "CtrlSum", f"{sum((one.amount for one in collections), Decimal(0)):.2f}"


def _group(name: str, collections: Sequence[Collection], creditor: Creditor, version: str) -> Node:
    due, scheme, sequence = collections[0].group
    return (
        "PmtInf",
        ("PmtInfId", name),
        ("PmtMtd", "DD"),
        ("BtchBookg", "true"),
        *_sums(collections),
        (
            "PmtTpInf",
            ("SvcLvl", ("Cd", "SEPA")),
            ("LclInstrm", ("Cd", scheme)),
            ("SeqTp", sequence),
        ),
        ("ReqdColltnDt", due.isoformat()),
        ("Cdtr", ("Nm", plain(creditor.name, 70)), _address(creditor, version)),
        ("CdtrAcct", ("Id", ("IBAN", iban.compact(creditor.iban)))),
        ("CdtrAgt", bank(creditor.bic, version)),
        ("ChrgBr", "SLEV"),
        ("CdtrSchmeId", _scheme_id(creditor.identifier)),
        *(_transaction(one, version) for one in collections),
    )


def _address(creditor: Creditor, version: str) -> Node:
    if not creditor.country:
        return ("PstlAdr",)
    if version == VERSIONS[0]:
        lines = (creditor.street, f"{creditor.postcode} {creditor.town}")
        return ("PstlAdr", ("Ctry", creditor.country), *(("AdrLine", one) for one in _lines(lines, 70)))
    return (
        "PstlAdr",
        *_optional("StrtNm", creditor.street, 70),
        *_optional("PstCd", creditor.postcode, 16),
        *_optional("TwnNm", creditor.town, 35),
        ("Ctry", creditor.country),
    )


def _lines(texts: Iterable[str], most: int) -> Iterator[str]:
    return (one for one in (plain(text, most) for text in texts) if one)


def _optional(tag: str, text: str, most: int) -> Iterator[Node]:
    return ((tag, one) for one in _lines([text], most))


def bank(bic: str, version: str) -> Node:
    """A bank by its BIC, or that none is given."""
    if bic:
        return ("FinInstnId", ("BIC" if version == VERSIONS[0] else "BICFI", bic))
    return ("FinInstnId", ("Othr", ("Id", "NOTPROVIDED")))


def _scheme_id(identifier: str) -> Node:
    return ("Id", ("PrvtId", ("Othr", ("Id", identifier), ("SchmeNm", ("Prtry", "SEPA")))))


def _transaction(one: Collection, version: str) -> Node:
    mandate, number = one.mandate, iban.compact(one.mandate.iban)
    assert mandate.signed is not None
    foreign = number[:2] not in iban.EEA
    return (
        "DrctDbtTxInf",
        ("PmtId", ("EndToEndId", one.end_to_end)),
        ("InstdAmt", {"Ccy": "EUR"}, f"{one.amount:.2f}"),
        (
            "DrctDbtTx",
            (
                "MndtRltdInf",
                ("MndtId", mandate.reference),
                ("DtOfSgntr", mandate.signed.isoformat()),
                *_amendment(mandate),
            ),
        ),
        ("DbtrAgt", bank(mandate.bic, version)),
        (
            "Dbtr",
            ("Nm", plain(mandate.debtor_name, 70)),
            ("PstlAdr", ("Ctry", number[:2])) if foreign else ("PstlAdr",),
        ),
        ("DbtrAcct", ("Id", ("IBAN", number))),
        ("RmtInf", *_optional("Ustrd", one.text, 140)),
    )


def _amendment(mandate: Mandate) -> Iterator[Node]:
    """What the mandate was before, where the debtor's bank has not been told yet."""
    before = mandate.amended
    if not before:
        return
    scheme: list[Node] = [*_optional("Nm", before.get("creditor_name", ""), 70)]
    if before.get("creditor_id"):
        scheme.append(_scheme_id(before["creditor_id"]))
    details: list[Node] = [("OrgnlMndtId", before["reference"])] if before.get("reference") else []
    details += [("OrgnlCdtrSchmeId", *scheme)] if scheme else []
    if "iban" in before:
        details.append(("OrgnlDbtrAcct", ("Id", ("Othr", ("Id", SAME_MANDATE)))))
    if details:
        yield "AmdmntInd", "true"
        yield ("AmdmntInfDtls", *details)
