"""The fields that pricing rules take: those of all rules, and those that several methods share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.base.money import ROUNDING
from engine.families.pricing_sharing import POOL, ROLLOVER


def price(text: str, required: bool = False) -> dict[str, Any]:
    """Schema of a price that is not negative."""
    return {"type": "price", "min": 0, "meta": {"description": text}} | ({"required": True} if required else {})


def decimal(text: str) -> dict[str, Any]:
    """Schema of a number that is not negative."""
    return {"type": "decimal", "min": 0, "meta": {"description": text}}


def _flag(text: str, default: bool = True) -> dict[str, Any]:
    return {"type": "boolean", "default": default, "meta": {"description": text}}


_SHRINKS: Final = "whether it shrinks to the share of the cycle where the stretch is shorter than that"

BEFORE: Final[Mapping[str, Any]] = {
    "type": "list",
    "default": [],
    "meta": {"description": "what is done to the quantity before the method prices it, in order; one step an entry"},
    "schema": {
        "type": "dict",
        "schema": {
            "multiply": decimal("the quantity is multiplied with this"),
            "divide": decimal("the quantity is divided by this"),
            "round": {
                "type": "string",
                "allowed": [*ROUNDING, "none"],
                "default": "none",
                "meta": {
                    "description": "how the converted quantity is rounded to whole units; none: a fraction counts"
                },
            },
            "free": decimal("units that are taken off: they cost nothing in each cycle"),
            "prorated": _flag(f"free: {_SHRINKS}"),
        },
    },
}
AFTER: Final[Mapping[str, Any]] = {
    "type": "list",
    "default": [],
    "meta": {"description": "what is done to the money that the method gives, in order; one step an entry"},
    "schema": {
        "type": "dict",
        "schema": {
            "discount": {
                "type": "percent",
                "min": 0,
                "max": 1,
                "meta": {"description": "percentage that is taken off"},
            },
            "credit": price("money that is used up first in each cycle; only what is above it is owed"),
            "minimum": price(
                "least that is owed; only once the stretch is over, so that usage billed as it comes is topped up last"
            ),
            "maximum": price("most that is owed"),
            "commitment": price("money that is committed to; what is above it counts times overage"),
            "overage": {
                "type": "decimal",
                "default": 1,
                "min": 0,
                "meta": {"description": "commitment: what the money above it is multiplied with"},
            },
            "true_up": _flag("commitment: whether what is below it is topped up, once the stretch is over"),
            "prorated": _flag(f"all but discount: {_SHRINKS}"),
            "of": {
                "type": "string",
                "allowed": ["period", "window"],
                "default": "period",
                "meta": {"description": "whether the step looks at the whole stretch, or at each window of per"},
            },
        },
    },
}
WINDOW: Final[Mapping[str, Any]] = {
    "type": "string",
    "regex": "period|quarter|half_year|year|contract_year|[1-9][0-9]? months",
    "default": "period",
    "meta": {
        "description": "usage only: what tiers, allowances and limits are of: period is the stretch that is billed; quarter, half_year and year are of the calendar, contract_year and such as 18 months are counted from the first day of the subscription. A stretch then pays the price of what was used in its window up to its end, less that of what was used before it; minimums and true-ups apply when the window or the service ends"
    },
}
RAMP: Final[Mapping[str, Any]] = {
    "type": "list",
    "default": [],
    "meta": {
        "description": "phases from the first day of the subscription on, one after the other; a phase that turns within a cycle is prorated"
    },
    "schema": {
        "type": "dict",
        "schema": {
            "days": {"type": "integer", "min": 1, "meta": {"description": "days that the phase lasts"}},
            "months": {"type": "integer", "min": 1, "meta": {"description": "months that the phase lasts"}},
            "pays": {
                "type": "percent",
                "default": 1,
                "min": 0,
                "meta": {"description": "percentage of the price, after all steps, that is paid in it; 0 % is a trial"},
            },
            "committed": decimal("quantity that is billed at least; of usage once the stretch is over"),
        },
    },
}


def _share(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "percent", "meta": {"description": text}, **more}


INDEXED: Final[Mapping[str, Any]] = {
    "type": "dict",
    "nullable": True,
    "default": None,
    "meta": {
        "description": "what the method gives follows an index, of which values are imported; the steps of after are as they are written"
    },
    "schema": {
        "index": {"type": "string", "required": True, "meta": {"description": "the index, as in index_values"}},
        "base": {
            "type": "date",
            "required": True,
            "meta": {"description": "a day of the month whose value the price was made at"},
        },
        "every": {"type": "integer", "default": 12, "min": 1, "meta": {"description": "months between two turns"}},
        "at": {
            "type": "string",
            "allowed": ["anniversary", "calendar"],
            "default": "anniversary",
            "meta": {"description": "whether turns are counted from the first day of the subscription or from January"},
        },
        "lag": {
            "type": "integer",
            "default": 2,
            "min": 0,
            "meta": {"description": "how many months before its turn the month is that counts"},
        },
        "part": _share("how much of a change of the index the price follows", default=1, min=0),
        "floor": _share("least change at a turn, such as 0 %; none where absent", nullable=True, default=None),
        "cap": _share("greatest change at a turn; none where absent", nullable=True, default=None),
        "digits": {
            "type": "integer",
            "default": 6,
            "min": 1,
            "max": 12,
            "meta": {"description": "digits after the point that the factor is rounded to, half to even"},
        },
    },
}
OUTCOME: Final[Mapping[str, Any]] = {
    "rounding": {
        "type": "rounding",
        "default": "half_up",
        "meta": {"description": "how the line amount is rounded to the currency's minor unit, once"},
    },
    "per": {
        "type": "string",
        "allowed": ["period", "day", "week", "month"],
        "default": "period",
        "meta": {
            "description": "usage only: what is priced by itself and added up: the whole stretch, or each day, week (from Monday) or calendar month of it, before and method alike"
        },
    },
    "before": BEFORE,
    "after": AFTER,
    "window": WINDOW,
    "ramp": RAMP,
    "indexed": INDEXED,
    "rollover": ROLLOVER,
    "pool": POOL,
}
PRICE: Final[Mapping[str, Any]] = price("price, or a list of prices in several currencies", required=True)
INCLUDED: Final[Mapping[str, Any]] = {**decimal("units that cost nothing in each cycle"), "default": 0}

_UP_TO: Final[Mapping[str, Any]] = {
    "type": "decimal",
    "meta": {"description": "last unit that is in the tier; a fraction above it is in the next"},
}
_FLAT: Final = price("price of reaching the tier at all")


def _tiers(text: str, **fields: Any) -> dict[str, Any]:
    return {
        "tiers": {
            "type": "list",
            "required": True,
            "minlength": 1,
            "meta": {"description": text},
            "schema": {"type": "dict", "schema": {"up_to": _UP_TO, **fields}},
        },
        "zero_usage": {
            "type": "string",
            "allowed": ["nothing", "first_tier"],
            "default": "nothing",
            "meta": {"description": "what a quantity of zero costs: nothing, or the flat part of the first tier"},
        },
    }


_IN_ORDER: Final = "tiers in rising order; the last one has no up_to"
_CAP: Final = price("most that the tier costs, its flat part included")
TIERS: Final = _tiers(_IN_ORDER, unit=price("price of each unit"), flat=_FLAT, cap=_CAP)
PERCENT_TIERS: Final = _tiers(
    _IN_ORDER,
    rate={"type": "percent", "min": 0, "meta": {"description": "percentage of the money that falls in the tier"}},
    flat=_FLAT,
    cap=_CAP,
)
STEP_TIERS: Final = _tiers(
    "steps in rising order; the last one has no up_to",
    flat=price("price of the step, whatever the quantity in it", True),
)
MATRIX: Final[Mapping[str, Any]] = {
    "dimensions": {
        "type": "list",
        "default": [],
        "schema": {"type": "string"},
        "meta": {"description": "facts that the table looks at, such as account.country; the earlier ones count more"},
    },
    "rows": {
        "type": "list",
        "default": [],
        "meta": {"description": "rows of the table in any order; the one that names most of the values wins"},
        "schema": {
            "type": "dict",
            "schema": {
                "at": {
                    "type": "list",
                    "required": True,
                    "schema": {"type": "string"},
                    "meta": {"description": 'a value for each dimension; "*" where any will do'},
                },
                "unit": price("price of each unit"),
                "flat": price("price whatever the quantity"),
            },
        },
    },
}
COMMITMENT: Final[Mapping[str, Any]] = {
    "commitment": price("money that the charges come to at least", True),
    "counts": {
        "type": "list",
        "default": [],
        "schema": {"type": "string"},
        "meta": {
            "description": "keys of the charges that count towards it; all others of the subscription where it is empty"
        },
    },
}
BLOCKS: Final[Mapping[str, Any]] = {
    "type": "list",
    "minlength": 1,
    "schema": {
        "type": "dict",
        "schema": {
            "size": {
                "type": "decimal",
                "default": 1,
                "meta": {"description": "units in a block; a started one counts"},
            },
            "blocks": {
                "type": "decimal",
                "nullable": True,
                "min": 0,
                "meta": {"description": "blocks that the tier holds, its width; open where absent"},
            },
            "price": price("price of a block", required=True),
        },
    },
}
BLOCK_TIERS: Final[Mapping[str, Any]] = {
    "mode": {
        "type": "string",
        "allowed": ["all_tiers", "top_tier"],
        "default": "all_tiers",
        "meta": {"description": "each block at the price of its tier, or all at that of the tier that is reached"},
    },
    "tiers": {**BLOCKS, "meta": {"description": "tiers of a charge of one meter, or of every meter alike"}},
    "by_meter": {
        "type": "dict",
        "keysrules": {"type": "string"},
        "valuesrules": BLOCKS,
        "meta": {"description": "tiers by meter, each counted by itself and added up"},
    },
    "above": {
        "type": "string",
        "allowed": ["refuse", "last_tier", "nothing"],
        "default": "refuse",
        "meta": {
            "description": "all_tiers: what more than all tiers hold costs: no price, that of the last tier, or nothing"
        },
    },
}
CAPACITY: Final[Mapping[str, Any]] = {
    "tiers": {
        "type": "list",
        "required": True,
        "minlength": 1,
        "meta": {"description": "tiers in rising order; the first whose limits all hold is charged, once"},
        "schema": {
            "type": "dict",
            "schema": {
                "limits": {
                    "type": "dict",
                    "default": {},
                    "keysrules": {"type": "string"},
                    "valuesrules": {"type": "decimal", "nullable": True, "min": 0},
                    "meta": {"description": "the most of each meter; a meter that is absent or null has no limit"},
                },
                "price": price("price of the tier", required=True),
            },
        },
    },
}
