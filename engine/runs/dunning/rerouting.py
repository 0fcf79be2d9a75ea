"""Letters that wait in the outbox while consent to their channel is withdrawn: they go another way, or not at all.

It is looked at whenever documents are delivered: nobody is written to by a channel that was withdrawn before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.model.dunning import NOTICE, Step
from engine.model.effect import Answer, Effect
from engine.model.journal import Change
from engine.runs.dunning.consent import NONE, PORT, Asked, Way, adapter_for, ways
from engine.runs.run import Parts
from engine.store.reader import Reader
from engine.store.records import OutboxEffect

REROUTED = Code("dunning.rerouted", "A letter whose channel was withdrawn before it went out.")

DELIVERY: Final = "delivery"


def reroute(parts: Parts, change: Change) -> list[Finding]:
    """Look again whether the letters that wait may go as they are to; what was done about those that may not."""
    if not parts.host.adapters(PORT):
        return []
    with parts.books.reader() as reader:
        pending = reader.waiting_letters(parts.tenant, NOTICE, change.at)
        asked, channels = _asked(parts, reader, pending)
    if not asked:
        return []
    told = ways(parts, asked, change.at.date())
    findings: list[Finding] = []
    for one, effect in zip(asked, pending, strict=True):
        way = told[one.key]
        findings += way.findings
        if not way.waits and way.channel != channels[one.key]:
            findings.append(_moved(parts, one, effect, way, channels[one.key], change))
    return findings


def _asked(parts: Parts, reader: Reader, pending: Sequence[OutboxEffect]) -> tuple[list[Asked], dict[str, str]]:
    """Who is to be written to, with the channels of the rule in their order."""
    steps = reader.steps_of([effect.payload["step"] for effect in pending])
    decisions = reader.decisions([step["decision"] for step in steps.values()])
    asked, channels = [], dict[str, str]()
    for effect in pending:
        row = steps[effect.payload["step"]]
        account = reader.accounts(parts.tenant, row["entity"], [row["account"]])[row["account"]]
        terms = decisions[row["decision"]]["terms"]
        given = next(step for step in terms["steps"] if step["name"] == row["step"])
        step = Step(row["step"], 0, channels=tuple(given["channels"]), by_law=given["by_law"])
        asked.append(Asked(effect.key, account, step, row["currency"], terms["no_signal"] == "write"))
        channels[effect.key] = effect.payload["channel"]
    return asked, channels


def _moved(parts: Parts, one: Asked, effect: OutboxEffect, way: Way, before: str, change: Change) -> Finding:
    """Take a letter back, and put it into the outbox by another channel, where there is one."""
    now: datetime = change.at
    adapter = adapter_for(parts, one.account, one.currency, way.channel, now.date()) if way.channel else NONE
    reason = f"consent to {before} was withdrawn"
    with parts.books.writer(change, effect.run_id, parts.tenant) as writer:
        writer.answer(parts.tenant, DELIVERY, [Answer(effect.key, "rejected", reason, {"consent": way.consent})])
        if adapter != NONE:
            payload = {**effect.payload, "channel": way.channel}
            again = Effect(f"{effect.key}/{way.channel}", DELIVERY, NOTICE, payload)
            if not writer.reader.effects(parts.tenant, [again.key]):
                writer.add_effects(parts.tenant, effect.entity, [(again, adapter)], effect.run_id)
    goes = f"it goes by {way.channel}" if adapter != NONE else "it does not go"
    what = f"the letter {effect.key} was to go by {before}, to which consent was withdrawn: {goes}"
    subject = f"account/{one.account.entity}/{one.account.key}"
    found = Finding(REROUTED, Where(f"effect/{effect.key}"), what, level="warning", subject=subject)
    return msgspec.structs.replace(found, mend="nothing is to be done")
