"""Documents to a portal over HTTP, which takes each idempotency key once and can be asked for it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from engine.model.effect import Answer, Effect
from engine.ports.hookspecs import Context, Permanent, Transient, Unknown, hookimpl
from engine.ports.hookspecs.delivery import InvoiceDocument


class HttpDelivery:
    """Puts each batch in one request; asks for keys in another."""

    def __init__(self, context: Context) -> None:
        self.address = urlsplit(context.settings["url"]).netloc
        self.wait = context.settings["wait"]
        self.password = context.secrets["password"]

    @hookimpl
    def delivery_send(self, effects: Sequence[Effect]) -> list[Answer]:
        """One POST for all that are documents."""
        bad = {effect.key: flaw for effect in effects if (flaw := _flaw(effect))}
        answers = [Answer(key, "rejected", flaw) for key, flaw in bad.items()]
        good = [{"key": e.key, "document": e.payload} for e in effects if e.key not in bad]
        return answers + (self._answers("/documents", good) if good else [])

    @hookimpl
    def delivery_status(self, effects: Sequence[Effect]) -> list[Answer]:
        """One POST with the keys."""
        return self._answers("/status", [{"key": effect.key} for effect in effects])

    def _answers(self, path: str, items: list[dict[str, Any]]) -> list[Answer]:
        reply = self._post(path, json.dumps(items).encode())
        try:
            return [msgspec.convert(item, Answer) for item in json.loads(reply)]
        except (ValueError, TypeError):
            raise Unknown("the portal answered what cannot be read") from None

    def _post(self, path: str, body: bytes) -> bytes:
        connection = http.client.HTTPConnection(self.address, timeout=self.wait)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise Transient(f"no connection: {error}") from None
            try:
                connection.request("POST", path, body, {"X-Password": self.password})
                response = connection.getresponse()
                answer = response.read()
            except (OSError, http.client.HTTPException) as error:
                raise Unknown(f"the connection broke: {type(error).__name__}") from None
        finally:
            connection.close()
        if response.status in (429, 503):
            raise Transient(f"the portal answered {response.status}")
        if response.status in (401, 403):
            raise Permanent(f"the portal answered {response.status}: {answer.decode(errors='replace')}")
        if response.status != 200:
            raise Unknown(f"the portal answered {response.status}")
        return answer


def _flaw(effect: Effect) -> str:
    try:
        msgspec.convert(effect.payload, InvoiceDocument)
    except msgspec.ValidationError as error:
        return f"the payload is no invoice document: {error}"
    return ""
