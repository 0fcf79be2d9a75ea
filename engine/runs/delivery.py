"""Delivery: what the outbox holds for the port ``delivery`` is told to its adapters, and their answers are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.model.effect import Answer, Effect
from engine.model.journal import Change
from engine.ports.failure import AdapterFailed
from engine.runs.document import Documents
from engine.runs.run import Clock, Parts, Progress, Report, silent

REJECTED = Code("delivery.rejected", "An adapter that will never deliver a document; somebody has to look at it.")
FAILED = Code("delivery.failed", "An adapter that failed on a batch of documents; they are tried again.")

PORT = "delivery"
BATCH = 200
LEASE = timedelta(minutes=10)
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)


def run_deliver(parts: Parts, change: Change, *, limit: int = 1_000_000, progress: Progress = silent) -> Report:
    """Deliver up to ``limit`` documents that are due.

    Each batch is told, and its answers are written, before the next: what stops in between is told again with the same key,
    which the adapter's contract makes harmless.
    """
    clock = Clock()
    counts = {"accepted": 0, "retry": 0, "rejected": 0}
    findings: list[Finding] = []
    handled = 0
    while handled < limit:
        now = msgspec.structs.replace(change, at=datetime.now(UTC))
        with clock.step("claim"), parts.books.writer(now) as writer:
            pending = writer.claim(parts.tenant, PORT, min(BATCH, limit - handled), LEASE)
        if not pending:
            break
        handled += len(pending)
        with clock.step("read"), parts.books.reader() as reader:
            documents = Documents(reader, parts.tenant).of([effect.payload["invoice_id"] for effect in pending])
        with clock.step("tell"):
            answers = _tell(parts, pending, documents, findings)
        with clock.step("write"), parts.books.writer(now) as writer:
            retry_at = {e.key: now.at + wait(e.attempts) for e in pending if answers[e.key].state == "retry"}
            writer.answer(parts.tenant, PORT, answers.values(), retry_at)
        for answer in answers.values():
            counts[answer.state] += 1
        progress("deliver", handled, handled)
    return Report(0, "deliver", change.at.date().isoformat(), "", "done", counts, clock.seconds, tuple(findings))


def wait(attempts: int) -> timedelta:
    """How long to wait after a failed attempt: a minute, doubled each time, six hours at most."""
    return min(FIRST_WAIT * (1 << min(attempts, 10)), LONGEST_WAIT)


def _tell(
    parts: Parts, pending: Sequence[Any], documents: Mapping[int, dict[str, Any]], findings: list[Finding]
) -> dict[str, Answer]:
    by_adapter: dict[str, list[Effect]] = defaultdict(list)
    answers: dict[str, Answer] = {}
    for effect in pending:
        document = documents.get(effect.payload["invoice_id"])
        if document is None:
            answers[effect.key] = Answer(
                effect.key, "rejected", "its invoice is not in the books; run `tollbook verify`"
            )
        else:
            by_adapter[effect.adapter].append(Effect(effect.key, effect.port, effect.kind, document))
    for adapter, effects in by_adapter.items():
        try:
            told: Sequence[Answer] = parts.host.tell(adapter, effects)
        except TollbookError as failure:
            told = failure.answered if isinstance(failure, AdapterFailed) else ()
            findings.append(_failed(adapter, failure))
        answers.update((answer.key, answer) for answer in told)
        for effect in effects:
            answers.setdefault(effect.key, Answer(effect.key, "retry", "the adapter gave no answer"))
    findings.extend(_rejected(answer) for answer in answers.values() if answer.state == "rejected")
    return answers


def _failed(adapter: str, failure: TollbookError) -> Finding:
    what = "; ".join(dict.fromkeys(finding.what for finding in failure.findings))
    return Finding(
        FAILED,
        Where(f"adapter/{adapter}"),
        f"{adapter}: {what}",
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
