"""Delivery: what the outbox holds for the port ``delivery`` is told to its adapters, and their answers are kept.

Where it is not known what became of a document, because a call timed out or broke off or its answer was never written, an
adapter that can be asked is asked first; any other is told again under the same key, which its contract makes harmless.
An adapter that rests after failures is not told: its documents wait for a later delivery.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.model.effect import Answer, Effect
from engine.model.journal import Change
from engine.ports.failure import AdapterFailed
from engine.ports.host import Host
from engine.runs.document import Documents
from engine.runs.run import Clock, Parts, Progress, Report, silent
from engine.store.records import OutboxEffect

REJECTED = Code("delivery.rejected", "An adapter that will never deliver a document; somebody has to look at it.")
FAILED = Code("delivery.failed", "An adapter that failed on a batch of documents; they are tried again.")
WAITING = Code("delivery.waiting", "Documents that are not told, because their adapter rests after failures.")

PORT = "delivery"
BATCH = 200
LEASE = timedelta(minutes=10)
"""How long a batch is held back from other processes beyond the time that its calls may take."""

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)

IN_DOUBT: Final = "in_doubt"
"""Stands in the evidence of an effect that waits, where it may have been done all the same."""

SHOWN: Final = 5
"""Reasons that a finding gives; the others are counted."""


def run_deliver(
    parts: Parts, change: Change, *, limit: int = 1_000_000, progress: Progress = silent, run_id: int = 0
) -> Report:
    """Deliver up to ``limit`` documents that are due: those of one run, or all.

    Each batch is told, and its answers are written, before the next: what stops in between is in doubt, and taken up by the
    next delivery.
    """
    clock = Clock()
    counts = {"accepted": 0, "retry": 0, "rejected": 0}
    teller = Teller(parts.host)
    lease = LEASE + timedelta(seconds=parts.host.longest(PORT, BATCH))
    handled = 0
    while handled < limit:
        now = msgspec.structs.replace(change, at=datetime.now(UTC))
        with clock.step("claim"), parts.books.writer(now) as writer:
            size = min(BATCH, limit - handled)
            pending = writer.claim(parts.tenant, PORT, size, lease, without=teller.resting(), run_id=run_id)
        if not pending:
            break
        handled += len(pending)
        with clock.step("read"), parts.books.reader() as reader:
            documents = Documents(reader, parts.tenant).of([effect.payload["invoice_id"] for effect in pending])
        with clock.step("tell"):
            answers = teller.tell(pending, documents)
        told = msgspec.structs.replace(
            change, at=datetime.now(UTC)
        )  # telling may have taken longer than the first wait
        with clock.step("write"), parts.books.writer(told) as writer:
            retry_at = {e.key: teller.again(e, told.at) for e in pending if answers[e.key].state == "retry"}
            writer.answer(parts.tenant, PORT, answers.values(), retry_at)
        for answer in answers.values():
            counts[answer.state] += 1
        progress("deliver", handled, handled)
    findings = (*teller.findings(), *_waiting(parts, teller), *parts.host.noticed())
    return Report(0, "deliver", change.at.date().isoformat(), "", "done", counts, clock.seconds, findings)


def wait(attempts: int) -> timedelta:
    """How long to wait after a failed attempt: a minute, doubled each time, six hours at most."""
    return min(FIRST_WAIT * (1 << min(attempts, 10)), LONGEST_WAIT)


class Teller:
    """Tells effects to their adapters, and gathers what goes wrong: one finding an adapter, one a rejected document."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._rejected: list[Finding] = []
        self._failed: dict[str, dict[str, None]] = defaultdict(dict)
        self._hopeless: set[str] = set()

    def resting(self) -> list[str]:
        """The adapters that are not to be told now."""
        return [name for name in self._host.adapters(PORT) if self._host.resting(name)]

    def tell(self, pending: Sequence[OutboxEffect], documents: Mapping[int, dict[str, Any]]) -> dict[str, Answer]:
        """An answer for each effect, from its adapter or, where that fails, ``retry``."""
        by_adapter: dict[str, list[Effect]] = defaultdict(list)
        answers: dict[str, Answer] = {}
        for effect in pending:
            document = documents.get(effect.payload["invoice_id"])
            if document is None:
                reason = "its invoice is not in the books; run `tollbook verify`"
                answers[effect.key] = Answer(effect.key, "rejected", reason)
            else:
                by_adapter[effect.adapter].append(Effect(effect.key, effect.port, effect.kind, document))
        doubtful = {effect.key for effect in pending if in_doubt(effect)}
        for adapter, effects in by_adapter.items():
            answers |= self._tell(adapter, effects, doubtful & {effect.key for effect in effects})
        self._rejected += [_rejected(answer) for answer in answers.values() if answer.state == "rejected"]
        return answers

    def again(self, effect: OutboxEffect, now: datetime) -> datetime:
        """When to try an effect again: the longer the more often it failed, and not while its adapter rests."""
        due = now + (LONGEST_WAIT if effect.key in self._hopeless else wait(effect.attempts))
        resting = self._host.resting(effect.adapter) if effect.adapter in self._host.adapters(PORT) else None
        return due if resting is None else max(due, resting.until)

    def findings(self) -> list[Finding]:
        """What went wrong so far."""
        return [*(_failed(adapter, [*said]) for adapter, said in self._failed.items()), *self._rejected]

    def _tell(self, adapter: str, effects: Sequence[Effect], doubtful: set[str]) -> dict[str, Answer]:
        """The answers of one adapter; ``doubtful`` are the keys of effects that may have been done already."""
        answers, doubtful = self._asked(adapter, [e for e in effects if e.key in doubtful])
        left = [effect for effect in effects if effect.key not in answers]
        try:
            told: Sequence[Answer] = self._host.tell(adapter, left)
        except TollbookError as failure:
            told = self._note(adapter, failure)
            if isinstance(failure, AdapterFailed):
                doubtful |= set(failure.keys) if failure.kind == "unknown" else set()
                self._hopeless |= set(failure.keys) if failure.kind == "permanent" else set()
        answers |= {answer.key: answer for answer in told}
        silent = (effect.key for effect in left if effect.key not in answers)
        return answers | {key: _not_told(key, key in doubtful) for key in silent}

    def _asked(self, adapter: str, effects: Sequence[Effect]) -> tuple[dict[str, Answer], set[str]]:
        """What an adapter knows of effects in doubt, and the keys of those that stay so and are to be told again.

        Where it can be asked, what it does not answer for is not told: that is answered ``retry`` here.
        """
        keys = {effect.key for effect in effects}
        if not effects or adapter not in self._host.adapters(PORT) or not self._host.answers_for(adapter):
            return {}, keys
        try:
            known: Sequence[Answer] = self._host.status(adapter, effects)
        except TollbookError as failure:
            known = self._note(adapter, failure)
        unanswered = keys - {answer.key for answer in known}
        final = {answer.key: answer for answer in known if answer.state != "retry"}
        return final | {key: _not_told(key, True) for key in unanswered}, set()

    def _note(self, adapter: str, failure: TollbookError) -> Sequence[Answer]:
        """Remember a failure; the good answers that came all the same."""
        self._failed[adapter].update(dict.fromkeys(finding.what for finding in failure.findings))
        return failure.answered if isinstance(failure, AdapterFailed) else ()


def in_doubt(effect: OutboxEffect) -> bool:
    """Whether an effect may have been done already: it was told, and nobody knows what came of it."""
    if not effect.attempts:
        return False
    return effect.answer is None or bool(effect.answer.get("evidence", {}).get(IN_DOUBT))


def _not_told(key: str, doubtful: bool) -> Answer:
    if doubtful:
        return Answer(key, "retry", "it is not known whether the adapter has done it", {IN_DOUBT: True})
    return Answer(key, "retry", "the adapter gave no answer")


def _waiting(parts: Parts, teller: Teller) -> list[Finding]:
    """A finding for each adapter that rests and has documents to deliver."""
    resting = teller.resting()
    if not resting:
        return []
    with parts.books.reader() as reader:
        waiting = reader.waiting_by_adapter(parts.tenant, PORT)
    findings = []
    for adapter in resting:
        rest = parts.host.resting(adapter)
        if rest is not None and waiting.get(adapter):
            until = rest.until.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            findings.append(
                Finding(
                    WAITING,
                    Where(f"adapter/{adapter}"),
                    f"{waiting[adapter]} documents wait for {adapter}, which rests after failures until {until}",
                    mend="deliver again later; `tollbook requests list --failed` shows the failures",
                    level="warning",
                    subject=f"adapter/{adapter}",
                )
            )
    return findings


def _failed(adapter: str, said: Sequence[str]) -> Finding:
    more = f"; and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
    return Finding(
        FAILED,
        Where(f"adapter/{adapter}"),
        f"{adapter}: " + "; ".join(said[:SHOWN]) + more,
        mend="the documents stay in the outbox; deliver again",
        level="warning",
        subject=f"adapter/{adapter}",
    )


def _rejected(answer: Answer) -> Finding:
    return Finding(
        REJECTED,
        Where(f"effect/{answer.key}"),
        f"{answer.key} was rejected: {answer.reason}",
        mend="correct what the adapter names, then issue the document again",
        subject=f"effect/{answer.key}",
    )
