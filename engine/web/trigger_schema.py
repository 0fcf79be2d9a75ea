"""What the OpenAPI document says of triggers."""

from __future__ import annotations

from typing import Any, Final

_KEY: Final = {"type": "string", "minLength": 1, "maxLength": 100}
_TEXT: Final = {"type": "string", "maxLength": 200}

SCHEMAS: Final[dict[str, Any]] = {
    "Trigger": {
        "type": "object",
        "description": "A milestone that was accepted, a go-live, or what takes one of these back.",
        "required": ["key", "entity", "subscription", "kind"],
        "properties": {
            "key": {**_KEY, "description": "Identifies it within the subscription: the same key again counts once."},
            "entity": {**_KEY, "description": "Key of the legal entity that sells."},
            "subscription": {**_KEY, "description": "Key of the subscription within the legal entity."},
            "kind": {"enum": ["accept", "go_live", "revoke"]},
            "about": {
                **_KEY,
                "description": "accept: the milestone; go_live: the charge, all that wait if absent; revoke: the key of "
                "what is taken back.",
            },
            "on": {
                "type": "string",
                "format": "date",
                "description": "The day from which it counts; the day of the call at the legal entity if absent.",
            },
            "accepted_by": {**_TEXT, "description": "Who accepted it."},
            "evidence": {**_TEXT, "description": "Where that can be seen."},
        },
    },
}

_ONE: Final = {"$ref": "#/components/schemas/Trigger"}
_EXAMPLE: Final = {
    "key": "crm-4711",
    "entity": "E1",
    "subscription": "S1",
    "kind": "accept",
    "about": "design",
    "on": "2026-02-10",
    "accepted_by": "Bob of One",
    "evidence": "protocol 7",
}

BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"anyOf": [_ONE, {"type": "array", "minItems": 1, "maxItems": 100, "items": _ONE}]},
            "example": _EXAMPLE,
        },
    },
}
