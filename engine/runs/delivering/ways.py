"""By which ways documents go, as the rules of the family ``delivery`` say, and what goes instead of a way that failed.

It is decided once, in the transaction that takes a document out of the outbox for the first time.  Each way is an effect of its own: it
is told, answered, tried again and given up by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.model.clearance import PENDING
from engine.model.decision import Decision
from engine.model.delivering import DeliveryFacts, Way
from engine.model.documenting import DocumentFacts
from engine.model.effect import Answer, Effect
from engine.runs.delivering.marks import HELD, IN_DOUBT
from engine.runs.delivering.telling import ToTell
from engine.runs.documents.rules import Looks
from engine.runs.dunning.notices import KINDS as LETTERS
from engine.runs.run import Parts
from engine.store.records import OutboxEffect
from engine.store.writer import Writer

INSTEAD = Code("delivery.instead", "A document that went another way, as the rules say, because one had failed.")
COPY_LOST = Code("delivery.copy-lost", "A copy that did not arrive; the document itself goes its own way.")

FAMILY: Final = "delivery"
PORT: Final = "delivery"
WAITS: Final = frozenset((IN_DOUBT, PENDING, HELD))
"""Stand in the evidence of what is not given up: it may have been done, or was never told."""

SPLIT: Final = "ways"
"""Stands in the evidence of an effect whose document goes by other ways than the routing rules led to: the key of each by adapter."""


class Ways:
    """What the rules say of the ways of documents.  Where no rule names any, nothing is asked."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        days = (date.min, *parts.rules.turns(FAMILY))
        sets = (one for day in days for one in parts.rules.in_force(FAMILY, day))
        self.used = any(rule.terms["channels"] for one in sets for rule in one.rules)

    def planned(self, writer: Writer, pending: Sequence[OutboxEffect]) -> tuple[list[OutboxEffect], ToTell]:
        """The effects that are to be told now, and which of them are held, because no rule could decide.

        Of those that come out of the outbox for the first time the ways are written down; those that are to go by other adapters
        only are answered here.
        """
        fresh = [one for one in pending if _fresh(one)] if self.used else []
        known = writer.reader.ways(self._parts.tenant, [one.key for one in fresh])
        fresh = [one for one in fresh if one.key not in known]
        if not fresh:
            return list(pending), ToTell({})
        decided, failed = self._decided(writer, fresh)
        gone = {one.key for one in fresh if one.key in decided and not self._take(writer, one, decided[one.key])}
        held = {key: "; ".join(one.what for one in found) for key, found in failed.items()}
        said = tuple(one for found in failed.values() for one in found)
        return [one for one in pending if one.key not in gone], ToTell({}, held, {}, said)

    def _decided(
        self, writer: Writer, fresh: Sequence[OutboxEffect]
    ) -> tuple[dict[str, Decision], dict[str, list[Finding]]]:
        """The decision for each document that is to go by ways of its own, by key of its effect."""
        parts, reader = self._parts, writer.reader
        ids = [one.payload["invoice_id"] for one in fresh]
        facts = Looks(reader, parts.rules).facts(reader.invoice_documents(ids, {}))
        decided, failed = dict[str, Decision](), dict[str, list[Finding]]()
        for one in fresh:
            if one.payload["invoice_id"] not in facts:
                continue  # telling says so
            asked = _asked(facts[one.payload["invoice_id"]], one.adapter)
            try:
                decision = parts.rules.decide(FAMILY, asked, asked.invoice_date)
            except TollbookError as error:
                failed[one.key] = [msgspec.structs.replace(f, subject=f"effect/{one.key}") for f in error.findings]
                continue
            if decision.terms["channels"]:
                decided[one.key] = decision
        if decided:
            rules = parts.rules
            writer.store_release(parts.tenant, rules.release, rules.files, rules.overrides, rules.plugins)
            writer.store_decisions({one.id: one for one in decided.values()}.values())
        return decided, failed

    def _take(self, writer: Writer, effect: OutboxEffect, decision: Decision) -> bool:
        """Write the ways of a document down; whether the effect that it came with is one of them."""
        tenant, channels = self._parts.tenant, decision.terms["channels"]
        stays = any(one["adapter"] == effect.adapter for one in channels)
        keys = {
            one["adapter"]: effect.key if one["adapter"] == effect.adapter else way_key(effect.key, one["adapter"])
            for one in channels
        }
        made = [(keys[one["adapter"]], one["adapter"]) for one in channels if keys[one["adapter"]] != effect.key]
        _add(writer, tenant, effect, made)
        writer.add_ways(
            tenant,
            effect.entity,
            [
                Way(
                    *(keys[one["adapter"]], effect.key, one["adapter"], one["role"], tuple(one["fallback"])),
                    *(one["tries"], "", "", decision.id),
                )
                for one in channels
            ],
        )
        if not stays:
            said = "it goes by " + ", ".join(keys)
            writer.answer(tenant, PORT, [Answer(effect.key, "accepted", said, {SPLIT: keys})])
        return stays

    def after(
        self, writer: Writer, told: Sequence[OutboxEffect], answers: Mapping[str, Answer]
    ) -> tuple[dict[str, Answer], dict[str, Finding]]:
        """The answers, those of ways that are given up among them as rejected; and what is to be said of ways that failed and for
        which nobody has to act: others go instead, or they were copies."""
        failing = [one for one in told if answers[one.key].state != "accepted"]
        ways = writer.reader.ways(self._parts.tenant, [one.key for one in failing]) if failing else {}
        final, said = dict(answers), dict[str, Finding]()
        for effect in (one for one in failing if one.key in ways):
            way, answer = ways[effect.key], answers[effect.key]
            waits = answer.state == "retry" and not WAITS & answer.evidence.keys()
            given_up = waits and effect.attempts + 1 >= way.tries
            if answer.state == "rejected" or (given_up and way.fallback):
                finding = self.failed(writer, effect, way, answer.reason)
                if given_up and finding is not None and finding.code == INSTEAD:
                    why = f"given up after {effect.attempts + 1} attempts: {answer.reason}"
                    final[effect.key] = Answer(effect.key, "rejected", why, answer.evidence)
                if finding is not None and final[effect.key].state == "rejected":
                    said[effect.key] = finding
        return final, said

    def failed(self, writer: Writer, effect: OutboxEffect, way: Way, reason: str) -> Finding | None:
        """Let a document go instead by the first adapter of its ``fallback`` that does not have it; None where a person has to act."""
        tenant, left = self._parts.tenant, list(way.fallback)
        taken = writer.reader.ways_of(tenant, [way.document])[way.document]
        there = {one.adapter for one in taken}
        for one in taken:
            if one.instead_of == effect.key:
                return _said(INSTEAD, effect, f"{effect.key} failed: {reason}; it goes by {one.adapter} instead")
        while left:
            adapter = left.pop(0)
            if adapter in there:
                continue
            key = way_key(way.document, adapter)
            _add(writer, tenant, effect, [(key, adapter)])
            new = Way(key, way.document, adapter, way.role, tuple(left), way.tries, effect.key, reason, way.decision)
            writer.add_ways(tenant, effect.entity, [new])
            return _said(INSTEAD, effect, f"{effect.key} failed: {reason}; it goes by {adapter} instead")
        if way.role == "copy":
            return _said(COPY_LOST, effect, f"the copy {effect.key} did not arrive: {reason}")
        return None

    def required(self, writer: Writer, told: Sequence[OutboxEffect]) -> list[OutboxEffect]:
        """Those of effects that are no copies."""
        ways = writer.reader.ways(self._parts.tenant, [one.key for one in told]) if self.used else {}
        return [one for one in told if one.key not in ways or ways[one.key].role == "required"]

    def returned(self, writer: Writer, effect: OutboxEffect, reason: str) -> Finding | None:
        """What is to be said of a document that came back, where another way is taken or it was a copy; None where a person has to act."""
        way = writer.reader.ways(self._parts.tenant, [effect.key]).get(effect.key)
        return None if way is None else self.failed(writer, effect, way, f"it came back: {reason}")


def way_key(document: str, adapter: str) -> str:
    """The key of the effect by which a document goes to an adapter that the routing rules have not led to."""
    return f"{document}/{adapter}"


def _fresh(effect: OutboxEffect) -> bool:
    """Whether a document comes out of the outbox for the first time, or was never told because it was held."""
    if effect.kind in LETTERS or "invoice_id" not in effect.payload:
        return False
    evidence = (effect.answer or {}).get("evidence", {})
    return not effect.attempts or bool(evidence.get(HELD))


def _asked(facts: DocumentFacts, adapter: str) -> DeliveryFacts:
    return DeliveryFacts(**{name: getattr(facts, name) for name in DocumentFacts.__struct_fields__}, adapter=adapter)


def _add(writer: Writer, tenant: str, effect: OutboxEffect, made: Sequence[tuple[str, str]]) -> None:
    """Put ways that are not there into the outbox, as effects of the run that made the document."""
    there = {one.key for one in writer.reader.effects(tenant, [key for key, _ in made])}
    fresh = [(Effect(key, PORT, effect.kind, effect.payload), name) for key, name in made if key not in there]
    writer.add_effects(tenant, effect.entity, fresh, effect.run_id)


def _said(code: Code, effect: OutboxEffect, what: str) -> Finding:
    subject = f"effect/{effect.key}"
    return Finding(code, Where(subject), what, mend="nothing is to be done", level="warning", subject=subject)
