"""A close under way: steps are done in their order as far as nothing is in the way, and what each came to is kept.

Every step is safe to repeat, and what it came to is kept after it: a close that was stopped goes on where it was.  A step that
cannot be done says what is in the way, and since when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.base.errors import Finding, TollbookError
from engine.base.money import ZERO
from engine.model.close import (
    BLOCKED,
    DONE,
    OFF,
    REOPEN,
    TO_DO,
    WAITING,
    CheckResult,
    CloseFinding,
    CloseReport,
    CloseTerms,
    StepRow,
    StepState,
)
from engine.runs.close.checking import blocking, business_days, check_month, decided, terms_of
from engine.runs.close.look import told_amount
from engine.runs.close.registry import CHECKS
from engine.runs.close.steps import STEPS, Closing, Step
from engine.store.closing import history


class _Outcome(msgspec.Struct, frozen=True):
    state: str
    what: str
    results: Mapping[str, Any] = {}


def round_of(rows: Sequence[StepRow]) -> list[StepRow]:
    """The rows since the month was opened again last."""
    begun = max((n for n, row in enumerate(rows, 1) if row.step == REOPEN), default=0)
    return list(rows[begun:])


def standing(rows: Sequence[StepRow], step: Step) -> StepState:
    """How a step stands by what was kept of it."""
    mine = [row for row in round_of(rows) if row.step == step.name]
    if not mine:
        return StepState(step.name, step.title, TO_DO)
    last, since = mine[-1], mine[-1].at
    for row in reversed(mine):
        if row.state != last.state:
            break
        since = row.at
    return StepState(step.name, step.title, last.state, last.what, since, last.who)


class Run:
    """One try at closing a month."""

    def __init__(self, closing: Closing) -> None:
        self.closing = closing
        self.today = closing.change.at.date()
        self._results: dict[str, CheckResult] = {}
        self.findings: list[Finding] = []
        self.in_the_way: list[CloseFinding] = []

    def close(self) -> CloseReport:
        """Do what can be done, and say how the close stands then."""
        terms = self._terms()
        wanted = [step for step in STEPS if terms[step.name].treat != OFF]
        before = self._standing(wanted)
        stands: dict[str, StepState] = {}
        for step in wanted:
            now = before[step.name]
            if now.state != DONE:
                outcome = self._tried(step, terms[step.name], stands, {one.name for one in wanted})
                now = self._kept(step, now, outcome)
            stands[step.name] = now
        closing = self.closing
        with closing.parts.books.reader() as reader:
            period = reader.period_state(closing.parts.tenant, closing.entity.key, closing.month.first)
        return CloseReport(
            closing.entity.key,
            str(closing.month),
            period,
            tuple(stands.values()),
            tuple(dict.fromkeys(self.in_the_way)),
            tuple(self.findings),
            closing.dry,
        )

    def _terms(self) -> dict[str, CloseTerms]:
        """What the rules say of each step."""
        c = self.closing
        return {s.name: terms_of(decided(c.parts, c.entity, c.month, self.today, "step", s.name)) for s in STEPS}

    def _standing(self, wanted: Sequence[Step]) -> dict[str, StepState]:
        """How the steps stand before anything is done; what the period says by itself is so."""
        closing = self.closing
        tenant, entity, month = closing.parts.tenant, closing.entity.key, closing.month.first
        with closing.parts.books.reader() as reader:
            rows = history.steps(reader, tenant, entity, month)
            period = reader.period_state(tenant, entity, month)
        stands = {step.name: standing(rows, step) for step in wanted}
        for step in wanted:
            now = stands[step.name]
            if step.is_so and (period in step.is_so) != (now.state == DONE):
                state = DONE if period in step.is_so else TO_DO
                stands[step.name] = StepState(
                    step.name, step.title, state, f"the period is {period}", now.since, now.who
                )
        return stands

    def _tried(self, step: Step, terms: CloseTerms, stands: Mapping[str, StepState], there: set[str]) -> _Outcome:
        """What a step comes to."""
        after = step.after if terms.after is None else terms.after
        missing = [name for name in after if name in there and (name not in stands or stands[name].state != DONE)]
        if missing:
            return _Outcome(BLOCKED, f"waits for {' and '.join(missing)}")
        begun = business_days(self.closing.entity.country, self.closing.month, self.today)
        if begun < terms.from_day:
            return _Outcome(BLOCKED, f"is done from business day {terms.from_day} on; this is business day {begun}")
        try:
            results = self._checked(step)
            blockers = blocking(results)
            if blockers:
                self.in_the_way += blockers
                return _Outcome(BLOCKED, in_words(blockers), _kept_of(results))
            worked = step.work(self.closing) if step.work else None
        except TollbookError as error:
            self.findings += error.findings
            return _Outcome(BLOCKED, "; ".join(one.what for one in error.findings))
        kept = _kept_of(results)
        if worked is None:
            return _Outcome(DONE, "nothing is in the way", kept)
        self.findings += worked.findings
        return _Outcome(WAITING if worked.waits else DONE, worked.text, kept | {"run": worked.run_id})

    def _checked(self, step: Step) -> list[CheckResult]:
        """The checks that a step wants; those that another step had made are made again where they found something, and where the
        step wants all afresh."""
        c = self.closing
        wanted = [code for code, check in CHECKS.items() if check.group in step.wants]
        codes = [code for code in wanted if step.fresh or code not in self._results or blocking([self._results[code]])]
        if codes:
            with c.parts.books.reader() as reader:
                made = check_month(c.parts, reader, c.entity, c.month, c.change, codes)
            self._results.update((one.code, one) for one in made)
        return [self._results[code] for code in wanted]

    def _kept(self, step: Step, before: StepState, outcome: _Outcome) -> StepState:
        """Keep what a step came to, where it is not what it was; how it stands now."""
        closing, at = self.closing, self.closing.change.at
        same = before.state == outcome.state
        since = before.since if same and before.since else at
        now = StepState(step.name, step.title, outcome.state, outcome.what, since, closing.change.who)
        if closing.dry or (same and before.what == outcome.what):
            return now
        with closing.parts.books.writer(closing.change, tenant=closing.parts.tenant) as writer:
            writer.note_close_step(
                closing.parts.tenant,
                closing.entity.key,
                closing.month.first,
                step.name,
                outcome.state,
                outcome.what,
                outcome.results,
            )
        return now


def in_words(blockers: Sequence[CloseFinding]) -> str:
    """What is in the way, check by check with what it comes to."""
    codes = dict.fromkeys(one.check for one in blockers)
    return "; ".join(_sum(code, [one for one in blockers if one.check == code]) for code in codes)


def _sum(code: str, found: Sequence[CloseFinding]) -> str:
    sums: dict[str, Any] = {}
    for one in found:
        if one.amount is not None:
            sums[one.currency] = sums.get(one.currency, ZERO) + abs(one.amount)
    amounts = ", ".join(told_amount(amount, currency) for currency, amount in sorted(sums.items()))
    times = f"{len(found)} finding{'' if len(found) == 1 else 's'}"
    return f"{code}: {times}{f', {amounts}' if amounts else ''}"


def _kept_of(results: Sequence[CheckResult]) -> dict[str, Any]:
    """What checks found, as the books keep it: without ages, which are another every day."""
    made = msgspec.to_builtins([one for one in results if one.findings or one.left_out])
    for result in made:
        for finding in result["findings"]:
            del finding["age"]
    return {"made": [one.code for one in results], "checks": made}
