"""Clearance: documents are submitted to an authority, and delivered once it has cleared them.

A document is numbered, submitted, then cleared or rejected, then delivered; each step is written with its effect, in one
transaction.  Its delivery gets into the outbox with the step that clears it, so that nothing can be delivered before.  A
document that is rejected waits for a person, who mends what is wrong and lets it be submitted again: with the number that it
has or, where the rule says that the number is spent, voided and billed anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec

from engine.base.errors import Code, Finding, refuse
from engine.model.clearance import CLEARED, DELIVERED, NEW_NUMBER, NUMBERED, REJECTED, SUBMITTED, VOIDED, Clearance
from engine.model.effect import Answer, Effect
from engine.model.journal import Change
from engine.runs.billing.clearance import submission_key
from engine.runs.billing.void_run import run_void
from engine.runs.delivering.telling import Teller, Telling, ToTell
from engine.runs.documents.document import Documents
from engine.runs.run import Clock, Parts, Progress
from engine.store import tracing
from engine.store.reader import Reader
from engine.store.records import OutboxEffect
from engine.store.writer import Writer
from engine.store.writing.clearance import Step

REFUSED = Code(
    "clearance.rejected", "A document that the authority has rejected; somebody has to mend and resubmit it."
)
FAILED = Code(
    "clearance.failed", "An adapter of an authority that failed on a batch of documents; they are tried again."
)
NOT_CLEARED_HERE = Code(
    "clearance.not-needed", "A document to be looked at or resubmitted that no authority has to clear."
)
NOT_REJECTED = Code("clearance.not-rejected", "A document to be resubmitted that the authority has not rejected.")

PORT: Final = "clearance"
CLEARING: Final = Telling(
    PORT,
    REFUSED,
    FAILED,
    "mend what the authority names, then `tollbook clearance resubmit NUMBER`",
    "the documents stay in the outbox, and wait; deliver again",
)
BATCH: Final = 200
LEASE: Final = timedelta(minutes=10)
"""How long a batch is held back from other processes beyond the time that its calls may take."""

COUNTS: Final = {"accepted": "cleared", "retry": "unanswered", "rejected": "refused"}
"""What a report calls the answers of authorities."""


class Submitted(msgspec.Struct, frozen=True):
    """What came of submitting: how many documents by answer, and what went wrong; nothing where nothing was to be submitted."""

    counts: Mapping[str, int] = {}
    findings: tuple[Finding, ...] = ()


def submit(parts: Parts, change: Change, clock: Clock, *, limit: int, progress: Progress, run_id: int) -> Submitted:
    """Submit up to ``limit`` documents that are due, those of one run or all, and ask for those that wait for an answer."""
    with parts.books.reader() as reader:
        if not reader.waiting_by_adapter(parts.tenant, PORT):
            return Submitted()
    counts, teller, handled = dict.fromkeys(COUNTS.values(), 0), Teller(parts.host, CLEARING), 0
    lease = LEASE + timedelta(seconds=parts.host.longest(PORT, BATCH))
    while handled < limit:
        with clock.step("claim"):
            pending = _claimed(parts, _now(change), min(BATCH, limit - handled), lease, teller.resting(), run_id)
        if not pending:
            break
        handled += len(pending)
        with clock.step("read"), parts.books.reader() as reader:
            made = ToTell(Documents(reader, parts.tenant, parts.rules).payloads(pending))
        with clock.step("submit"):
            answers = teller.tell(pending, made)
        with clock.step("write"), parts.books.writer(_now(change)) as writer:
            for effect in pending:
                answer = answers[effect.key]
                _answered(parts, writer, effect, answer, teller.again(effect, writer.change.at))
                counts[COUNTS[answer.state]] += 1
        progress("submit", handled, handled)
    return Submitted(counts, tuple(teller.findings()))


def _now(change: Change) -> Change:
    return msgspec.structs.replace(change, at=datetime.now(UTC))


def _claimed(
    parts: Parts, change: Change, size: int, lease: timedelta, without: Sequence[str], run_id: int
) -> list[OutboxEffect]:
    """Effects that are held back from others, with their documents noted as submitted before anything is sent."""
    with parts.books.writer(change) as writer:
        pending = writer.claim(parts.tenant, PORT, size, lease, without=without, run_id=run_id)
        known = writer.lock_clearances(parts.tenant, [effect.payload["invoice_id"] for effect in pending])
        fresh = [ident for ident, last in sorted(known.items()) if last.state == NUMBERED]
        if fresh:
            writer.step_clearances(parts.tenant, [Step(ident, SUBMITTED) for ident in fresh])
    return pending


def _answered(parts: Parts, writer: Writer, effect: OutboxEffect, answer: Answer, again: datetime) -> None:
    """Write an answer down with the step that it lets the document take, and the delivery of what is cleared."""
    retry_at = {effect.key: again} if answer.state == "retry" else None
    news = writer.answer(parts.tenant, PORT, [answer], retry_at)
    if not news or answer.state == "retry":
        return
    payload, evidence = effect.payload, answer.evidence
    ident = payload["invoice_id"]
    if answer.state == "rejected":
        writer.step_clearances(parts.tenant, [Step(ident, REJECTED, reason=answer.reason, evidence=evidence)])
        return
    authority_id, qr = str(evidence["authority_id"]), str(evidence.get("qr", ""))
    cleared = Step(ident, CLEARED, authority_id=authority_id, qr=qr, evidence=evidence)
    writer.step_clearances(parts.tenant, [cleared])
    if payload["deliver"] != "none":
        deliver = Effect(payload["document"], "delivery", effect.kind, {"invoice_id": ident, CLEARED: True})
        writer.add_effects(parts.tenant, effect.entity, [(deliver, payload["deliver"])], effect.run_id)


def note_delivered(
    parts: Parts, writer: Writer, pending: Sequence[OutboxEffect], answers: Mapping[str, Answer]
) -> None:
    """Documents that were cleared before take their last step as they are delivered."""
    done = [e.payload["invoice_id"] for e in pending if e.payload.get(CLEARED) and answers[e.key].state == "accepted"]
    if done:
        known = writer.lock_clearances(parts.tenant, done)
        steps = [Step(ident, DELIVERED) for ident, last in sorted(known.items()) if last.state == CLEARED]
        writer.step_clearances(parts.tenant, steps)


class Resubmitted(msgspec.Struct, frozen=True):
    """What became of a document that was resubmitted: it is ``numbered`` again, or ``voided`` by ``credit_note``."""

    number: str
    state: str
    key: str
    credit_note: str = ""


class ClearanceDesk:
    """What people ask about documents that an authority clears, and do with those that it rejects."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def listed(self, state: str = "", limit: int = 1000) -> list[Clearance]:
        """How documents stand with the authority, the oldest first; those of one state, or all."""
        with self._parts.books.reader() as reader:
            return reader.clearances(self._parts.tenant, state, limit)

    def steps(self, number: str) -> list[Clearance]:
        """What became of a document, step by step.

        Raises:
            TollbookError: ``explain.no-such-line``, ``clearance.not-needed``.
        """
        with self._parts.books.reader() as reader:
            return self._steps(reader, number)

    def resubmit(self, number: str, on: date, change: Change) -> Resubmitted:
        """Let a document that was rejected be submitted again.  With its number: the next delivery submits it, with the buyer as
        the books know it now.  Where its number is spent, it is voided in the books on the day ``on``, nobody is told, and the
        next bill run bills it anew.

        Raises:
            TollbookError: ``explain.no-such-line``, ``clearance.not-needed``, ``clearance.not-rejected``, and what
                :func:`engine.runs.billing.void_run.run_void` refuses.
        """
        parts = self._parts
        with parts.books.reader() as reader:
            last = self._steps(reader, number)[-1]
            (before,) = reader.effects(parts.tenant, [last.key])
        if last.state == VOIDED and before.payload["on_rejection"] == NEW_NUMBER:
            return Resubmitted(number, VOIDED, last.key)
        _refuse_unrejected(last)
        if before.payload["on_rejection"] == NEW_NUMBER:
            report = run_void(parts, number, on, change)
            with parts.books.reader() as reader:
                notes = [head["number"] for head in reader.invoices(parts.tenant, run_id=report.run_id)]
            return Resubmitted(number, VOIDED, last.key, "".join(notes))
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            last = writer.lock_clearances(parts.tenant, [last.invoice_id])[last.invoice_id]
            _refuse_unrejected(last)
            taken = writer.reader.clearance_steps([last.invoice_id])[last.invoice_id]
            attempt = 1 + sum(step.state == NUMBERED for step in taken)
            key = submission_key(before.payload["document"], attempt)
            payer = writer.reader.accounts(parts.tenant, last.entity, [last.payer])[last.payer]
            writer.step_clearances(parts.tenant, [Step(last.invoice_id, NUMBERED, key=key, payer_id=payer.id)])
            effect = Effect(key, PORT, before.kind, dict(before.payload))
            writer.add_effects(parts.tenant, last.entity, [(effect, before.adapter)])
        return Resubmitted(number, NUMBERED, key)

    def _steps(self, reader: Reader, number: str) -> list[Clearance]:
        tenant = self._parts.tenant
        ident = reader.find_invoice(tenant, number)
        if ident is None:
            raise tracing.no_invoice(reader, tenant, number)
        steps = reader.clearance_steps([ident]).get(ident, [])
        if not steps:
            mend = "`tollbook clearance list` shows those that one has; rules of the family clearance say which"
            raise refuse(NOT_CLEARED_HERE, f"no authority has to clear {number}", mend=mend)
        return steps


def _refuse_unrejected(last: Clearance) -> None:
    if last.state != REJECTED:
        raise refuse(
            NOT_REJECTED,
            f"{last.number} is {last.state}, not rejected",
            why="a document that the authority has, or may have, is not sent a second time",
            mend=f"`tollbook clearance show {last.number}` says what became of it",
        )
