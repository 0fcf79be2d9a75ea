"""The ladder of a dispute: who is put in charge of it when it is not decided in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

from engine.base.calendar import Calendar
from engine.model.account import Account
from engine.model.dispute import DisputeRecord, EscalationFacts, Event, Ladder, Rung, Standing
from engine.model.dispute_views import Climbed
from engine.model.entity import LegalEntity
from engine.model.journal import Change
from engine.receivables.dispute import climbed, standing
from engine.runs.booking import keep
from engine.runs.disputes.hearing import owner_of, tell
from engine.runs.run import Parts


def due(parts: Parts, dispute: DisputeRecord, now: Standing, events: Sequence[Event], day: date) -> list[Climbed]:
    """The steps that are due and not taken in this round.

    Raises:
        TollbookError: ``rule.no-answer`` of escalation.
    """
    with parts.books.reader() as reader:
        entity, account = owner_of(reader, parts.tenant, dispute)
    taken = {one.id for one in events if one.kind == "escalated"}
    made = []
    owner = dispute.owner
    for on, rung in climbed(_ladder(parts, dispute, entity, account, now), now, day):
        if _name(now, rung.name) not in taken:
            made.append(Climbed(dispute.key, rung.name, on, owner, rung.to))
            owner = rung.to
    return made


def climb(parts: Parts, dispute: DisputeRecord, day: date, change: Change) -> list[Climbed]:
    """Take the steps that are due: each is an event, and gives the ticket to another owner."""
    with parts.books.reader() as reader:
        events = reader.dispute_events([dispute.id])[dispute.id]
    if not due(parts, dispute, standing(events), events, day):
        return []
    keep(parts, change)
    with parts.books.writer(change, tenant=parts.tenant) as writer:
        there = writer.lock_dispute(parts.tenant, dispute.entity, dispute.key)
        assert there is not None
        events = writer.reader.dispute_events([there.id])[there.id]
        now = standing(events)
        steps = due(parts, there, now, events, day)
        for step in steps:
            at = datetime.combine(step.day, time(12), change.at.tzinfo)
            event = Event(_name(now, step.step), "escalated", at, step.day, note=f"{step.before} -> {step.to}")
            writer.hear_dispute(parts.tenant, there, event, change.who)
        if steps:
            there = writer.stand_dispute(parts.tenant, there, owner=steps[-1].to)
            tell(writer, parts.tenant, there)
    return steps


def _name(now: Standing, step: str) -> str:
    return f"escalated/{now.round}/{step}"


def _ladder(parts: Parts, dispute: DisputeRecord, entity: LegalEntity, account: Account, now: Standing) -> Ladder:
    kind: Any = dispute.kind
    facts = EscalationFacts(entity, account, kind, now.stage, dispute.reason, dispute.currency, now.amount, now.since)
    terms = parts.rules.decide("escalation", facts, now.since).terms
    place = entity.country if terms["calendar"] == "entity" else terms["calendar"]
    steps = tuple(Rung(one["name"], one["to"], one["after"], one["before"]) for one in terms["steps"])
    return Ladder(steps, Calendar(place, tuple(terms["closed"]), tuple(terms["open"])))
