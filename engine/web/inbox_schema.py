"""The addresses of inboxes, and what the OpenAPI document says of them."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from engine.web import schema
from engine.web.inboxes import MOST, Inboxes

_TEXT: Final = {"type": "string"}
_DIGEST: Final = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_AMOUNT: Final = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
_DAY: Final = {"type": "string", "description": "ISO 8601 day; empty where there is none."}

SCHEMAS: Final[dict[str, Any]] = {
    "InboxFile": {
        "type": "object",
        "required": ["name", "media_type", "size", "sha256"],
        "properties": {"name": _TEXT, "media_type": _TEXT, "size": {"type": "integer"}, "sha256": _DIGEST},
    },
    "InboxDocument": {
        "type": "object",
        "required": ["id", "number", "kind", "date", "currency", "total", "sha256", "files", "put_at", "read_at"],
        "properties": {
            "id": {"type": "integer", "description": "Number of the document in the inbox; it never changes."},
            "number": {**_TEXT, "description": "Number of the invoice, or name of the letter."},
            "kind": {
                **_TEXT,
                "description": "invoice, credit_note, corrected_invoice, debit_note, dunning_notice, ...",
            },
            "date": _DAY,
            "due_date": _DAY,
            "currency": _TEXT,
            "total": _AMOUNT,
            "due": {**_AMOUNT, "description": "What is to be paid."},
            "sha256": {**_DIGEST, "description": "Over the lines `SHA-256  NAME` of its files."},
            "files": {"type": "array", "items": {"$ref": "#/components/schemas/InboxFile"}},
            "put_at": {"type": "string", "format": "date-time"},
            "read_at": {**_TEXT, "description": "When it was first noted as read; empty where it was not."},
        },
    },
    "InboxList": {
        "type": "object",
        "required": ["documents"],
        "properties": {"documents": {"type": "array", "items": {"$ref": "#/components/schemas/InboxDocument"}}},
    },
}
_QUERY: Final = [
    {"name": "unread", "in": "query", "schema": {"enum": ["true", "false"]}, "description": "Unread ones only."},
    {
        "name": "before",
        "in": "query",
        "schema": {"type": "integer", "minimum": 0, "maximum": 2**62},
        "description": "Those before the document of this number only.",
    },
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": MOST}},
]


def _answers(name: str, words: str, absent: str = "") -> dict[int | str, dict[str, Any]]:
    whole = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    common: dict[int | str, dict[str, Any]] = {status: schema.ANSWERS[status] for status in (401, 422, 429, 500, 503)}
    common[422] = {**common[422], "description": "The question cannot be meant."}
    missing: dict[int | str, dict[str, Any]] = {}
    if absent:
        missing[404] = {"description": absent, "content": common[401]["content"]}
    return {
        200: {"description": words, "content": whole, "headers": schema.ANSWERS[200]["headers"]},
        **missing,
        **common,
    }


_FILE: Final[dict[int | str, dict[str, Any]]] = {
    **_answers("InboxFile", "", "There is no such file in the inbox."),
    200: {
        "description": "The file, as it was put into the inbox.",
        "content": {"*/*": {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}},
    },
}


def add_inbox(api: FastAPI, inboxes: Inboxes | None, security: Any) -> None:
    """Add the addresses; ``security`` says that a token is wanted."""
    common: dict[str, Any] = {"tags": ["inbox"], "dependencies": [security], "response_model": None}

    @api.get(
        "/v1/inbox",
        operation_id="listInbox",
        summary="What is in the inbox of the account whose token is sent, the newest first",
        responses=_answers("InboxList", "The documents."),
        openapi_extra={"parameters": _QUERY},
        **common,
    )
    async def listed(request: Request) -> Response:
        assert inboxes is not None
        return await inboxes.listed(request)

    absent = "There is no such document in the inbox."

    @api.get(
        "/v1/inbox/{number}",
        operation_id="showInboxDocument",
        summary="A document of the inbox",
        responses=_answers("InboxDocument", "The document.", absent),
        **common,
    )
    async def one(request: Request, number: str) -> Response:
        assert inboxes is not None
        return await inboxes.one(request, number)

    @api.get(
        "/v1/inbox/{number}/files/{name}",
        operation_id="fetchInboxFile",
        summary="A file of a document",
        responses=_FILE,
        **common,
    )
    async def file(request: Request, number: str, name: str) -> Response:
        assert inboxes is not None
        return await inboxes.file(request, number, name)

    @api.post(
        "/v1/inbox/{number}/read",
        operation_id="noteInboxRead",
        summary="Note that a document was read; the seller sees it as opened",
        responses=_answers("InboxDocument", "The document; it is noted as read, now or from before.", absent),
        **common,
    )
    async def read(request: Request, number: str) -> Response:
        assert inboxes is not None
        return await inboxes.read(request, number)
