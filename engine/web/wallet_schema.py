"""What the OpenAPI document says of wallets."""

from __future__ import annotations

from typing import Any, Final

_WORD: Final = {"type": "string", "minLength": 1, "maxLength": 100}
_AMOUNT: Final = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
_GIVEN: Final = {
    "oneOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,4})?$"}]
}
_ENTITY: Final = {
    "type": "string",
    "maxLength": 100,
    "description": "Key of the legal entity; needed where several have a wallet of that key.",
}
_DAY: Final = {"type": "string", "format": "date"}
_COMMON: Final = {
    "key": {**_WORD, "description": "The sender's key of the movement: the same key is the same movement."},
    "entity": _ENTITY,
    "on": {**_DAY, "description": "Day of the movement; today where the legal entity is if absent."},
}

SCHEMAS: Final[dict[str, Any]] = {
    "Draw": {
        "type": "object",
        "description": "Takes an amount out of the wallet, all of it or nothing.",
        "required": ["kind", "key", "amount"],
        "additionalProperties": False,
        "properties": {"kind": {"const": "draw"}, "amount": _GIVEN, **_COMMON},
    },
    "Grant": {
        "type": "object",
        "description": "Puts a lot into the wallet: an amount, or units of a wallet that counts in a unit of its own.",
        "required": ["kind", "key"],
        "additionalProperties": False,
        "properties": {
            "kind": {"const": "grant"},
            "amount": _GIVEN,
            "units": _GIVEN,
            "promotional": {"type": "boolean", "description": "Whether nothing was paid for it."},
            "cost": {**_GIVEN, "description": "What was paid for it; the amount if absent."},
            "expires_on": {**_DAY, "description": "First day on which it is worth nothing."},
            "priority": {"type": "integer", "minimum": 0, "maximum": 1000},
            **_COMMON,
        },
    },
    "Movement": {
        "type": "object",
        "required": [
            "entity",
            "wallet",
            "key",
            "kind",
            "amount",
            "currency",
            "balance",
            "available",
            "version",
            "known",
        ],
        "properties": {
            **{name: {"type": "string"} for name in ("entity", "wallet", "account", "key", "kind", "currency")},
            "amount": {**_AMOUNT, "description": "What came in, or below zero, went out."},
            "balance": {**_AMOUNT, "description": "What is in the wallet now."},
            "available": {**_AMOUNT, "description": "What can be drawn on the day of the movement, above the floor."},
            "version": {"type": "integer", "description": "Number of the newest movement of the wallet."},
            "known": {"type": "boolean", "description": "Whether the books had the movement before."},
            "lots": {"type": "object", "additionalProperties": _AMOUNT},
            "warnings": {"type": "array", "items": {"type": "object"}},
        },
    },
    "Wallet": {
        "type": "object",
        "required": ["entity", "wallet", "account", "currency", "balance", "available", "floor", "version"],
        "properties": {
            **{name: {"type": "string"} for name in ("entity", "wallet", "account", "currency", "unit")},
            **dict.fromkeys(("balance", "available", "floor", "units"), _AMOUNT),
            "version": {"type": "integer"},
            "priority": {"type": "integer"},
            "lots": {"type": "array", "items": {"type": "object"}},
            "movements": {"type": "array", "items": {"type": "object"}},
        },
    },
}

BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Draw", "Grant")]},
            "example": {"kind": "draw", "key": "order-17", "amount": "12.50"},
        }
    },
}

PARAMETERS: Final = [
    {"name": "entity", "in": "query", "schema": _ENTITY},
    {
        "name": "after",
        "in": "query",
        "schema": {"type": "integer", "minimum": 0, "maximum": 2**62},
        "description": "Movements after this number are listed.",
    },
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": 1000}},
]


def answers(common: dict[int | str, dict[str, Any]], name: str, words: str) -> dict[int | str, dict[str, Any]]:
    """Answers of an operation that says a ``name``; problems are described as those of usage are."""
    whole = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    told = {
        404: "There is no such wallet.",
        409: "It would leave less than the floor of the wallet, or the key is in the books with other values.",
        422: "What is asked cannot be meant, or the books cannot take it.",
    }
    problem = common[400]["content"]
    made = {status: one for status, one in common.items() if status not in (200, 207)}
    made |= {status: {"description": text, "content": problem} for status, text in told.items()}
    return {200: {"description": words, "content": whole, "headers": common[200]["headers"]}, **made}
