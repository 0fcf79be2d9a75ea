"""The HTTP API: its addresses, and the document that describes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI, Security
from fastapi.openapi.utils import get_openapi
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.base.errors import TollbookError
from engine.base.threads import ready_for_threads
from engine.web import control_schema, inbox_schema, messaging, paying, problems, schema, trigger_schema, wallet_schema
from engine.web.controls import Controls
from engine.web.inboxes import Inboxes
from engine.web.ingesting import Ingesting
from engine.web.triggering import Triggering
from engine.web.wallets import Wallets

ABOUT = (
    "Usage events and triggers in, wallets that pay for usage, and inboxes of customers. An answer of success is given when the events are committed; the same event may be sent again "
    "and counts once."
)
_READY: dict[str, Any] = {
    "tags": ["server"],
    "responses": {200: {"description": "It can."}, 503: schema.ANSWERS[503]},
    "response_model": None,
}
BEARER = HTTPBearer(auto_error=False, description="The token of a client, as the setting api.clients names it.")


def made(
    ingesting: Ingesting | None,
    stopped: Callable[[], None] = lambda: None,
    triggering: Triggering | None = None,
    wallets: Wallets | None = None,
    controls: Controls | None = None,
    payments: paying.Paying | None = None,
    messages: messaging.Messaging | None = None,
    inboxes: Inboxes | None = None,
) -> FastAPI:
    """The application of one process; ``stopped`` is called when it ends.  Without ``ingesting`` it only describes itself."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        stopped()

    api = _made(ingesting, triggering, life)
    _add_wallets(api, wallets)
    _add_controls(api, controls)
    _add_payments(api, payments)
    _add_messages(api, messages)
    inbox_schema.add_inbox(api, inboxes, Security(BEARER))
    return api


def _made(
    ingesting: Ingesting | None,
    triggering: Triggering | None,
    life: Callable[[FastAPI], AbstractAsyncContextManager[None]],
) -> FastAPI:
    ready_for_threads()
    api = FastAPI(
        title="Tollbook",
        version="1",
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=life,
        redirect_slashes=False,
    )

    @api.post(
        "/v1/events",
        operation_id="sendUsage",
        summary="Send usage events",
        tags=["usage"],
        dependencies=[Security(BEARER)],
        responses=schema.ANSWERS,
        openapi_extra={"requestBody": schema.BODY},
        response_model=None,
    )
    async def events(request: Request) -> Response:
        assert ingesting is not None
        return await ingesting.events(request)

    _add_triggers(api, triggering)

    _add_health(api, ingesting)
    api.add_exception_handler(HTTPException, _no_page)
    api.add_exception_handler(Exception, _fault)
    api.openapi = lambda: document(api)  # type: ignore[method-assign]
    return api


def _add_health(api: FastAPI, ingesting: Ingesting | None) -> None:
    """Whether the process lives, and whether it can work."""

    @api.get(
        "/healthz",
        operation_id="alive",
        summary="Whether the process answers; the books are not asked",
        tags=["server"],
        responses={200: {"description": "It does."}},
        response_model=None,
    )
    async def alive() -> Response:
        return problems.answer({"state": "alive"})

    @api.get("/health", operation_id="health", summary="As /readyz", **_READY)
    @api.get("/readyz", operation_id="ready", summary="Whether the server can read its books", **_READY)
    async def ready() -> Response:
        assert ingesting is not None
        try:
            await ingesting.ready()
        except TollbookError as error:
            return problems.refusal(error)
        return problems.answer({"state": "ready"})


def _add_triggers(api: FastAPI, triggering: Triggering | None) -> None:
    @api.post(
        "/v1/triggers",
        operation_id="sendTriggers",
        summary="Say what was accepted, went live or was revoked",
        tags=["triggers"],
        dependencies=[Security(BEARER)],
        responses=schema.ANSWERS,
        openapi_extra={"requestBody": trigger_schema.BODY},
        response_model=None,
    )
    async def triggers(request: Request) -> Response:
        assert triggering is not None
        return await triggering.triggers(request)


def _add_wallets(api: FastAPI, wallets: Wallets | None) -> None:
    """The addresses of wallets."""

    @api.post(
        "/v1/wallets/{key}/movements",
        operation_id="moveWallet",
        summary="Draw on a wallet, or grant credit in it",
        tags=["wallets"],
        dependencies=[Security(BEARER)],
        responses=wallet_schema.answers(schema.ANSWERS, "Movement", "It is in the books: now, or from before."),
        openapi_extra={"requestBody": wallet_schema.BODY},
        response_model=None,
    )
    async def move(request: Request, key: str) -> Response:
        assert wallets is not None
        return await wallets.move(request, key)

    @api.get(
        "/v1/wallets/{key}",
        operation_id="showWallet",
        summary="What is in a wallet",
        tags=["wallets"],
        dependencies=[Security(BEARER)],
        responses=wallet_schema.answers(schema.ANSWERS, "Wallet", "The wallet, its lots and movements."),
        openapi_extra={"parameters": wallet_schema.PARAMETERS},
        response_model=None,
    )
    async def look(request: Request, key: str) -> Response:
        assert wallets is not None
        return await wallets.look(request, key)


def _add_controls(api: FastAPI, controls: Controls | None) -> None:
    """The addresses of control totals."""

    @api.post(
        "/v1/control-totals",
        operation_id="sendControlTotals",
        summary="Say what a source has counted",
        tags=["usage"],
        dependencies=[Security(BEARER)],
        responses=schema.ANSWERS,
        openapi_extra={"requestBody": control_schema.BODY},
        response_model=None,
    )
    async def totals(request: Request) -> Response:
        assert controls is not None
        return await controls.totals(request)

    @api.get(
        "/v1/control-totals/missing",
        operation_id="showMissingUsage",
        summary="Which deliveries are overdue, and which totals differ from what arrived",
        tags=["usage"],
        dependencies=[Security(BEARER)],
        responses=control_schema.answers(schema.ANSWERS),
        openapi_extra={"parameters": control_schema.PARAMETERS},
        response_model=None,
    )
    async def missing(request: Request) -> Response:
        assert controls is not None
        return await controls.missing(request)


def _add_payments(api: FastAPI, payments: paying.Paying | None) -> None:
    """The address of payment providers."""

    @api.post(
        "/v1/payments/{adapter}/events",
        operation_id="sendPaymentEvents",
        summary="Say what became of payments; for payment providers, whose signature is checked",
        tags=["payments"],
        responses=paying.answers(schema.ANSWERS),
        openapi_extra={"requestBody": paying.BODY},
        response_model=None,
    )
    async def events_of_payments(request: Request, adapter: str) -> Response:
        assert payments is not None
        return await payments.hear(request, adapter)


def _add_messages(api: FastAPI, messages: messaging.Messaging | None) -> None:
    """The addresses of messages with CRM, ERP and provisioning."""

    @api.post(
        "/v1/messages",
        operation_id="sendMessage",
        summary="Say what happened to an account, an order, a service or a payment",
        tags=["exchange"],
        dependencies=[Security(BEARER)],
        responses=messaging.answers(schema.ANSWERS),
        openapi_extra={"requestBody": messaging.BODY},
        response_model=None,
    )
    async def message(request: Request) -> Response:
        assert messages is not None
        return await messages.message(request)

    @api.get(
        "/v1/messages/schemas",
        operation_id="showMessageSchemas",
        summary="The schemas of messages, those that go out among them",
        tags=["exchange"],
        dependencies=[Security(BEARER)],
        responses={
            200: {"description": "JSON Schemas by kind and direction, such as order.in."},
            **{status: schema.ANSWERS[status] for status in (401, 403)},
        },
        response_model=None,
    )
    async def schemas(request: Request) -> Response:
        assert messages is not None
        return await messages.schemas(request)


def document(api: FastAPI) -> dict[str, Any]:
    """The OpenAPI document."""
    if api.openapi_schema is None:
        described = get_openapi(title=api.title, version=api.version, description=ABOUT, routes=api.routes)
        schemas = schema.SCHEMAS | trigger_schema.SCHEMAS | wallet_schema.SCHEMAS | control_schema.SCHEMAS
        schemas |= paying.SCHEMAS | messaging.SCHEMAS | inbox_schema.SCHEMAS
        described.setdefault("components", {})["schemas"] = schemas
        for path in described["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None) if "HTTPValidationError" in str(operation) else None
        api.openapi_schema = described
    return api.openapi_schema


async def _no_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = f"{request.method} {request.url.path}: {error.detail}"
    finding = problems.found(problems.NO_PAGE, what, "", "/openapi.json says what there is")
    content = problems.body(finding, error.status_code, {})
    return problems.answer(content, error.status_code, error.headers)


async def _fault(request: Request, error: Exception) -> Response:
    what = "the request could not be answered"
    mend = "send it again; events that were taken before count once"
    return problems.problem(
        problems.found(problems.FAULT, what, "a fault of the program; it is in the server's log", mend)
    )
