"""The fields of pricing rules whose allowance goes beyond one cycle of one subscription: carried over, or shared in a pool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

ROLLOVER: Final[Mapping[str, Any]] = {
    "type": "dict",
    "nullable": True,
    "default": None,
    "meta": {
        "description": "usage only: what is left of the allowance of a cycle (included, or a first step of before that is free) can be used in later ones; it lapses at the end of the cycle where absent"
    },
    "schema": {
        "cycles": {
            "type": "integer",
            "default": 1,
            "min": 1,
            "max": 120,
            "meta": {"description": "how many cycles a carried unit lives after its own"},
        },
        "limit": {
            "type": "decimal",
            "min": 0,
            "nullable": True,
            "default": None,
            "meta": {
                "description": "most units that are carried out of a cycle, the oldest lapse first; no limit where absent"
            },
        },
        "order": {
            "type": "string",
            "allowed": ["carried_first", "fresh_first"],
            "default": "carried_first",
            "meta": {
                "description": "what is used up first: units that were carried, the oldest before others, or those of the cycle"
            },
        },
        "from_parts": {
            "type": "boolean",
            "default": True,
            "meta": {"description": "whether a part of a cycle, such as the first one, carries what it leaves"},
        },
        "across_plans": {
            "type": "boolean",
            "default": True,
            "meta": {
                "description": "whether units live on under another plan, whose charge has the same key and whose rule says rollover"
            },
        },
        "within": {
            "type": "string",
            "regex": "subscription|quarter|half_year|year|contract_year|[1-9][0-9]? months",
            "default": "subscription",
            "meta": {
                "description": "what carried units never leave: the subscription, or windows as of the field window; all lapse where one ends"
            },
        },
    },
}
POOL: Final[Mapping[str, Any]] = {
    "type": "dict",
    "nullable": True,
    "default": None,
    "meta": {
        "description": "usage only: subscriptions whose usage of the same cycle is added up and priced once, by the same terms; the money is divided over them"
    },
    "schema": {
        "key": {"type": "string", "required": True, "meta": {"description": "what the pool is called, such as data"}},
        "scope": {
            "type": "string",
            "allowed": ["payer", "parent", "account", "contract"],
            "default": "payer",
            "meta": {
                "description": "whose subscriptions share it: all that a payer pays for, those of a parent account and its children, of one account, or of one contract"
            },
        },
        "allowance": {
            "type": "string",
            "allowed": ["added", "one"],
            "default": "added",
            "meta": {
                "description": "whether every member brings its own allowance (included, or a first step of before that is free), or the pool has one"
            },
        },
        "divide": {
            "type": "string",
            "allowed": ["by_usage", "on_first"],
            "default": "by_usage",
            "meta": {
                "description": "who bears what the pool costs: each member by its usage (equally where nothing was used), or the one that subscribed first"
            },
        },
    },
}
