"""Asking providers how payments stand that are not decided: for events that were never heard."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import msgspec

from engine.base.errors import Finding, TollbookError, Where
from engine.model.effect import Answer, Effect
from engine.model.journal import Change
from engine.model.payment_state import PaymentRecord
from engine.ports.failure import AdapterFailed
from engine.runs.booking import keep
from engine.runs.payments.news import learn, of_answer
from engine.runs.payments.telling import FAILED, PORT, STATES, Told
from engine.runs.run import Parts
from engine.store.reader import Reader

AT_ONCE: Final = 100
"""Payments that are asked about at a time."""


def run_ask(parts: Parts, change: Change) -> Told:
    """Ask about every payment and refund that a provider has and that is not decided."""
    keep(parts, change)
    with parts.books.reader() as reader:
        waiting = [one for one in reader.payments_undecided(parts.tenant) if one.state != "created"]
        effects = _effects(reader, parts.tenant, waiting)
    counts = dict.fromkeys(STATES.values(), 0)
    findings: list[Finding] = []
    by_adapter: dict[str, list[PaymentRecord]] = defaultdict(list)
    for one in waiting:
        if one.effect in effects:
            by_adapter[one.provider].append(one)
    for adapter, mine in by_adapter.items():
        for start in range(0, len(mine), AT_ONCE):
            some = mine[start : start + AT_ONCE]
            try:
                answers = parts.host.status(adapter, [effects[one.effect] for one in some])
            except TollbookError as failure:
                answers = list(failure.answered) if isinstance(failure, AdapterFailed) else []
                what = f"{adapter}: {'; '.join(dict.fromkeys(finding.what for finding in failure.findings))}"
                findings.append(Finding(FAILED, Where(f"adapter/{adapter}"), what, mend="ask again", level="warning"))
            _write(parts, change, some, answers, counts)
    return Told(counts, tuple(findings))


def _effects(reader: Reader, tenant: str, payments: list[PaymentRecord]) -> dict[str, Effect]:
    """What providers were told of payments, by key."""
    keys = [one.effect for one in payments]
    found = reader.effects(tenant, keys) if keys else []
    return {one.key: Effect(one.key, PORT, one.kind, one.payload) for one in found}


def _write(
    parts: Parts, change: Change, asked: list[PaymentRecord], answers: list[Answer], counts: dict[str, int]
) -> None:
    by_key = {answer.key: answer for answer in answers}
    for one in asked:
        answer = by_key.get(one.effect)
        if answer is None:
            continue
        counts[STATES[answer.state]] += 1
        news = of_answer(answer, change.at)
        if news is None or news.state == one.state:
            continue
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            learn(parts, writer, writer.lock_payment(one.id), msgspec.structs.replace(news, event="asked"))
