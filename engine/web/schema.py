"""What the OpenAPI document says of bodies and answers."""

from __future__ import annotations

from typing import Any, Final

_COUNT: Final = {"type": "integer", "minimum": 0}
_KEY: Final = {"type": "string", "minLength": 1, "maxLength": 100}
_NUMBER: Final = r"^\s*[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,2})?\s*$"
_FIELDS: Final = {
    "entity": {**_KEY, "description": "Key of the legal entity that sells."},
    "subscription": {**_KEY, "description": "Key of the subscription within the legal entity."},
    "meter": {**_KEY, "description": "Key of the meter that counts."},
    "quantity": {
        "description": "How much: 0 or more, below zero only for a meter that counts by weighted_sum; at most 12 digits before the point"
        " and 6 after it; exact, as it is written.",
        "oneOf": [{"type": "number"}, {"type": "string", "pattern": _NUMBER}],
    },
    "dimensions": {
        "description": "What else is known of it, by name: at most 20, each a text of at most 100 characters, a number or a"
        " boolean. What they are, the meter declares.",
        "type": "object",
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
        "maxProperties": 20,
    },
}
_SOURCE: Final = {**_KEY, "description": "The system that counted; keys are its own. The name of the client if absent."}
_TIME: Final = {"type": "string", "format": "date-time", "description": "When, with its offset from UTC."}

SCHEMAS: Final[dict[str, Any]] = {
    "Event": {
        "type": "object",
        "description": "A usage event. Fields that are not named here are not kept, and the answer names them.",
        "required": ["key", "entity", "subscription", "meter", "time", "quantity"],
        "properties": {
            "key": {**_KEY, "description": "The sender's key of the event: the same key is the same event."},
            "source": _SOURCE,
            "time": _TIME,
            **_FIELDS,
        },
    },
    "CloudEvent": {
        "type": "object",
        "description": "A CloudEvent 1.0: id is the key; subject and type are subscription and meter if data has none.",
        "required": ["specversion", "id", "source", "type", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": _KEY,
            "source": _KEY,
            "type": {"type": "string", "minLength": 1},
            "subject": {"type": "string"},
            "time": _TIME,
            "data": {"type": "object", "required": ["entity", "quantity"], "properties": _FIELDS},
        },
    },
    "Answer": {
        "type": "object",
        "required": ["taken", "known", "refused", "through"],
        "properties": {
            "taken": {**_COUNT, "description": "Events that are new in the books; they are committed."},
            "known": {**_COUNT, "description": "Events that were in the books before, with the same values."},
            "refused": {**_COUNT, "description": "Events that are not in the books."},
            "through": {**_COUNT, "description": "Position of the last event that is dealt with."},
            "ignored": {"type": "array", "items": {"type": "string"}, "description": "Fields that are not kept."},
            "warnings": {"type": "array", "items": {"type": "object"}},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/EventProblem"}},
        },
    },
    "Problem": {
        "type": "object",
        "description": "A problem of RFC 9457. Where events had been taken before it, it says how many.",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "code": {"type": "string", "description": "A code of the page of error codes."},
            "reason": {"type": "string"},
            "mend": {"type": "string", "description": "What to do about it."},
            "taken": _COUNT,
            "known": _COUNT,
            "refused": _COUNT,
            "through": _COUNT,
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/EventProblem"}},
        },
    },
    "EventProblem": {
        "description": "Why one event was refused.",
        "allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {
                "type": "object",
                "required": ["position", "kept"],
                "properties": {
                    "position": {"type": "integer", "minimum": 1, "description": "Its place in the request, from 1."},
                    "key": {"type": "string"},
                    "field": {"type": "string"},
                    "kept": {"type": "boolean", "description": "Whether it is kept in the books among refused events."},
                },
            },
        ],
    },
}

_EXAMPLE: Final = {
    "key": "01J9Z6",
    "entity": "E1",
    "subscription": "S5",
    "meter": "calls",
    "time": "2026-01-31T11:00:00Z",
    "quantity": "12.5",
}


def _of(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"anyOf": [_of("Event"), {"type": "array", "minItems": 1, "items": _of("Event")}]},
            "example": _EXAMPLE,
        },
        "application/x-ndjson": {"schema": {"type": "string", "description": "One event a line."}},
        "application/cloudevents+json": {"schema": _of("CloudEvent")},
        "application/cloudevents-batch+json": {
            "schema": {"type": "array", "minItems": 1, "items": _of("CloudEvent")},
        },
    },
}

_RATE: Final = {
    "RateLimit": {
        "schema": {"type": "string"},
        "description": "Events that are left, and when the limit is whole again.",
    },
    "RateLimit-Policy": {"schema": {"type": "string"}, "description": "The limit: events, and seconds."},
}
_RETRY: Final = {"Retry-After": {"schema": {"type": "string"}, "description": "Seconds."}}


def _answer(words: str, **headers: Any) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": _of("Answer")}}, "headers": headers}


def _problem(words: str, **headers: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"description": words, "content": {"application/problem+json": {"schema": _of("Problem")}}}
    return {**made, "headers": headers} if headers else made


ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: _answer("All events are in the books: taken now, or known from before.", **_RATE),
    207: _answer("Some events are in the books; errors says what is wrong with the others.", **_RATE),
    400: _problem("The body, or each event of it, is not JSON, not UTF-8 or no event."),
    401: _problem("The token is missing or unknown."),
    403: _problem("The client may not do this."),
    408: _problem("The body did not come in time."),
    409: _problem("The key is in the books with other values, which stay."),
    413: _problem("The body is too large, or has too many events."),
    415: _problem("The body is of a kind that is not read."),
    422: _problem("No event could be taken; errors says why, field by field."),
    429: _problem("Over the limit of the client or of the tenant.", **_RATE, **_RETRY),
    500: _problem("A fault of the program."),
    503: _problem("The books cannot be written now; nothing that is not said to be taken is.", **_RETRY),
}
