"""Pools and carried allowances add up daily sums: what is to be said of rules that want them of usage that such sums do not tell."""

from __future__ import annotations

from collections.abc import Mapping

from engine.base.errors import NOWHERE, Code, Finding, TollbookError, Where
from engine.billing.metering import told_by_days
from engine.billing.pricing import Terms
from engine.model.catalog import Charge, Meter
from engine.model.decision import Decision

POOL = Code("pricing.pool-not-of-sums", "A pool of usage that is more than the sums of its days.")
ROLLOVER = Code(
    "pricing.rollover-not-of-sums",
    "A rule carries allowance over of a charge whose usage is more than the sums of days.",
)


def unsummed(
    meters: Mapping[str, Meter], charge: Charge, rule: str, terms: Terms, where: Where = NOWHERE
) -> Finding | None:
    """Why a rule cannot price a charge with its ``pool`` or ``rollover``; None where it can, has neither, or a meter is not known."""
    field = "pool" if terms["pool"] is not None else "rollover"
    if terms[field] is None or all(key not in meters or told_by_days(charge, meters[key]) for key in charge.counted):
        return None
    what, adds = (
        f"carries allowance of {charge.plan}/{charge.key} over",
        "what earlier cycles left is told by daily sums",
    )
    if field == "pool":
        what, adds = f"puts {charge.plan}/{charge.key} into pool {terms['pool']['key']}", "pools add up daily sums"
    return Finding(
        POOL if field == "pool" else ROLLOVER,
        where,
        f"rule {rule} {what}",
        f"it filters, groups or measures its usage, and {adds}",
        f"let the charge bill a meter of aggregation sum, count or max, without filter and group_by, or the rule say no {field}",
    )


def refuse_unsummed(meters: Mapping[str, Meter], charge: Charge, pricing: Decision) -> None:
    """Refuse a decision that cannot be applied to a charge.

    Raises:
        TollbookError: ``pricing.pool-not-of-sums``, ``pricing.rollover-not-of-sums``.
    """
    found = unsummed(meters, charge, pricing.rule, pricing.terms)
    if found is not None:
        raise TollbookError(found)
