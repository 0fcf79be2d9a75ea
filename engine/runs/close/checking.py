"""The checks of a month, made: what each finds, what rules make of it, and what two persons let go."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final

import msgspec

from engine.base.calendar import Calendar
from engine.base.errors import Code, did_you_mean, refuse
from engine.model.close import (
    OFF,
    USUAL,
    CheckResult,
    CloseFacts,
    CloseFinding,
    CloseTerms,
    FindingWaiver,
    Found,
    Month,
)
from engine.model.decision import Decision
from engine.model.entity import LegalEntity
from engine.model.journal import Change
from engine.runs.close.look import Check, Look
from engine.runs.close.registry import CHECKS
from engine.runs.run import Parts
from engine.store.closing import history
from engine.store.reader import Reader

UNKNOWN_CHECK = Code("close.unknown-check", "A check of the close that does not exist.")

FAMILY: Final = "close"


@lru_cache(maxsize=64)  # each check and each step of a month asks
def business_days(country: str, month: Month, today: date) -> int:
    """How many business days of a country have begun since a month's end, at most 366."""
    calendar, day, count = Calendar(country), month.after, 0
    while day <= today and (day - month.last).days <= 366:
        count += calendar.is_business(day)
        day += timedelta(days=1)
    return count


def decided(parts: Parts, entity: LegalEntity, month: Month, today: date, kind: str, name: str) -> Decision:
    """What the rules say of a check or a step.

    Raises:
        TollbookError: ``rule.no-answer``, ``calendar.unknown``.
    """
    begun = business_days(entity.country, month, today)
    facts = CloseFacts(entity, kind, name, begun, month.last)  # type: ignore[arg-type]
    return parts.rules.decide(FAMILY, facts, month.last)


def terms_of(decision: Decision) -> CloseTerms:
    """The terms of a decision."""
    terms: Mapping[str, Any] = decision.terms
    after = terms["after"]
    return CloseTerms(
        terms["treat"],
        terms["let_go"] or {},
        terms["owner"],
        tuple(terms["accounts"]),
        None if after is None else tuple(after),
        terms["from_day"],
    )


def check_month(
    parts: Parts,
    reader: Reader,
    entity: LegalEntity,
    month: Month,
    change: Change,
    codes: Collection[str] = (),
) -> list[CheckResult]:
    """What the checks of a month find, all where none is named.  Nothing is written but the daily sums of usage.

    Raises:
        TollbookError: ``close.unknown-check``, ``rule.no-answer``.
    """
    for code in codes:
        if code not in CHECKS:
            raise refuse(UNKNOWN_CHECK, f"the close has no check {code!r}", mend=did_you_mean(code, CHECKS))
    look = Look(parts, reader, entity, month, change)
    waived = {(w.code, w.subject, w.digest): w for w in history.waivers(*look.of, month.first)}
    return [_made(look, check, waived) for code, check in CHECKS.items() if not codes or code in codes]


def _made(look: Look, check: Check, waived: Mapping[tuple[str, str, str], FindingWaiver]) -> CheckResult:
    today = look.change.at.date()
    decision = decided(look.parts, look.entity, look.month, today, "check", check.code)
    terms, rule = terms_of(decision), f"{decision.ruleset}#{decision.rule}"
    severity = check.severity if terms.treat in (USUAL, OFF) else terms.treat
    owner = terms.owner or check.owner
    result = CheckResult(check.code, check.title, severity, owner)  # type: ignore[arg-type]
    if terms.treat == OFF:
        return CheckResult(check.code, check.title, check.severity, owner, left_out=rule)
    found = [_finding(result, one, check.mend, today) for one in _once(check.find(look, terms))]
    stands = (_let_go(one, terms, rule) or _waived(one, waived) or one for one in found)
    return CheckResult(result.code, result.title, result.severity, owner, tuple(stands))


def _once(found: Iterable[Found]) -> Iterable[Found]:
    """Each thing that was found once, however many checks of the books have told it."""
    return dict.fromkeys(found)


def _finding(of: CheckResult, one: Found, mend: str, today: date) -> CloseFinding:
    age = max((today - one.since).days, 0) if one.since else None
    amount = (one.amount, one.currency if one.amount is not None else "")
    return CloseFinding(
        *(of.code, of.severity, one.subject, one.what, *amount, one.since, age, of.owner, one.mend or mend)
    )


def _let_go(one: CloseFinding, terms: CloseTerms, rule: str) -> CloseFinding | None:
    """The finding as a rule lets it go, where its amount is below what that says of its currency."""
    least = terms.let_go.get(one.currency)
    if one.amount is None or least is None or abs(one.amount) >= least:
        return None
    return _as(one, "let_go", f"rule {rule}: below {least:f} {one.currency}")


def _waived(one: CloseFinding, waived: Mapping[tuple[str, str, str], FindingWaiver]) -> CloseFinding | None:
    waiver = waived.get((one.check, one.subject, one.digest))
    if waiver is None:
        return None
    return _as(one, "waived", f"{waiver.asked_by}: {waiver.reason}; {waiver.waived_by}: {waiver.agreed}")


def _as(one: CloseFinding, state: Any, by: str) -> CloseFinding:
    return msgspec.structs.replace(one, state=state, by=by)


def blocking(results: Sequence[CheckResult]) -> list[CloseFinding]:
    """The findings that the close cannot go on with."""
    return [one for result in results for one in result.findings if one.blocks]
