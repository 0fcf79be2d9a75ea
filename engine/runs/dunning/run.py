"""The dunning run: every account that is late is looked at, and the steps that fall on the day are taken.

Each account is written by itself: its steps, what they claim, the debit note, and the letters in the outbox, all or nothing.
A step is taken once (tenant, entity, account, currency, document, cycle, step), so that the run can be broken off anywhere
and repeated, also on the same day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO
from engine.model.dunning import HANDOVER, NOTICE, Due, Step
from engine.model.effect import Effect
from engine.model.journal import Change
from engine.receivables.dunning import broken_plan, broken_promise, due_on
from engine.runs.accounts import memo_moves
from engine.runs.accounts.memo_desk import account_of
from engine.runs.accounts.memo_moves import Memo
from engine.runs.dunning.cases import Owing, owing
from engine.runs.dunning.claims import Claims, claimed, debit_note, sum_of
from engine.runs.dunning.consent import NONE, Asked, Way, adapter_for, ways
from engine.runs.dunning.taking import as_taken
from engine.runs.run import Clock, Parts, Progress, Report, attempt, silent
from engine.store.writer import Writer
from engine.store.writing.dunning import Note

EARLIER = Code("dunning.earlier", "A dunning run of a day before steps that were taken.")
BROKEN = Code("dunning.broken", "A promise that was not kept, or a plan of which an instalment was missed.")
NO_ADAPTER = Code("dunning.no-adapter", "A letter that no adapter brings by its channel.")

KIND: Final = "dunning"
TOGETHER: Final = 200
"""Accounts that are read at a time."""


class Planned(msgspec.Struct, frozen=True):
    """A step that is about to be taken, with everything that comes of it."""

    due: Due
    step: Step
    claims: Claims
    way: Way
    adapter: str
    memo: Memo | None


class Made(msgspec.Struct):
    """What a run has done so far."""

    counts: dict[str, int]
    details: list[dict[str, Any]]
    findings: list[Finding]

    def add(self, **more: int) -> None:
        """Count."""
        for name, value in more.items():
            self.counts[name] = self.counts.get(name, 0) + value


def run_dunning(
    parts: Parts,
    on: date,
    change: Change,
    *,
    account: str = "",
    dry_run: bool = False,
    progress: Progress = silent,
) -> Report:
    """Take the steps that fall on the day ``on``: of all accounts, or of one.  A dry run says which these are.

    Raises:
        TollbookError: ``account.unknown``.
    """
    clock, made = Clock(), Made({"accounts": 0, "steps": 0, "letters": 0, "debit_notes": 0}, [], [])
    run_id = 0 if dry_run else _started(parts, on, change)
    for found in _looked(parts, on, account, made, progress):
        with clock.step("plan"):
            planned = _planned(parts, found, on, made)
        if dry_run:
            _note_details(made, planned)
            made.add(steps=sum(len(steps) for _, steps in planned))
            continue
        with clock.step("write"):
            for one, steps in planned:
                attempt(
                    lambda o=one, s=steps: _take(parts, o, s, on, run_id, change, made),  # type: ignore[misc]
                    one.subject,
                    made.findings,
                )
    findings = tuple(dict.fromkeys((*made.findings, *parts.host.noticed())))
    if not dry_run:
        _finish(parts, run_id, change, made.counts, findings)
    head = (run_id, KIND, on.isoformat(), parts.rules.release, "dry run" if dry_run else "done")
    repeated = not dry_run and not made.counts["steps"]
    return Report(*head, made.counts, clock.seconds, findings, tuple(made.details), repeated=repeated)


def _started(parts: Parts, on: date, change: Change) -> int:
    rules, tenant = parts.rules, parts.tenant
    with parts.books.writer(change, tenant=tenant) as writer:
        writer.store_release(tenant, rules.release, rules.files, rules.overrides, rules.plugins)
        writer.store_decisions(rules.decisions())
        return writer.start_run(tenant, KIND, on.isoformat(), "all", rules.release).id


def _finish(parts: Parts, run_id: int, change: Change, counts: dict[str, int], findings: Sequence[Finding]) -> None:
    """End the run; what it has counted before, when it was run on the same day, counts on."""
    with parts.books.writer(change, run_id, parts.tenant) as writer:
        run = writer.lock_run(run_id)
        before = run.summary.get("counts", {})
        noted = writer.reader.findings(parts.tenant, run_id)
        new = [one for one in findings if one not in noted]
        writer.add_findings(parts.tenant, new, run_id)
        if run.state == "running" or counts["steps"] or new:
            told = {name: counts.get(name, 0) + before.get(name, 0) for name in {**before, **counts}}
            writer.finish_run(run_id, {"counts": told | {"accounts": counts["accounts"]}})


def _looked(parts: Parts, on: date, account: str, made: Made, progress: Progress) -> Iterator[list[Owing]]:
    """Accounts that are late, some at a time; the one that is named, of whichever legal entities have it."""
    with parts.books.reader() as reader:
        entities = list(reader.entities(parts.tenant).values())
        if account:
            entities = [one for one in entities if reader.accounts(parts.tenant, one.key, [account])]
            if not entities:
                account_of(reader, parts.tenant, account, "")
    for entity in entities:
        after = ""
        while True:
            with parts.books.reader() as reader:
                keys = [account] if account else reader.late_payers(parts.tenant, entity.key, on, after, TOGETHER)
                found = owing(parts, reader, entity, keys, on, made.findings) if keys else []
            made.add(accounts=len({one.account.key for one in found}))
            progress("dunning", made.counts["accounts"], made.counts["accounts"])
            yield found
            if account or not keys:
                break
            after = keys[-1]


def _planned(parts: Parts, found: Sequence[Owing], on: date, made: Made) -> list[tuple[Owing, list[Planned]]]:
    """The steps of some accounts with everything that comes of them; those with nothing to do are left out, unless something
    of theirs was broken."""
    dues: list[tuple[Owing, list[Due]]] = []
    for one in found:
        if any(row["day"] > on for row in one.steps):
            made.findings.append(_earlier(one, on))
            continue
        due = attempt(lambda o=one: due_on(o.case, o.terms, on), one.subject, made.findings)  # type: ignore[misc]
        if due or _broken(one, on):
            dues.append((one, due or []))
    asked = [_asked(one, due) for one, some in dues for due in some if one.step(due.step).action == "notice"]
    told = ways(parts, asked, on) if asked else {}
    planned = []
    for one, some in dues:
        steps = attempt(lambda o=one, s=some: _prepared(parts, o, s, told, on, made), one.subject, made.findings)  # type: ignore[misc]
        if steps is not None:
            planned.append((one, steps))
    return planned


def _prepared(
    parts: Parts, one: Owing, dues: Sequence[Due], told: dict[str, Way], on: date, made: Made
) -> list[Planned]:
    planned: list[Planned] = []
    for due in dues:
        step = one.step(due.step)
        way = told.get(_asked(one, due).key, Way("email" if step.action == "handover" else ""))
        made.findings += way.findings
        if way.waits:
            continue
        claims = claimed(parts, one, step, [item for item, _ in due.items], on)
        made.findings += claims.findings
        memo = None
        if step.charge == "debit_note" and claims.claims:
            with parts.books.reader() as reader:
                memo = debit_note(parts, reader, one, due, claims.claims)
        adapter = adapter_for(parts, one.account, one.currency, way.channel, on) if way.channel else NONE
        if way.channel and adapter == NONE:
            made.findings.append(_no_adapter(one, due, way.channel))
            if step.action == "handover":
                continue  # the claim is not given up to nobody
        planned.append(Planned(due, step, claims, way, adapter, memo))
    return planned


def _asked(one: Owing, due: Due) -> Asked:
    unsaid = one.decision.terms["no_signal"] == "write"
    return Asked(effect_key(one, due), one.account, one.step(due.step), one.currency, unsaid)


def effect_key(one: Owing, due: Due) -> str:
    """The idempotency key of the letter of a step."""
    about = one.debts[due.item].number if due.item else "all"
    return f"dunning/{one.entity.key}/{one.account.key}/{one.currency}/{about}/{due.cycle}/{due.step}"


def _take(
    parts: Parts, one: Owing, steps: Sequence[Planned], on: date, run_id: int, change: Change, made: Made
) -> None:
    """Take the steps of an account in one transaction, unless somebody else has taken some meanwhile."""
    tenant, entity, key = parts.tenant, one.entity.key, one.account.key
    with parts.books.writer(change, run_id, tenant) as writer:
        writer.lock_run(run_id)
        now = [row for row in writer.reader.dunning_steps(tenant, entity, [key]) if row["currency"] == one.currency]
        if len(now) != len(one.steps):
            return
        broken = _note_broken(writer, tenant, one, on)
        effects = [_write(parts, writer, one, planned) for planned in steps]
        writer.add_effects(tenant, entity, [effect for effect in effects if effect is not None])
    made.findings += broken
    for planned, effect in zip(steps, effects, strict=True):
        made.add(steps=1, letters=effect is not None, debit_notes=planned.memo is not None)
    _note_details(made, [(one, list(steps))])


def _write(parts: Parts, writer: Writer, one: Owing, planned: Planned) -> tuple[Effect, str] | None:
    """Write one step; its letter with the adapter that brings it."""
    due, step, document = planned.due, planned.step, 0
    if planned.memo is not None:
        memo_moves.works(parts, writer, msgspec.to_builtins(planned.memo))
        there = writer.reader.memo(parts.tenant, planned.memo.entity, planned.memo.key)
        assert there is not None
        document = there["id"]
    goes = bool(planned.way.channel) and planned.adapter != NONE and step.action != "none"
    key = effect_key(one, due) if goes else ""
    taken = as_taken(one, due, step, planned.claims, key, planned.way.channel, planned.way.consent)
    ident = writer.take_step(parts.tenant, taken, planned.claims.claims, document)
    if step.action == "handover":
        hand_over(writer, parts.tenant, one, due.item, due.day, f"step {due.step}", str(ident))
    kind = HANDOVER if step.action == "handover" else NOTICE
    effect = Effect(key, "delivery", kind, {"step": ident, "channel": planned.way.channel})
    return (effect, planned.adapter) if goes else None


def hand_over(writer: Writer, tenant: str, one: Owing, item: int, day: date, reason: str, key: str) -> None:
    """Note that a claim is with the agency: nothing more is asked for here."""
    head = (one.entity.key, f"handover/{one.account.key}/{one.currency}/{key}", "handover", one.account.key, day)
    writer.note_dunning(tenant, Note(*head, currency=one.currency, item=item, reason=reason, digest=key))


def _broken(one: Owing, on: date) -> list[tuple[str, str, date]]:
    """Promises and plans that broke by a day, as (kind, key, day), without those that were ended."""
    case, terms = one.case, one.terms
    found = [("promise", p, broken_promise(case, p, terms.promise_grace)) for p in case.promises]
    found += [("plan", p, broken_plan(case, p, terms.plan_grace, terms.plan_misses)) for p in case.plans]  # type: ignore[misc]
    return [(kind, p.key, day) for kind, p, day in found if day is not None and day <= on and p.ended == date.max]


def _note_broken(writer: Writer, tenant: str, one: Owing, on: date) -> list[Finding]:
    """Note what broke, on the day on which it did."""
    found: list[Finding] = []
    ids = {row["key"]: row["id"] for row in one.notes}
    for kind, key, day in _broken(one, on):
        head = (one.entity.key, f"{key}/broken", "broken", one.account.key, day)
        writer.note_dunning(
            tenant, Note(*head, currency=one.currency, ends=ids[key], reason=f"{kind} broken", digest=key)
        )
        what = f"the {kind} {key} of {one.account.key} is broken since {day}"
        mend = "`tollbook dunning show` says what follows"
        where = Where(one.subject)
        found.append(Finding(BROKEN, where, what, mend=mend, level="warning", subject=one.subject))
    return found


def _note_details(made: Made, planned: Sequence[tuple[Owing, list[Planned]]]) -> None:
    for one, steps in planned:
        for each in steps:
            made.details.append(
                {
                    "entity": one.entity.key,
                    "account": one.account.key,
                    "about": one.debts[each.due.item].number if each.due.item else "account",
                    "cycle": each.due.cycle,
                    "step": each.due.step,
                    "planned": each.due.planned,
                    "day": each.due.day,
                    "channel": each.way.channel,
                    "currency": one.currency,
                    "asked": sum((amount for _, amount in each.due.items), ZERO),
                    "costs": sum_of(each.claims.claims),
                    "rule": f"{one.decision.ruleset}/{one.decision.rule}",
                }
            )


def _earlier(one: Owing, on: date) -> Finding:
    last = max(row["day"] for row in one.steps)
    what = f"{one.account.key} has a step of {last}, after {on}"
    mend = "run dunning for a day that is not before the last step"
    return Finding(EARLIER, Where(one.subject), what, mend=mend, level="warning", subject=one.subject)


def _no_adapter(one: Owing, due: Due, channel: str) -> Finding:
    what = f"the letter of step {due.step} of {one.account.key} is to go by {channel}, and no adapter brings it"
    mend = 'name one in a rule of routing, such as: when: port == "delivery" and channel == "post"'
    return Finding(NO_ADAPTER, Where(one.subject), what, mend=mend, level="warning", subject=one.subject)
