"""Writes of payments: made once by their key, then steps, each with how the payment stands after it.

Whoever lets a payment take a step has locked it before (:meth:`PaymentsWriter.lock_payment`), and only then locks the items of
its account.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.base.errors import Code, refuse
from engine.model.payment import CREATED, PaymentEvent, Payout, PayoutLine
from engine.model.payment_state import MAY_FOLLOW, PaymentRecord, PaymentStep
from engine.store.tables import PAYMENT, PAYMENT_EVENT, PAYMENT_STEP, PAYOUT, PAYOUT_LINE
from engine.store.writing.base import WriterBase

WRONG_STEP = Code("payment.wrong-step", "A step of a payment that its state does not let it take.")

DOCUMENTS: Final = "invoice"
"""Name of the block that ids of payouts come from: an id never means two documents."""


class NewPayment(msgspec.Struct, frozen=True):
    """A payment, or a refund of one, that is to be made: as :class:`PaymentRecord` has it."""

    entity: str
    account: str
    key: str
    kind: str
    provider: str
    method: str
    token: str
    currency: str
    amount: Decimal
    day: date
    items: list[Any]
    told: dict[str, Any]
    digest: str
    effect: str
    decision: int = 0
    of_payment: int = 0


class BookedLine(msgspec.Struct, frozen=True):
    """A line of a payout, and the id of the payment or refund that it is of; 0 where none is known."""

    line: PayoutLine
    payment: int


class PaymentsWriter(WriterBase):
    """Writes payments."""

    def put_payment(self, tenant: str, new: NewPayment) -> PaymentRecord:
        """Make a payment, with its first step.

        Raises:
            TollbookError: ``store.duplicate`` where the key is taken.
        """
        ident = self.take_ids(PAYMENT.name, 1)
        names = ("entity", "account", "key", "kind", "of_payment", "provider", "method", "token", "currency", "amount")
        values: list[Any] = [ident, tenant, *(getattr(new, name) for name in names)]
        values += [new.day, new.items, new.told, new.digest, new.decision, self.change.at, self.run_id]
        values += ["", 0, 0, "", "", "", Decimal(0), "", "", "", None, False]
        made = PaymentRecord(*values)
        with self._spoiling():
            self._insert(PAYMENT, [msgspec.structs.astuple(msgspec.structs.replace(made, state=CREATED))])
        self.audit("make payment", f"payment/{new.entity}/{new.key}", None, {"id": ident}, tenant=tenant)
        return self.step_payment(made, PaymentStep(CREATED, attempt=1, effect=new.effect))

    def lock_payment(self, ident: int) -> PaymentRecord:
        """A payment as it stands now; nobody else lets it take a step until this transaction ends."""
        statement = sa.select(PAYMENT).where(PAYMENT.c.id == ident).with_for_update()
        return PaymentRecord(*self.connection.execute(statement).one())

    def step_payment(self, before: PaymentRecord, step: PaymentStep) -> PaymentRecord:
        """Let a payment that is locked take a step; how it stands then.

        Raises:
            TollbookError: ``payment.wrong-step``.
        """
        if step.state not in MAY_FOLLOW[before.kind].get(before.state, ()):
            able = ", ".join(MAY_FOLLOW[before.kind].get(before.state, ())) or "nothing"
            raise refuse(
                WRONG_STEP,
                f"payment {before.key} is {before.state or 'not there'}, and cannot be {step.state}",
                why=f"after {before.state} may come: {able}",
                mend=f"`tollbook payments show {before.key}` says what became of it",
                subject=f"payment/{before.entity}/{before.key}",
            )
        names = ("effect", "attempt", "provider_id", "charge", "taken", "network_transaction", "blocks")
        told = {name: value for name in names if (value := getattr(step, name)) is not None}
        more = {"code": step.code, "link": step.link, "retry_on": step.retry_on}
        after = msgspec.structs.replace(before, state=step.state, step=before.step + 1, **told, **more)
        changed = ("state", "step", *names, *more)
        ident = self.take_ids(PAYMENT_STEP.name, 1)
        head = (ident, before.tenant, before.id, after.step, step.state, self.change.at, after.attempt, after.effect)
        tail = (after.taken, step.code, step.reason, step.event, dict(step.evidence), step.decision, self.run_id)
        with self._spoiling():
            update = sa.update(PAYMENT).where(PAYMENT.c.id == before.id)
            self.connection.execute(update.values({name: getattr(after, name) for name in changed}))
            self._insert(PAYMENT_STEP, [(*head, *tail)])
        self.audit(
            "step payment",
            f"payment/{before.entity}/{before.key}",
            {"state": before.state},
            {"state": step.state, "step": after.step},
            tenant=before.tenant,
        )
        return after

    def keep_payment_event(
        self, tenant: str, provider: str, event: PaymentEvent, payment: int, note: str, digest: str
    ) -> int:
        """Keep what a provider told; the id.

        Raises:
            TollbookError: ``store.duplicate`` where it was told before.
        """
        ident = self.take_ids(PAYMENT_EVENT.name, 1)
        content = msgspec.to_builtins(event, str_keys=True)
        row = (ident, tenant, provider, event.id, event.kind, event.at, payment, note, content, digest, self.change.at)
        with self._spoiling():
            self._insert(PAYMENT_EVENT, [row])
        self.audit("hear of payment", f"payment-event/{provider}/{event.id}", None, {"kind": event.kind}, tenant=tenant)
        return ident

    def put_payout(
        self, tenant: str, entity: str, provider: str, payout: Payout, lines: Sequence[BookedLine], fees: Decimal,
        digest: str,
    ) -> int:  # fmt: skip
        """Write a payout with its lines; its id, which is that of its document.

        Raises:
            TollbookError: ``store.duplicate`` where the payout, or one of its lines, is there.
        """
        ident = self.take_ids(DOCUMENTS, 1)
        head = (ident, tenant, entity, provider, payout.id, payout.currency, payout.amount, payout.amount + fees, fees)
        with self._spoiling():
            self._insert(PAYOUT, [(*head, payout.paid, digest, self.change.at, self.run_id)])
            first = self.take_ids(PAYOUT_LINE.name, len(lines)) if lines else 0
            rows = [
                (
                    *(first + n, tenant, ident, provider, one.line.id, one.line.kind),
                    *(one.line.gross, one.line.fee, one.line.net, one.line.on),
                    *(one.line.provider_id, one.line.charge, one.payment),
                )
                for n, one in enumerate(lines)
            ]
            self._insert(PAYOUT_LINE, rows)
        after = {"id": ident, "lines": len(lines)}
        self.audit("book payout", f"payout/{provider}/{payout.id}", None, after, tenant=tenant)
        return ident
