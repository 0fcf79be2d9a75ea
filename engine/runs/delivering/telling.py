"""Telling effects to the adapters of a port, and what is done about those that do not answer.

Where it is not known what became of an effect, because a call timed out or broke off or its answer was never written, an
adapter that can be asked is asked first; any other is told again under the same key, which its contract makes harmless.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.model.clearance import PENDING
from engine.model.effect import Answer, Effect
from engine.ports.failure import AdapterFailed
from engine.ports.host import Host
from engine.runs.delivering.marks import HELD, IN_DOUBT
from engine.runs.documents.files import attached, refusal
from engine.store.records import OutboxEffect

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)

SHOWN: Final = 5
"""Reasons that a finding gives; the others are counted."""


class Telling(msgspec.Struct, frozen=True):
    """A port that is told of documents, and the codes of what goes wrong there with what mends it."""

    port: str
    rejected: Code
    failed: Code
    mend_rejected: str
    mend_failed: str


def wait(attempts: int) -> timedelta:
    """How long to wait after a failed attempt: a minute, doubled each time, six hours at most."""
    return min(FIRST_WAIT * (1 << min(attempts, 10)), LONGEST_WAIT)


class ToTell(msgspec.Struct, frozen=True):
    """What effects are told, by key; without those whose invoice is not in the books.  ``held`` says why some may not go yet,
    ``formats`` which files go with them to adapters that want files, and ``findings`` what else there is to say of them."""

    documents: Mapping[str, dict[str, Any]]
    held: Mapping[str, str] = {}
    formats: Mapping[str, tuple[str, ...]] = {}
    findings: tuple[Finding, ...] = ()

    def beside(self, other: ToTell) -> ToTell:
        """Both together."""
        whole = ({**self.documents, **other.documents}, {**self.held, **other.held}, {**self.formats, **other.formats})
        return ToTell(*whole, (*self.findings, *other.findings))


Own = Callable[[Sequence[Effect]], Sequence[Answer]]
"""Gives an answer for each effect without a plug-in."""


class Teller:
    """Tells effects to their adapters, and gathers what goes wrong: one finding an adapter, one a rejected document."""

    def __init__(self, host: Host, to: Telling, own: Mapping[str, Own] = {}) -> None:
        """``own`` are those that are told here, and stand for adapters, by name."""
        self.port, self._host, self._to, self._own = to.port, host, to, own
        self._rejected: list[Finding] = []
        self._failed: dict[str, dict[str, None]] = defaultdict(dict)
        self._hopeless: set[str] = set()
        self._after: dict[str, float] = {}
        self._said: dict[tuple[str, str, str], Finding] = {}
        self._held: set[str] = set()

    def resting(self) -> list[str]:
        """The adapters that are not to be told now."""
        return [name for name in self._host.adapters(self._to.port) if self._host.resting(name)]

    def tell(self, pending: Sequence[OutboxEffect], made: ToTell) -> dict[str, Answer]:
        """An answer for each effect, from its adapter or, where that fails or the document is held, ``retry``."""
        self._said |= {(one.code, one.subject, one.level): one for one in made.findings}
        by_adapter: dict[str, list[Effect]] = defaultdict(list)
        answers: dict[str, Answer] = {}
        for effect in pending:
            document = made.documents.get(effect.key)
            if document is None:
                reason = "its invoice is not in the books; run `tollbook verify`"
                answers[effect.key] = Answer(effect.key, "rejected", reason)
            elif effect.key in made.held and not in_doubt(effect):
                answers[effect.key] = Answer(effect.key, "retry", f"held: {made.held[effect.key]}", {HELD: True})
                self._held.add(effect.key)
            else:
                by_adapter[effect.adapter].append(Effect(effect.key, effect.port, effect.kind, document))
        doubtful = {effect.key for effect in pending if in_doubt(effect)}
        for adapter, bare in by_adapter.items():
            effects = self._with_files(adapter, bare, made.formats, answers)
            answers |= self._tell(adapter, effects, doubtful & {effect.key for effect in effects})
        self._rejected += [_rejected(self._to, answer) for answer in answers.values() if answer.state == "rejected"]
        return answers

    def _with_files(
        self, adapter: str, effects: list[Effect], formats: Mapping[str, tuple[str, ...]], answers: dict[str, Answer]
    ) -> list[Effect]:
        """Effects with the files that their adapter wants; where one cannot be made, the document is held.

        Where no adapter makes files at all, documents go without.
        """
        known = adapter in self._host.adapters(self._to.port)
        wanted = adapter in self._own or (known and self._host.wants_files(adapter))
        if not wanted or not self._host.formats():
            return effects
        whole = []
        for effect in effects:
            try:
                whole.append(attached(self._host, effect, formats.get(effect.key, ())))
            except TollbookError as error:
                answers[effect.key] = Answer(effect.key, "retry", f"held: {refusal(error)}", {HELD: True})
                self._held.add(effect.key)
                self._failed["files"].update(dict.fromkeys([refusal(error)]))
        return whole

    def again(self, effect: OutboxEffect, now: datetime) -> datetime:
        """When to try an effect again: the longer the more often it failed, and not while its adapter rests."""
        if effect.key in self._held:
            return now + FIRST_WAIT  # it may go as soon as the field is there
        due = now + (LONGEST_WAIT if effect.key in self._hopeless else wait(effect.attempts))
        due = max(due, now + timedelta(seconds=self._after.get(effect.key, 0.0)))
        resting = self._host.resting(effect.adapter) if effect.adapter in self._host.adapters(self._to.port) else None
        return due if resting is None else max(due, resting.until)

    def instead(self, key: str, finding: Finding) -> None:
        """Say something else of a document that was rejected."""
        subject = f"effect/{key}"
        self._rejected = [one for one in self._rejected if one.subject != subject] + [finding]

    def held(self) -> int:
        """How many documents lacked something that the rules require."""
        return len(self._held)

    def findings(self) -> list[Finding]:
        """What went wrong so far."""
        failed = [_failed(self._to, adapter, [*said]) for adapter, said in self._failed.items()]
        return [*failed, *self._rejected, *self._said.values()]

    def _tell(self, adapter: str, effects: Sequence[Effect], doubtful: set[str]) -> dict[str, Answer]:
        """The answers of one adapter; ``doubtful`` are the keys of effects that may have been done already."""
        if adapter in self._own:
            return {answer.key: answer for answer in self._own[adapter](effects)}
        answers, doubtful = self._asked(adapter, [e for e in effects if e.key in doubtful])
        left = [effect for effect in effects if effect.key not in answers]
        try:
            told: Sequence[Answer] = self._host.tell(adapter, left)
        except TollbookError as failure:
            told = self._note(adapter, failure)
            if isinstance(failure, AdapterFailed):
                doubtful |= set(failure.keys) if failure.kind == "unknown" else set()
                self._hopeless |= set(failure.keys) if failure.kind == "permanent" else set()
                self._after.update(dict.fromkeys(failure.keys, failure.after))
        answers |= {answer.key: answer for answer in told}
        silent = (effect.key for effect in left if effect.key not in answers)
        return answers | {key: _not_told(key, key in doubtful) for key in silent}

    def _asked(self, adapter: str, effects: Sequence[Effect]) -> tuple[dict[str, Answer], set[str]]:
        """What an adapter knows of effects in doubt, and the keys of those that stay so and are to be told again.

        Where it can be asked, what it does not answer for is not told: that is answered ``retry`` here.
        """
        keys = {effect.key for effect in effects}
        if not effects or adapter not in self._host.adapters(self._to.port) or not self._host.answers_for(adapter):
            return {}, keys
        try:
            known: Sequence[Answer] = self._host.status(adapter, effects)
        except TollbookError as failure:
            known = self._note(adapter, failure)
        unanswered = keys - {answer.key for answer in known}
        final = {a.key: a for a in known if a.state != "retry" or a.evidence.get(PENDING)}
        return final | {key: _not_told(key, True) for key in unanswered}, set()

    def _note(self, adapter: str, failure: TollbookError) -> Sequence[Answer]:
        """Remember a failure; the good answers that came all the same."""
        self._failed[adapter].update(dict.fromkeys(finding.what for finding in failure.findings))
        return failure.answered if isinstance(failure, AdapterFailed) else ()


def in_doubt(effect: OutboxEffect) -> bool:
    """Whether an effect may have been done already: it was told, and nobody knows what came of it."""
    if not effect.attempts:
        return False
    evidence = effect.answer.get("evidence", {}) if effect.answer is not None else {IN_DOUBT: True}
    return bool(evidence.get(IN_DOUBT) or evidence.get(PENDING))


def _not_told(key: str, doubtful: bool) -> Answer:
    if doubtful:
        return Answer(key, "retry", "it is not known whether the adapter has done it", {IN_DOUBT: True})
    return Answer(key, "retry", "the adapter gave no answer")


def _failed(to: Telling, adapter: str, said: Sequence[str]) -> Finding:
    more = f"; and {len(said) - SHOWN} more" if len(said) > SHOWN else ""
    return Finding(
        to.failed,
        Where(f"adapter/{adapter}"),
        f"{adapter}: " + "; ".join(said[:SHOWN]) + more,
        mend=to.mend_failed,
        level="warning",
        subject=f"adapter/{adapter}",
    )


def _rejected(to: Telling, answer: Answer) -> Finding:
    return Finding(
        to.rejected,
        Where(f"effect/{answer.key}"),
        f"{answer.key} was rejected: {answer.reason}",
        mend=to.mend_rejected,
        subject=f"effect/{answer.key}",
    )
