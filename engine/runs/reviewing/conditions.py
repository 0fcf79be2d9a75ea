"""Before a bill run: what the rules want to hold is checked, and a run with an unmet condition is not started.

Which conditions a run has is a matter of rules; what can be checked is the table :data:`CHECKS`.  What asks the outside
world is asked before the transaction in which a run starts, everything else within it.  What is unmet is kept with the
moment since when, so that people and the next try can tell; a waiver lets go one condition, in the words in which it was
unmet, for the runs of one day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.model.condition import NO_CHECK, Condition, ConditionFacts, Terms, Unmet
from engine.model.decision import Decision
from engine.model.entity import LegalEntity
from engine.model.routing import RoutingFacts
from engine.model.tax import TaxRequest
from engine.ports.failure import NO_QUOTE
from engine.runs.billing.read import ranges_of, scope_parts
from engine.runs.run import Parts
from engine.runs.tax import ids as tax_ids
from engine.runs.usage.control import MISSING, TOTAL, Control, keep
from engine.store.reader import Reader
from engine.store.writer import Writer

CONDITION_UNMET = Code(
    "run.condition-unmet", "A bill run that is not started, because a condition of it does not hold."
)

WAIVE: Final = "waive-condition"
APPROVE_DRAFT: Final = "approve-draft"
_NOT_WAITED_FOR: Final = (WAIVE, APPROVE_DRAFT)
"""Acts that no run waits for: they are about runs that wait."""

Wrong = tuple[str, datetime | None]
"""What is wrong, in words, and since when, where that is known."""

_MEND: Final[Mapping[str, str]] = {
    "approvals": "`tollbook approvals list --state pending` shows them",
    "source-totals": "let the source send what is missing, or settle it: `tollbook worklist list`",
    "tax-ready": "mend the adapter, or let routing name another one",
    "imports-fresh": "import a newer file",
    "tax-ids-fresh": "`tollbook tax ids --refresh`",
    "revenue-lock": "`tollbook ledger close-period`",
    "quality": "`tollbook worklist list`",
}


class Wanted(msgspec.Struct, frozen=True):
    """A condition of a run: of a legal entity, by a rule; ``wrong`` is what was found before the run starts."""

    entity: LegalEntity
    decision: Decision
    terms: Terms
    wrong: Wrong | None = None

    @property
    def rule(self) -> str:
        """The rule with its rule set."""
        return f"{self.decision.ruleset}#{self.decision.rule}"


class _Look(msgspec.Struct, frozen=True):
    """What a check looks at."""

    parts: Parts
    reader: Reader
    wanted: Wanted
    on: date
    now: datetime
    control: Control


def asks(parts: Parts) -> bool:
    """Whether any rule wants a condition."""
    mine = (decision for decision in parts.rules.decisions() if decision.family == "conditions")
    return any(decision.terms["check"] != NO_CHECK for decision in mine)


def ahead(parts: Parts, reader: Reader, on: date, scope: str) -> tuple[Wanted, ...]:
    """The conditions of a run, with what the outside world says of them; none where it has begun already.

    Raises:
        TollbookError: ``rule.no-answer``, ``run.unknown-account``.
    """
    if not asks(parts) or reader.find_run(parts.tenant, "bill", on.isoformat(), scope) is not None:
        return ()
    occasion, account = scope_parts(scope)
    entities: Mapping[str, LegalEntity] = reader.entities(parts.tenant)
    if account is not None:
        concerned = {entity for entity, _, _ in ranges_of(parts, reader, account)}
        entities = {key: entity for key, entity in entities.items() if key in concerned}
    found = []
    for _, entity in sorted(entities.items()):
        facts = ConditionFacts(entity, "account" if account else "all", occasion.split(" ")[0] or "date", on)  # type: ignore[arg-type]
        for decision in parts.rules.decide_all("conditions", facts, on):
            terms = Terms.of(decision.terms)
            if terms.check != NO_CHECK:
                wrong = _tax_ready(parts, reader, entity, on) if terms.check == "tax-ready" else None
                found.append(Wanted(entity, decision, terms, wrong))
    return tuple(found)


def judged(
    parts: Parts, reader: Reader, wanted: Iterable[Wanted], on: date, scope: str, now: datetime, control: Control
) -> list[tuple[Condition, Unmet | None]]:
    """How each condition stands, with what is to be kept of those that are unmet."""
    noted, waivers = reader.unmet_since(parts.tenant, on, scope), reader.waivers(parts.tenant, on)
    found: list[tuple[Condition, Unmet | None]] = []
    for one in wanted:
        entity, name = one.entity.key, one.terms.check
        wrong = CHECKS[name](_Look(parts, reader, one, on, now, control))
        if wrong is None:
            found.append((Condition(entity, one.rule, name, "met"), None))
            continue
        what, since = wrong[0], wrong[1] or noted.get((entity, one.rule)) or now
        waiver = waivers.get((entity, one.rule, what))
        if waiver is not None:
            by = f"{waiver.waived_by}: {waiver.reason}"
            found.append((Condition(entity, one.rule, name, "waived", what, since, by), None))
            continue
        unmet = Unmet(entity, one.rule, name, what, since, str(one.decision.where), one.decision.id)
        found.append((Condition(entity, one.rule, name, "unmet", what, since), unmet))
    return found


def hold(
    parts: Parts, writer: Writer, wanted: Sequence[Wanted], on: date, scope: str, control: Control
) -> list[Finding]:
    """Why a run must not start now; none where it may.  What it waits for is kept, and what was found out about usage."""
    if not wanted:
        return []
    stands = judged(parts, writer.reader, wanted, on, scope, writer.change.at, control)
    unmet = [one for _, one in stands if one is not None]
    writer.note_conditions(parts.tenant, on, scope, unmet)
    if unmet and control.differences:
        keep(parts, writer, 0, msgspec.structs.replace(control, findings=[]))
    return findings(unmet, on)


def waiting(
    parts: Parts, reader: Reader, wanted: Sequence[Wanted], on: date, scope: str, now: datetime, control: Control
) -> list[Finding]:
    """What a dry run says of conditions that do not hold: it does not wait for them."""
    if not wanted:
        return []
    stands = judged(parts, reader, wanted, on, scope, now, control)
    return findings((one for _, one in stands if one is not None), on, "warning")


def findings(unmet: Iterable[Unmet], on: date, level: str = "error") -> list[Finding]:
    """What is said of conditions that do not hold."""
    return [
        Finding(
            CONDITION_UNMET,
            Where(f"condition/{one.entity}/{one.rule}"),
            f"the bill run of {on} waits in {one.entity} since {one.since:%Y-%m-%d %H:%M} UTC: {one.what}",
            f"rule {one.rule} at {one.where} wants {one.name}",
            f"{_MEND[one.name]}; or `tollbook conditions waive`",
            level=level,
            subject=f"condition/{one.entity}/{one.rule}",
        )
        for one in unmet
    ]


def _approvals(look: _Look) -> Wrong | None:
    """Nothing waits for a second person."""
    acts = look.wanted.terms.acts
    pending = [
        one for one in look.reader.pending_approvals(look.parts.tenant, _NOT_WAITED_FOR) if not acts or one.act in acts
    ]
    if not pending:
        return None
    told = ", ".join(f"approval {one.id} ({one.act} {one.subject})" for one in pending)
    return f"{told} {'waits' if len(pending) == 1 else 'wait'} for a second person", pending[0].made_at


def _source_totals(look: _Look) -> Wrong | None:
    """Usage is what its sources say."""
    mine = [one for one in look.control.differences if one.entity == look.wanted.entity.key]
    if not mine:
        return None
    items = look.reader.work_items(look.parts.tenant, kinds=(TOTAL, MISSING), state="unresolved", limit=100_000)
    opened = [item.opened_at for item in items if item.subject in {one.subject for one in mine}]
    return "; ".join(one.difference for one in mine), min(opened, default=None)


def _probed(look: _Look) -> Wrong | None:
    """What was found before the transaction."""
    return look.wanted.wrong


def _imports_fresh(look: _Look) -> Wrong | None:
    """Files were imported not long ago."""
    terms, told, since = look.wanted.terms, [], []
    for name in terms.imports:
        at = look.reader.last_intake(look.parts.tenant, name)
        if at is None:
            told.append(f"no file {name} was ever imported")
        elif (look.now.date() - at.date()).days > terms.max_age:
            told.append(f"{name} was imported last on {at:%Y-%m-%d}, more than {terms.max_age} days ago")
            since.append(at)
    return ("; ".join(told), min(since, default=None)) if told else None


def _tax_ids_fresh(look: _Look) -> Wrong | None:
    """The tax ids of customers abroad in the Union were asked about not long ago."""
    stale = tax_ids.stale(look.reader, look.parts.tenant, look.wanted.entity, look.on, look.wanted.terms.max_age)
    if not stale:
        return None
    some = ", ".join(one.account.key for one in stale[:5]) + (f" and {len(stale) - 5} more" if len(stale) > 5 else "")
    days = look.wanted.terms.max_age
    return f"no answer of the last {days} days is known about the tax id of {some}", None


def _revenue_lock(look: _Look) -> Wrong | None:
    """No revenue of the months before can change."""
    open_ = look.reader.open_months(look.parts.tenant, look.wanted.entity.key, look.on.replace(day=1))
    if not open_:
        return None
    return f"{', '.join(f'{month:%Y-%m}' for month in open_)} {'is' if len(open_) == 1 else 'are'} not closed", None


def _quality(look: _Look) -> Wrong | None:
    """The worklist is short enough."""
    terms = look.wanted.terms
    items = look.reader.work_items(look.parts.tenant, kinds=terms.kinds, state="unresolved", limit=100_000)
    mine = [item for item in items if item.entity in ("", look.wanted.entity.key)]
    if len(mine) <= terms.most:
        return None
    kinds = ", ".join(sorted({item.kind for item in mine}))
    what = f"{len(mine)} items of the worklist are open ({kinds}), {terms.most} may be"
    return what, mine[terms.most].opened_at


CHECKS: Final[Mapping[str, Callable[[_Look], Wrong | None]]] = {
    "approvals": _approvals,
    "source-totals": _source_totals,
    "tax-ready": _probed,
    "imports-fresh": _imports_fresh,
    "tax-ids-fresh": _tax_ids_fresh,
    "revenue-lock": _revenue_lock,
    "quality": _quality,
}
"""How each check of :data:`engine.model.condition.CHECKS` is made: what is wrong, or None."""


def _tax_ready(parts: Parts, reader: Reader, entity: LegalEntity, on: date) -> Wrong | None:
    """Every tax adapter that customers are routed to answers a question."""
    routed: dict[str, tuple[str, str]] = {}
    for country, currency in reader.markets(parts.tenant, entity.key):
        facts = RoutingFacts("tax", entity.key, country, currency, on)
        routed.setdefault(parts.rules.decide("routing", facts, on).terms["adapter"], (country, currency))
    told: list[str] = []
    since: list[datetime] = []
    for adapter, (country, currency) in sorted(routed.items()):
        if adapter == "none":
            continue
        try:
            resting = parts.host.resting(adapter)
            if resting is not None:
                since.append(resting.since)
                told.append(f"tax adapter {adapter} rests, because calls to it failed")
                continue
            parts.host.ask_tax(adapter, [_question(parts, entity, country, currency, on)])
        except TollbookError as error:
            wrong = [finding.what for finding in error.findings if finding.code != NO_QUOTE]
            told.extend(f"tax adapter {adapter} does not answer: {what}" for what in wrong)
    return ("; ".join(told), min(since, default=None)) if told else None


def _question(parts: Parts, entity: LegalEntity, country: str, currency: str, on: date) -> TaxRequest:
    """What an adapter is asked to see whether it answers: a quote commits nothing, and nothing is done with it."""
    registered = tuple(r.country for r in entity.registrations if r.valid_from <= on < r.valid_to)
    seller = (parts.tenant, entity.key, entity.country, registered)
    return TaxRequest("ready", *seller, "", country, None, None, False, "standard", on, currency, Decimal(1))


def as_unmet(stands: Iterable[tuple[Condition, Unmet | None]], entity: str, rule: str) -> Unmet | None:
    """The condition of a legal entity and rule, where it is unmet."""
    return next((u for _, u in stands if u is not None and (u.entity, u.rule) == (entity, rule)), None)


def given_of(unmet: Unmet, on: date) -> dict[str, Any]:
    """What a waiver is asked with, as JSON values."""
    return {"date": on.isoformat(), **{name: getattr(unmet, name) for name in ("entity", "rule", "name", "what")}}
