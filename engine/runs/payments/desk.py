"""The desk of payments: methods, collecting, refunds, captures, what providers tell and pay out, and whether it all ties."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.errors import refuse
from engine.model.journal import Change
from engine.model.payment import (
    AUTHORIZED,
    CANCEL,
    CANCELED,
    CAPTURE,
    PaymentChange,
)
from engine.model.payment_state import OPEN, PaymentRecord, PaymentStep
from engine.ports.psp import described
from engine.runs.approvals import Approvals, Outcome
from engine.runs.bank_desk import BankDesk
from engine.runs.booking import keep
from engine.runs.payments import payouts as paying_out
from engine.runs.payments import refunding
from engine.runs.payments.asking import run_ask
from engine.runs.payments.collecting import Collection, plain, put_effect, run_collect
from engine.runs.payments.contested import Tell, pass_on
from engine.runs.payments.events import Heard, hear
from engine.runs.payments.refunding import NOT_NOW, found_payment, whole
from engine.runs.payments.report import Tied, compare
from engine.runs.payments.telling import Told, run_tell
from engine.runs.run import Clock, PartsOn, Progress, Report, silent

ACT: Final = "payment-refund"
"""The act that may need two persons."""


class Changed(msgspec.Struct, frozen=True):
    """What became of a payment that somebody changed: how it stands once the provider was told."""

    payment: PaymentRecord
    told: Told
    known: bool = False


class PaymentDesk:
    """What people do with payments."""

    def __init__(self, parts: PartsOn, bank: Callable[[], BankDesk], approvals: Approvals, disputed: Tell) -> None:
        """``disputed`` takes in what providers tell of disputes."""
        self._parts, self._bank, self._approvals, self._disputed = parts, bank, approvals, disputed

    def methods(self, account: str = "") -> list[dict[str, Any]]:
        """What accounts pay with, closed methods too."""
        parts = self._parts()
        with parts.books.reader() as reader:
            return reader.method_rows(parts.tenant, account)

    def listed(self, state: str = "", account: str = "", limit: int = 100) -> list[PaymentRecord]:
        """Payments and refunds, the newest first."""
        parts = self._parts()
        with parts.books.reader() as reader:
            return reader.payments(parts.tenant, state=state, account=account, limit=limit)

    def shown(self, key: str, entity: str = "") -> dict[str, Any]:
        """A payment with its steps, its refunds, and what its provider told of it.

        Raises:
            TollbookError: ``payment.unknown``.
        """
        parts = self._parts()
        with parts.books.reader() as reader:
            payment = found_payment(reader, parts.tenant, key, entity)
            steps = reader.payment_steps([payment.id]).get(payment.id, [])
            events = reader.payment_events(parts.tenant, payment=payment.id)
            refunds = [one.key for one in reader.refunds_of(parts.tenant, payment.id)]
        return {"payment": payment, "steps": steps, "events": events, "refunds": refunds}

    def collect(self, asked: Collection, change: Change, progress: Progress = silent) -> Report:
        """Collect what is due; see :func:`engine.runs.payments.collecting.run_collect`."""
        return run_collect(self._parts(on=asked.on), change, asked, progress=progress)

    def tell(self, change: Change) -> Told:
        """Tell providers what they were not told, and ask about what is in doubt."""
        parts = self._parts()
        keep(parts, change)
        return run_tell(parts, change, Clock(), limit=1_000_000, progress=silent)

    def ask(self, change: Change) -> Told:
        """Ask providers how payments stand that are not decided; see :func:`engine.runs.payments.asking.run_ask`."""
        return run_ask(self._parts(), change)

    def refund(
        self, key: str, refund: str, change: Change, amount: Decimal | None = None, entity: str = ""
    ) -> Changed | Outcome:
        """Give a payment back to what it was paid with: all that is left of it, or an amount; once by the key ``refund``.  Where it
        needs two persons, it is proposed.

        Raises:
            TollbookError: ``payment.unknown``, ``payment.not-possible``, ``payment.more-than-paid``, ``payment.key-conflict``.
        """
        parts = self._parts()
        keep(parts, change)
        with parts.books.reader() as reader:
            given = refunding.asked(reader, parts.tenant, key, refund, amount, entity)
            made = refunding.relies(reader, parts.tenant, given)["made"]
        if not made and self._approvals.needs_two(ACT, given):
            return self._approvals.act(ACT, given, change)
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            fresh = refunding.perform(writer, parts.tenant, given)
        return self._told(given["entity"], refund, change, known=not fresh)

    def capture(self, key: str, change: Change, amount: Decimal | None = None, entity: str = "") -> Changed:
        """Take what was reserved, or a part of it.

        Raises:
            TollbookError: ``payment.unknown``, ``payment.not-possible``, ``payment.more-than-paid``.
        """
        return self._change(key, entity, CAPTURE, (AUTHORIZED,), change, amount)

    def cancel(self, key: str, change: Change, entity: str = "") -> Changed:
        """Let go what was reserved, or stop a payment that is not decided or is to be tried again.

        Raises:
            TollbookError: ``payment.unknown``, ``payment.not-possible``.
        """
        return self._change(key, entity, CANCEL, OPEN[1:], change, None)

    def hear(self, adapter: str, body: bytes, headers: Mapping[str, str], change: Change) -> list[Heard]:
        """Take in a message of a provider; see :func:`engine.runs.payments.events.hear`.  Disputes go on to their desk."""
        parts = self._parts()
        return pass_on(parts, adapter, hear(parts, adapter, body, headers, change), self._disputed, change)

    def fetch_payouts(self, adapter: str, since: date, until: date, change: Change) -> list[paying_out.BookedPayout]:
        """Book what a provider has paid out; see :func:`engine.runs.payments.payouts.fetch`."""
        return paying_out.fetch(self._parts(), adapter, since, until, change)

    def read_payouts(self, adapter: str, path: Path, change: Change, entity: str = "") -> list[paying_out.BookedPayout]:
        """Book the payouts of a provider's report; see :func:`engine.runs.payments.payouts.of_file`."""
        return paying_out.book(self._parts(), adapter, paying_out.of_file(self._bank(), path), change, entity)

    def report(self, on: date | None = None, grace: int = 5, provider: str = "") -> Tied:
        """What the books and the providers say; see :func:`engine.runs.payments.report.compare`."""
        parts = self._parts()
        day = on or datetime.now(UTC).date()
        with parts.books.reader() as reader:
            return compare(reader, parts.tenant, described(parts.host), day, grace, provider)

    def _change(
        self, key: str, entity: str, kind: str, states: tuple[str, ...], change: Change, amount: Decimal | None
    ) -> Changed:
        parts = self._parts()
        keep(parts, change)
        verb = kind.removeprefix("payment-")
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            payment = writer.lock_payment(found_payment(writer.reader, parts.tenant, key, entity).id)
            if kind == CANCEL and payment.retry_on is not None:
                step = PaymentStep(CANCELED, f"stopped: {change.reason}")
                return Changed(writer.step_payment(payment, step), Told())
            if payment.kind != "charge" or payment.state not in states:
                what = f"{payment.kind} {payment.key} is {payment.state}"
                raise refuse(
                    NOT_NOW, what, why=f"{verb} is for payments that are {' or '.join(states)}", mend=_MENDS[verb]
                )
            if amount is not None:
                whole(payment, amount, payment.amount, verb)
            known = bool(writer.reader.effects(parts.tenant, [f"{payment.effect}/{verb}"]))
            if not known:
                told = PaymentChange(payment.key, payment.entity, payment.provider_id, payment.currency, amount)
                put_effect(writer, payment, kind, plain(told), f"/{verb}")
        return self._told(payment.entity, payment.key, change, known)

    def _told(self, entity: str, key: str, change: Change, known: bool) -> Changed:
        """Tell what waits; how the payment stands then."""
        told = self.tell(change)
        parts = self._parts()
        with parts.books.reader() as reader:
            return Changed(found_payment(reader, parts.tenant, key, entity), told, known)


_MENDS: Final = {
    "capture": "reserve with `tollbook payments collect --reserve`; what was taken is given back by a refund",
    "cancel": "what was taken is given back by `tollbook payments refund`",
}
