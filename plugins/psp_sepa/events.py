"""What messages of a bank say of collections, in the words of the port.

Each collection can be rejected, settled and taken back once, and the names of events follow from that: the same thing said by
several messages, or by one that comes again, is one event.  Of parts that are taken back each has its day, its amount, and its
place among those of one message that have the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final

from engine.base import iban
from engine.model.payment import DisputeNotice, PaymentEvent
from engine.ports.hookspecs.psp import EventRequest, Events

from . import camt, pain002, reasons, xml
from .camt import Movement
from .kept import Kept, Sent
from .pain002 import Verdict

_CAMT: Final = ("camt.053", "camt.054")
_ZERO: Final = Decimal(0)


class Reading:
    """Reads messages by what the journal knows of our collections; ``account`` is the creditor's IBAN."""

    def __init__(self, kept: Kept, account: str) -> None:
        self.kept, self.account = kept, account

    def events(self, request: EventRequest) -> Events:
        """The events of one message; one that is not understood whole is refused."""
        kind = xml.kind_of(request.body)
        if kind != "pain.002" and kind not in _CAMT:
            what = f"it is {kind}" if kind else "it is no message of ISO 20022"
            return Events(request.key, refused=f"{what}; pain.002, camt.053 and camt.054 are read")
        try:
            root = xml.read(request.body)
            made = list(self._rejected(root) if kind == "pain.002" else self._moved(root))
        except ValueError as error:
            return Events(request.key, refused=str(error))
        return Events(request.key, tuple({event.id: event for event in made}.values()))

    def _rejected(self, root: xml.Element) -> Iterator[PaymentEvent]:
        said = xml.text(root, "CstmrPmtStsRpt/GrpHdr/CreDtTm")
        try:
            at = datetime.fromisoformat(said)
        except ValueError:
            raise ValueError(f"its CreDtTm is {said!r}, which is no moment") from None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        for verdict in pain002.verdicts(root):
            about = self._about(verdict)
            if not about:
                name = verdict.end_to_end or verdict.group or verdict.message
                yield _other(
                    f"{name}:rejected", at, verdict.code, f"a rejection of {name}, which is not of this adapter"
                )
            for sent in about:
                self.kept.reject(sent.name, verdict.code or "RJCT")
                kind = reasons.kind_of(verdict.code, _scheme(sent), None, at.date())
                yield PaymentEvent(
                    f"{sent.name}:failed",
                    "payment_failed" if "due" in sent.evidence else "refund_failed",
                    at,
                    provider_id=sent.name,
                    key=sent.key,
                    amount=_amount(sent),
                    currency="EUR",
                    code=verdict.code,
                    reason=_words(kind, verdict.code, verdict.text),
                )

    def _about(self, verdict: Verdict) -> list[Sent]:
        """The collections that a verdict is about."""
        if verdict.end_to_end:
            found = self.kept.by_name(verdict.end_to_end)
            return [found] if found is not None else []
        among = self.kept.in_file(verdict.message)
        return [one for one in among if not verdict.group or one.evidence.get("group") == verdict.group]

    def _moved(self, root: xml.Element) -> Iterator[PaymentEvent]:
        parts: Counter[str] = Counter()
        for movement in camt.movements(root):
            if movement.creditor_account and iban.compact(movement.creditor_account) != self.account:
                continue
            if not movement.end_to_end:
                yield from self._group(movement)
                continue
            sent = self.kept.by_name(movement.end_to_end)
            if sent is None or "due" not in sent.evidence:
                if movement.code:
                    what = f"a return of {movement.end_to_end}, which is not of this adapter"
                    yield _other(f"{movement.end_to_end}:returned", _noon(movement.day), movement.code, what)
            elif movement.currency != "EUR":
                what = f"{movement.amount:f} {movement.currency} for {sent.name}, which is in euros"
                yield _other(f"{sent.name}:currency", _noon(movement.day), movement.code, what)
            elif movement.came:
                yield _succeeded(sent, movement.day, movement.amount)
            else:
                self.kept.take_back(sent.name, movement.code or "returned")
                name = f"{sent.name}:returned"
                if movement.amount < _amount(sent):
                    name += f":{movement.day}:{movement.amount.normalize():f}"
                    parts[name] += 1
                    name += f":{parts[name]}" if parts[name] > 1 else ""
                yield _returned(sent, movement, name)

    def _group(self, movement: Movement) -> Iterator[PaymentEvent]:
        """What the sum of a group settles: all of it, or all that was not rejected before."""
        file = movement.group.rpartition("-")[0]
        if movement.group not in self.kept.groups(file) or not movement.came:
            return
        among = [one for one in self.kept.in_file(file) if one.evidence.get("group") == movement.group]
        settled = [one for one in among if one.rejected is None]
        sums = {sum((_amount(one) for one in some), _ZERO) for some in (among, settled)}
        if movement.amount not in sums or movement.currency != "EUR":
            told = " or ".join(f"{one:.2f}" for one in sorted(sums))
            what = f"{movement.amount:f} {movement.currency} for the group {movement.group}, which comes to {told} EUR"
            yield _other(f"{movement.group}:sum", _noon(movement.day), "", what)
            return
        for one in settled:
            yield _succeeded(one, movement.day, _amount(one))


def _succeeded(sent: Sent, day: date, amount: Decimal) -> PaymentEvent:
    head = (f"{sent.name}:succeeded", "payment_succeeded", _noon(day))
    return PaymentEvent(*head, provider_id=sent.name, key=sent.key, amount=amount, currency="EUR")  # type: ignore[arg-type]


def _returned(sent: Sent, movement: Movement, name: str) -> PaymentEvent:
    settled = date.fromisoformat(sent.evidence["due"])
    scheme, code = _scheme(sent), movement.code
    kind = reasons.kind_of(code, scheme, settled, movement.day)
    words = _words(kind, code, movement.text)
    late = reasons.late(kind, code, scheme, settled, movement.day)
    notice = DisputeNotice(
        name,
        sent.name,
        movement.amount,
        "EUR",
        reason=code,
        state=kind,
        fee=movement.fee,
        payment=str(sent.evidence["reference"]),
    )
    return PaymentEvent(
        notice.id,
        "payment_returned",
        _noon(movement.day),
        provider_id=sent.name,
        key=sent.key,
        amount=movement.amount,
        currency="EUR",
        code=code,
        reason=f"{words}; too late: {late}" if late else words,
        dispute=notice,
    )


def _other(ident: str, at: datetime, code: str, what: str) -> PaymentEvent:
    return PaymentEvent(ident, "other", at, code=code, reason=what)


def _words(kind: str, code: str, text: str) -> str:
    """Class of the reason, kind of the message, code, and what is said: what people and rules read."""
    known = reasons.reason(code)
    return f"{known.kind}: {kind} {code or 'without a code'}, {known.text}" + (f" ({text})" if text else "")


def _scheme(sent: Sent) -> str:
    return str(sent.evidence.get("scheme", "CORE"))


def _amount(sent: Sent) -> Decimal:
    return Decimal(sent.evidence["amount"])


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)
