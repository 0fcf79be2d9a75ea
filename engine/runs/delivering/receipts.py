"""What is heard of documents after adapters took them: kept, and what bounced put on the worklist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.model.effect import Answer
from engine.model.journal import Change
from engine.model.worklist import Difference
from engine.ports.hookspecs.delivery import Receipt, Receipts
from engine.runs.delivering.ways import Ways
from engine.runs.run import Parts
from engine.store.records import OutboxEffect
from engine.store.writer import Writer

BOUNCED = Code("delivery.bounced", "A document that was sent and came back: it did not reach whom it is for.")
UNHEARD = Code("delivery.no-receipts", "An adapter that could not say what became of documents; it is asked again.")

PORT: Final = "delivery"
HOOK: Final = "delivery_receipts"
KIND: Final = "delivery"
"""Kind of the items of the worklist about documents that did not arrive."""

PERSISTENT: Final = 12
"""Attempts after which a person is asked to look, about a day after the first; it is tried again all the same."""

AT_ONCE: Final = 500
"""Receipts that are asked for and written at a time."""


def run_hear(parts: Parts, change: Change) -> tuple[int, list[Finding]]:
    """Ask every delivery adapter that can be asked, and keep what it says; how many receipts, and what has to be looked at.

    A receipt and the cursor after it are written in one transaction, so that none is lost or kept twice.
    """
    heard, findings, ways = 0, list[Finding](), Ways(parts)
    for adapter in parts.host.adapters(PORT):
        if not parts.host.has(adapter, HOOK) or parts.host.resting(adapter):
            continue
        try:
            more = True
            while more:
                count, more, bounced = _some(parts, adapter, change, ways)
                heard += count
                findings += bounced
        except TollbookError as failure:
            said = "; ".join(dict.fromkeys(finding.what for finding in failure.findings))
            what = f"{adapter} did not say what became of documents: {said}"
            findings.append(
                Finding(UNHEARD, Where(f"adapter/{adapter}"), what, level="warning", subject=f"adapter/{adapter}")
            )
    return heard, findings


def _some(parts: Parts, adapter: str, change: Change, ways: Ways) -> tuple[int, bool, list[Finding]]:
    """Ask an adapter once: how many receipts, whether there are more, and findings of those that bounced."""
    with parts.books.reader() as reader:
        cursor = reader.usage_cursors(parts.tenant).get(adapter, {"cursor": ""})["cursor"]
    told = parts.host.ask_receipts(adapter, cursor, AT_ONCE)
    if told.cursor == cursor:
        return 0, False, []
    with parts.books.writer(change, tenant=parts.tenant) as writer:
        if not writer.keep_usage_cursor(parts.tenant, adapter, cursor, told.cursor, len(told.receipts)):
            return 0, False, []  # somebody else has read on
        kept = _kept(writer, parts.tenant, adapter, told)
        return *kept, _bounced(writer, parts.tenant, adapter, told.receipts, ways)


def _kept(writer: Writer, tenant: str, adapter: str, told: Receipts) -> tuple[int, bool]:
    ours = {effect.key for effect in writer.reader.effects(tenant, [one.effect for one in told.receipts])}
    rows = [(r.effect, r.state, r.at, r.reason, dict(r.evidence)) for r in told.receipts if r.effect in ours]
    return writer.put_receipts(tenant, adapter, rows), told.more


def _bounced(writer: Writer, tenant: str, adapter: str, receipts: Sequence[Receipt], ways: Ways) -> list[Finding]:
    back = {one.effect: one for one in receipts if one.state == "bounced"}
    effects = writer.reader.effects(tenant, list(back))
    return [
        ways.returned(writer, effect, back[effect.key].reason)
        or _returned(writer, tenant, effect, back[effect.key].reason, adapter)
        for effect in effects
    ]


def _returned(writer: Writer, tenant: str, effect: OutboxEffect, reason: str, adapter: str) -> Finding:
    look(writer, tenant, effect, f"came back: {reason}")
    mend = "mend the address, and send it again with `tollbook delivery again`"
    what = f"the document {effect.key} came back: {reason}"
    return Finding(
        BOUNCED, Where(f"adapter/{adapter}"), what, mend=mend, level="warning", subject=f"effect/{effect.key}"
    )


def put_on_worklist(writer: Writer, tenant: str, told: Sequence[OutboxEffect], answers: Mapping[str, Answer]) -> None:
    """Give people what will never go out, and what was tried in vain all day."""
    for effect in told:
        answer = answers[effect.key]
        if answer.state == "rejected":
            look(writer, tenant, effect, f"rejected: {answer.reason}")
        elif answer.state == "retry" and effect.attempts + 1 == PERSISTENT:
            look(writer, tenant, effect, f"tried {PERSISTENT} times in vain, and tried again: {answer.reason}")


def look(writer: Writer, tenant: str, effect: OutboxEffect, what: str) -> None:
    """Put a document that did not arrive on the worklist."""
    detail = {"effect": effect.id, "adapter": effect.adapter, **effect.payload}
    writer.open_item(tenant, Difference(effect.entity, KIND, subject_of(effect), what, detail, "", 0))


def subject_of(effect: OutboxEffect) -> str:
    """What an item of the worklist about an effect is about."""
    return f"{KIND}/{effect.key}"
