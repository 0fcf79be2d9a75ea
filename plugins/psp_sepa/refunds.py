"""Money that goes back to debtors, as credit transfers to the accounts that it was collected from: pain.001."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

import msgspec

from engine.base import iban
from engine.model.effect import Answer, Effect
from engine.model.payment import Payee, PaymentAnswer, RefundRequest

from .charset import plain
from .kept import Kept, digest_of
from .pain008 import Creditor, bank
from .xml import Node, written

VERSIONS: Final = {"pain.008.001.02": "pain.001.001.03", "pain.008.001.08": "pain.001.001.09"}
"""The message of credit transfers that goes with one of collections."""


class Transfer(msgspec.Struct, frozen=True):
    """A refund as it stands in the file."""

    key: str
    digest: str
    end_to_end: str
    amount: Decimal
    request: RefundRequest

    def answer(self, file: str) -> dict[str, Any]:
        """The evidence that it is on its way: banks do not say when a transfer has arrived."""
        said = PaymentAnswer(self.end_to_end, "succeeded", self.amount, "EUR")
        made: dict[str, Any] = msgspec.to_builtins(said, enc_hook=str, builtin_types=())
        return {**made, "file": file, "of": self.request.provider_id}


def sorted_out(effects: Sequence[Effect], kept: Kept, creditor: Creditor) -> tuple[list[Transfer], dict[str, Answer]]:
    """The refunds that are not in a file yet, and the answers to those that are settled or cannot be.

    How much of a payment went back is written down with those that are taken.
    """
    fresh: list[Transfer] = []
    answers: dict[str, Answer] = {}
    for effect in effects:
        key, digest = effect.key, digest_of(effect.payload)
        known = kept.sent(key)
        if known is not None:
            if known.digest != digest:
                answers[key] = Answer(key, "rejected", "the key was used before for something else")
            elif kept.arrived(known.file):
                answers[key] = Answer(key, "accepted", evidence=known.evidence)
            continue
        try:
            request = msgspec.convert(effect.payload, RefundRequest, strict=False)
        except msgspec.ValidationError as error:
            answers[key] = Answer(key, "rejected", f"the payload is no refund: {error}")
            continue
        wrong = _wrong(request, kept, [one for one in fresh if one.request.provider_id == request.provider_id])
        if wrong:
            evidence = {"state": "failed", "code": "AM02"}
            answers[key] = Answer(key, "rejected", wrong, evidence)
        else:
            name = "TR" + sha256(key.encode()).hexdigest()[:30].upper()
            fresh.append(Transfer(key, digest, name, request.amount, request))
    return fresh, answers


def _wrong(request: RefundRequest, kept: Kept, beside: Sequence[Transfer]) -> str:
    """Why money cannot go back, in words; empty where it can."""
    if request.payee is not None:
        if request.currency != "EUR" or request.amount <= 0:
            return f"{request.amount:f} {request.currency} cannot be given back: above zero, in euros"
        fault = iban.iban_fault(iban.compact(request.payee.iban))
        return f"the account that it came from {fault}" if fault else ""
    paid = kept.by_name(request.provider_id)
    if paid is None or "due" not in paid.evidence:
        return f"{request.provider_id!r} was not collected by this adapter"
    if paid.rejected is not None:
        return f"{request.provider_id} was rejected ({paid.rejected}): no money came"
    if paid.returned is not None:
        return f"{request.provider_id} was taken back by the debtor's bank ({paid.returned})"
    if request.currency != "EUR" or request.amount <= 0:
        return f"{request.amount:f} {request.currency} cannot be given back: above zero, in euros"
    gone = sum((Decimal(one.evidence["amount"]) for one in kept.refunds_of(paid.name)), Decimal(0))
    gone += sum((one.amount for one in beside), Decimal(0))
    left = Decimal(paid.evidence["amount"]) - gone
    if request.amount > left:
        return f"{request.amount:f} EUR of {paid.name}: {left:f} is left of it"
    mandate = request.method.mandate
    if mandate is None or iban.iban_fault(iban.compact(mandate.iban)):
        return "there is no account that the money could go to"
    return ""


def file_of(transfers: Sequence[Transfer], creditor: Creditor, message: str, created: datetime) -> tuple[str, bytes]:
    """The name of the file, which follows from what is in it, and its content."""
    version, ordered = VERSIONS[message], sorted(transfers, key=lambda one: one.end_to_end)
    digest = sha256("\n".join(one.key for one in ordered).encode()).hexdigest()
    name = "TR" + digest[:24].upper()
    total = f"{sum((one.amount for one in ordered), Decimal(0)):.2f}"
    sums: tuple[Node, ...] = (("NbOfTxs", len(ordered)), ("CtrlSum", total))
    day = created.date().isoformat()
    group: Node = (
        "PmtInf",
        ("PmtInfId", f"{name}-001"),
        ("PmtMtd", "TRF"),
        ("BtchBookg", "false"),
        *sums,
        ("PmtTpInf", ("SvcLvl", ("Cd", "SEPA"))),
        ("ReqdExctnDt", day if version == VERSIONS["pain.008.001.02"] else ("Dt", day)),
        ("Dbtr", ("Nm", plain(creditor.name, 70))),
        ("DbtrAcct", ("Id", ("IBAN", creditor.iban))),
        ("DbtrAgt", bank(creditor.bic, message)),
        ("ChrgBr", "SLEV"),
        *(_transaction(one, message) for one in ordered),
    )
    head: Node = (
        "GrpHdr",
        ("MsgId", name),
        ("CreDtTm", created.strftime("%Y-%m-%dT%H:%M:%S")),
        *sums,
        ("InitgPty", ("Nm", plain(creditor.name, 70))),
    )
    return name, written(version, ("CstmrCdtTrfInitn", head, group))


def _transaction(one: Transfer, message: str) -> Node:
    to = payee_of(one.request)
    return (
        "CdtTrfTxInf",
        ("PmtId", ("EndToEndId", one.end_to_end)),
        ("Amt", ("InstdAmt", {"Ccy": "EUR"}, f"{one.amount:.2f}")),
        ("CdtrAgt", bank(to.bic, message)) if to.bic else ("CdtrAgt",),
        ("Cdtr", ("Nm", plain(to.name, 70))),
        ("CdtrAcct", ("Id", ("IBAN", iban.compact(to.iban)))),
        ("RmtInf", ("Ustrd", plain(f"Refund {one.request.payment} {one.request.reason}", 140))),
    )


def payee_of(request: RefundRequest) -> Payee:
    """Whose account the money goes to: that of the transfer, or of the mandate that it was collected under."""
    mandate = request.method.mandate
    if request.payee is not None or mandate is None:
        assert request.payee is not None
        return request.payee
    return Payee(mandate.debtor_name, mandate.iban, mandate.bic)
