"""What the OpenAPI document says of control totals."""

from __future__ import annotations

from typing import Any, Final

_KEY: Final = {"type": "string", "minLength": 1, "maxLength": 100}
_DAY: Final = {"type": "string", "format": "date"}

SCHEMAS: Final[dict[str, Any]] = {
    "ControlTotal": {
        "type": "object",
        "description": "What a source says it has counted of a meter on some days, less what was taken back. The same again "
        "counts once; with other numbers it replaces the one before.",
        "required": ["entity", "meter", "day"],
        "properties": {
            "entity": {**_KEY, "description": "Key of the legal entity that sells."},
            "source": {**_KEY, "description": "The system that counted. The name of the client if absent."},
            "meter": {**_KEY, "description": "Key of the meter."},
            "day": {**_DAY, "description": "First day of the total, where the customers are."},
            "until": {**_DAY, "description": "The day after its last day; it is of one day if absent."},
            "events": {"type": "integer", "minimum": 0, "description": "How many events; not compared if absent."},
            "quantity": {
                "description": "How much, exact, as it is written; not compared if absent.",
                "oneOf": [{"type": "number", "minimum": 0}, {"type": "string"}],
            },
        },
    },
    "Missing": {
        "type": "object",
        "required": ["on", "count", "missing"],
        "properties": {
            "on": _DAY,
            "count": {"type": "integer", "minimum": 0, "description": "How many there are; at most 1,000 are listed."},
            "missing": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "entity": _KEY,
                        "source": _KEY,
                        "kind": {"enum": ["usage-missing", "usage-total"]},
                        "first_day": _DAY,
                        "until": {**_DAY, "description": "The day after the last one."},
                        "meter": {"type": "string", "description": "Empty where a whole delivery is missing."},
                        "what": {"type": "string"},
                    },
                },
            },
        },
    },
}

_ONE: Final = {"$ref": "#/components/schemas/ControlTotal"}
_EXAMPLE: Final = {
    "entity": "E1",
    "source": "switch",
    "meter": "calls",
    "day": "2026-01-30",
    "events": 1204,
    "quantity": "48733.5",
}

BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"anyOf": [_ONE, {"type": "array", "minItems": 1, "maxItems": 1000, "items": _ONE}]},
            "example": _EXAMPLE,
        },
    },
}

PARAMETERS: Final = [
    {"name": "entity", "in": "query", "schema": _KEY, "description": "Of this legal entity only."},
    {"name": "source", "in": "query", "schema": _KEY, "description": "Of this source only."},
    {
        "name": "on",
        "in": "query",
        "schema": _DAY,
        "description": "As a bill run of this day would see it; today if absent.",
    },
]


def answers(common: dict[int | str, dict[str, Any]]) -> dict[int | str, dict[str, Any]]:
    """Answers to the question what is missing; problems are described as those of usage are."""
    whole = {"application/json": {"schema": {"$ref": "#/components/schemas/Missing"}}}
    made: dict[int | str, dict[str, Any]] = {
        status: one for status, one in common.items() if status in (401, 403, 422, 429, 500, 503)
    }
    return {
        200: {"description": "What is missing, or differs.", "content": whole, "headers": common[200]["headers"]},
        **made,
    }
