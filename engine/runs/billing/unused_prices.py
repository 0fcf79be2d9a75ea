"""Prices that nobody used: a typing mistake in a condition looks like this."""

from __future__ import annotations

from collections.abc import Collection

from engine.base.errors import Code, Finding
from engine.runs.billing.read import Pinned
from engine.runs.run import Parts
from engine.store.reader import Reader

UNUSED_PRICE = Code(
    "pricing.unused-rule", "A pricing rule that was in force but priced nothing in a month of bill runs."
)

PRICES = "prices"
"""Where the summary of a run keeps the ids of the pricing decisions that it made."""
_RUNS = 200
"""Most runs of the month that are looked at, the newest."""


def unused_prices(parts: Parts, reader: Reader, pinned: Pinned, used: Collection[int]) -> list[Finding]:
    """A finding for each pricing rule in force that decided nothing: not in this run, which ``used`` some prices, and not in the
    bill runs of its calendar month before it, whichever release they pinned."""
    in_force = {ruleset.name for ruleset in parts.rules.in_force("pricing", pinned.on)}
    idle = [
        decision
        for decision in parts.rules.decisions()
        if decision.family == "pricing" and decision.ruleset in in_force and decision.id not in used
    ]
    before = _used_before(parts, reader, pinned) if idle else set()
    return [
        Finding(
            UNUSED_PRICE,
            decision.where,
            f"rule {decision.rule} of {decision.ruleset} priced nothing from {pinned.on:%Y-%m}-01 to {pinned.on}",
            "no charge met its condition, or an earlier rule always answers first",
            "look whether the condition is what was meant",
            level="info",
            subject=f"rule/{decision.ruleset}/{decision.rule}",
        )
        for decision in idle
        if (decision.ruleset, decision.rule) not in before
    ]


def _used_before(parts: Parts, reader: Reader, pinned: Pinned) -> set[tuple[str, str]]:
    """Rule sets and rules that priced something in the bill runs of the month."""
    month = f"{pinned.on:%Y-%m}"
    runs = reader.runs(parts.tenant, limit=_RUNS)
    mine = (run for run in runs if run.kind == "bill" and run.period.startswith(month) and run.id != pinned.run_id)
    ids = {ident for run in mine for ident in run.summary.get(PRICES, ())}
    return {(row["ruleset"], row["rule"]) for row in reader.decisions(sorted(ids)).values()}
