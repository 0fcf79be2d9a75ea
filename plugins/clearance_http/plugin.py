"""Documents to an authority over HTTP; README.md has what is sent and what is answered."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from engine.model.effect import Answer, Effect
from engine.ports.hookspecs import Context, Permanent, Transient, Unknown, hookimpl
from engine.ports.hookspecs.clearance import PENDING
from engine.ports.hookspecs.delivery import InvoiceDocument

BUSY = (408, 425, 429, 503)
"""Status codes that say that nothing was done, and that it may work later."""

DENIED = (400, 401, 403, 404, 405, 413, 415, 422)
"""Status codes that say that nothing was done, and that it will not work.  What neither says is unknown: behind a gateway that
gave up waiting it may have been done."""


class Reply(msgspec.Struct, frozen=True):
    """What the service answers for one key."""

    key: str
    state: Literal["cleared", "rejected", "pending", "unknown"]
    id: str = ""
    qr: str = ""
    at: str = ""
    reason: Annotated[str, Meta(max_length=2000)] = ""


class ClearanceHttp:
    """Puts each batch in one request; asks for keys in another."""

    def __init__(self, context: Context) -> None:
        address = urlsplit(context.settings["url"])
        self._secure, self._host = address.scheme == "https", address.netloc
        self._path, self._wait = address.path.rstrip("/"), context.settings["wait"]
        self._headers: dict[str, str | bytes] = {
            "Authorization": f"Bearer {context.secrets['bearer']}".encode(),
            "Content-Type": "application/json",
            "Accept": "application/json",
        }

    @hookimpl
    def clearance_submit(self, effects: Sequence[Effect]) -> list[Answer]:
        """One POST for all that are documents."""
        bad = {effect.key: flaw for effect in effects if (flaw := _flaw(effect))}
        answers = [Answer(key, "rejected", flaw) for key, flaw in bad.items()]
        good = [{"key": e.key, "document": e.payload} for e in effects if e.key not in bad]
        return answers + (self._answers("/documents", good) if good else [])

    @hookimpl
    def clearance_status(self, effects: Sequence[Effect]) -> list[Answer]:
        """One POST with the keys."""
        return self._answers("/status", [{"key": effect.key} for effect in effects])

    def _answers(self, path: str, items: Sequence[Mapping[str, Any]]) -> list[Answer]:
        body = self._post(path, json.dumps({"items": items}).encode())
        try:
            replies = msgspec.convert(json.loads(body)["items"], list[Reply])
        except (ValueError, TypeError, KeyError, msgspec.ValidationError):
            raise Unknown("the service answered what cannot be read") from None
        return [_answer(reply) for reply in replies]

    def _post(self, path: str, body: bytes) -> bytes:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, timeout=self._wait)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise Transient(f"no connection: {type(error).__name__}: {error}") from None
            try:
                connection.request("POST", self._path + path, body, self._headers)
                response = connection.getresponse()
                answer = response.read()
            except (OSError, http.client.HTTPException) as error:
                raise Unknown(f"the connection broke: {type(error).__name__}") from None
        finally:
            connection.close()
        return self._judged(response.status, answer)

    def _judged(self, status: int, answer: bytes) -> bytes:
        """The body of an answer that is one.

        Raises:
            PortFailure: in the class that fits the status.
        """
        if status == 200:
            return answer
        said = f"the service answered {status}"
        if status in BUSY:
            raise Transient(said)
        if status in DENIED:
            raise Permanent(f"{said}: {answer[:500].decode(errors='replace')}")
        raise Unknown(said)


def _answer(reply: Reply) -> Answer:
    """One reply as the port has it."""
    if reply.state == "cleared":
        return Answer(reply.key, "accepted", evidence={"authority_id": reply.id, "qr": reply.qr, "at": reply.at})
    if reply.state == "rejected":
        evidence = {name: text for name, text in (("authority_id", reply.id), ("at", reply.at)) if text}
        return Answer(reply.key, "rejected", reply.reason or "the authority gives no reason", evidence)
    if reply.state == "pending":
        return Answer(reply.key, "retry", reply.reason or "the authority has not decided", {PENDING: True})
    return Answer(reply.key, "retry", reply.reason or "the authority knows nothing of it")


def _flaw(effect: Effect) -> str:
    try:
        msgspec.convert(effect.payload, InvoiceDocument)
    except msgspec.ValidationError as error:
        return f"the payload is no invoice document: {error}"
    return ""
