"""Payments are told to their providers, and what they answer becomes steps of the payments.

Where it is not known what became of an effect, the provider is asked by its key before anything is told again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.model.effect import Answer
from engine.model.journal import Change
from engine.model.payment import CANCEL, CAPTURE
from engine.model.payment_state import PaymentRecord
from engine.runs.delivering.telling import Teller, Telling, ToTell
from engine.runs.payments.booking import look
from engine.runs.payments.news import learn, of_answer
from engine.runs.run import Clock, Parts, Progress
from engine.store.records import OutboxEffect
from engine.store.writer import Writer

DECLINED = Code("payment.declined", "A payment, refund or capture that its provider has declined.")
FAILED = Code(
    "payment.provider-failed", "A provider that failed on a batch of payments; they are asked about, or told again."
)
NOT_BOOKED = Code(
    "payment.not-booked", "Money that a provider has taken and that could not be booked; it is tried again."
)

PORT: Final = "psp"
TELLING: Final = Telling(
    PORT,
    DECLINED,
    FAILED,
    "`tollbook payments show` says whether it is tried again; the customer may need another method",
    "what became of the payments is asked before anything is told again: collect again, or `tollbook payments tell`",
)
BATCH: Final = 100
LEASE: Final = timedelta(minutes=10)
"""How long a batch is held back from other processes beyond the time that its calls may take."""

STATES: Final = {"accepted": "accepted", "retry": "unknown", "rejected": "declined"}
"""What a report calls the answers of providers."""


class Told(msgspec.Struct, frozen=True):
    """What came of telling: how many effects by answer, and what went wrong."""

    counts: Mapping[str, int] = {}
    findings: tuple[Finding, ...] = ()


def run_tell(parts: Parts, change: Change, clock: Clock, *, limit: int, progress: Progress) -> Told:
    """Tell up to ``limit`` payments, refunds and captures that are due, and ask about those in doubt."""
    with parts.books.reader() as reader:
        mine = {one.provider for one in reader.payments_undecided(parts.tenant)}
    counts, teller, handled = dict.fromkeys(STATES.values(), 0), Teller(parts.host, TELLING), 0
    findings: list[Finding] = []
    if not mine:
        return Told(counts)
    lease = LEASE + timedelta(seconds=parts.host.longest(PORT, BATCH))
    while handled < limit:
        others = [name for name in parts.host.adapters(PORT) if name not in mine]
        with clock.step("claim"), parts.books.writer(_now(change)) as writer:
            without = [*teller.resting(), *others]
            pending = writer.claim(parts.tenant, PORT, min(BATCH, limit - handled), lease, without=without)
        if not pending:
            break
        handled += len(pending)
        with clock.step("tell"):
            answers = teller.tell(pending, ToTell({effect.key: effect.payload for effect in pending}))
        with clock.step("write"):
            for effect in pending:
                findings += _answered(parts, _now(change), teller, effect, answers[effect.key])
                counts[STATES[answers[effect.key].state]] += 1
        progress("tell", handled, handled)
    said = [msgspec.structs.replace(one, level="warning") for one in teller.findings()]
    return Told(counts, (*said, *findings, *parts.host.noticed()))


def _now(change: Change) -> Change:
    return msgspec.structs.replace(change, at=datetime.now(UTC))


def _answered(parts: Parts, change: Change, teller: Teller, effect: OutboxEffect, answer: Answer) -> Sequence[Finding]:
    """Write an answer down with what it means for the payment; where that cannot be booked, it stays in doubt, to be asked again."""
    try:
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            retry_at = {effect.key: teller.again(effect, writer.change.at)} if answer.state == "retry" else None
            if writer.answer(parts.tenant, PORT, [answer], retry_at):
                _learnt(parts, writer, effect, answer)
        return ()
    except TollbookError as error:
        said = "; ".join(finding.what for finding in error.findings)
        what = f"{effect.key} was {answer.state} by {effect.adapter}, and cannot be booked: {said}"
        mend = "mend what is named, then `tollbook payments tell`: the provider is asked, and not told again"
        return [Finding(NOT_BOOKED, Where(f"effect/{effect.key}"), what, error.findings[0].why, mend, "error")]


def _learnt(parts: Parts, writer: Writer, effect: OutboxEffect, answer: Answer) -> None:
    found = payment_of(writer, parts.tenant, effect)
    if found is None:
        return
    payment = writer.lock_payment(found.id)
    if answer.state == "rejected" and effect.kind in (CAPTURE, CANCEL):
        look(writer, parts.tenant, payment, f"{effect.kind.removeprefix('payment-')} was refused: {answer.reason}")
        return
    news = of_answer(answer, writer.change.at)
    if news is not None:
        learn(parts, writer, payment, news)


def payment_of(writer: Writer, tenant: str, effect: OutboxEffect) -> PaymentRecord | None:
    """The payment or refund that an effect is about."""
    return writer.reader.payment(tenant, effect.entity, str(effect.payload.get("reference", "")))
