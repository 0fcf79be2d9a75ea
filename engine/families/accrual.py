"""Accrual: which charges are accrued before they are billed, where that stands, and from which amount on."""

from __future__ import annotations

from engine.model.accrual import AccrualFacts
from engine.model.decision import Family
from engine.revenue.accruing import PARTS

FAMILY = Family(
    name="accrual",
    doc="Which charges are accrued at the end of a month before they are billed, and where that stands until they are.",
    facts=AccrualFacts,
    selected_by="last day of the month that is accrued",
    answers="all",
    outcome={
        "accrue": {
            "type": "boolean",
            "default": True,
            "meta": {"description": "whether what is delivered and not billed is accrued"},
        },
        "role": {
            "type": "string",
            "allowed": ["unbilled", "contract_asset"],
            "default": "unbilled",
            "meta": {
                "description": "role of the posting rules that it is debited to: unbilled where nothing but the bill is missing, "
                "contract_asset where the right to the money waits for more than time"
            },
        },
        "part": {
            "type": "string",
            "allowed": [*PARTS],
            "default": "days",
            "meta": {
                "description": "what of a line that goes beyond the month is delivered: its share by days, the whole, or what its "
                "revrec rule has earned by then"
            },
        },
        "minimum": {
            "type": "decimal",
            "default": 0,
            "min": 0,
            "meta": {"description": "an amount nearer to zero than this, in the currency of the bill, is not accrued"},
        },
    },
)
