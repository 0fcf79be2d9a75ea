"""A payment provider of no name, over HTTP: takes money once for each key, declines, gives back, signs what it tells.

``POST /payments`` and ``POST /refunds`` take ``{"key", "token" or "payment", "amount", "currency"}`` and answer
``{"id", "state", "amount", "currency", "code"}``; ``GET /keys?key=`` answers what was answered under a key.  A key with another
body is refused with 409, a decline is 402, what cannot be done 422.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.ports.contracts.fakes.serving import Asked, Refused, Service

TOKEN, SECRET = "pk_b1llingT0ken/8", "wh_s1gn1ngS3cret+4"
GOOD, DECLINED = "tok_pays", "tok_poor"
"""A method that pays, and one that is declined."""


class Provider(Service):
    """One account.  ``acts`` has an entry for each time that money was taken or given back, ``events`` what it tells of."""

    def __init__(self) -> None:
        self.payments: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, tuple[Any, int, dict[str, Any]]] = {}
        self.acts: list[str] = []
        self.events: list[dict[str, Any]] = []
        super().__init__()

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Route a request."""
        if asked.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise Refused(401, {"message": "the token does not hold"})
        if (asked.method, asked.path) == ("GET", "/keys"):
            if asked.query.get("key", "") not in self.keys:
                raise Refused(404, {"message": "nothing is known of the key"})
            _, status, said = self.keys[asked.query["key"]]
            return status, said
        act = {"/payments": self._pay, "/refunds": self._give_back}.get(asked.path)
        if asked.method != "POST" or act is None:
            raise Refused(404, {"message": f"there is no {asked.method} {asked.path}"})
        key = asked.body["key"]
        if key not in self.keys:
            self.keys[key] = (asked.body, *act(asked.body))
        told, status, said = self.keys[key]
        if told != asked.body:
            raise Refused(409, {"message": "the key was used for something else"})
        return status, said

    def _pay(self, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        ident = f"pay_{len(self.keys) + 1:06}"
        said = {"id": ident, "amount": body["amount"], "currency": body["currency"]}
        if body["token"] == DECLINED:
            return 402, {**said, "state": "failed", "code": "insufficient_funds"}
        if body["token"] != GOOD:
            return 402, {**said, "state": "failed", "code": "unknown_method"}
        self.payments[ident] = {"amount": Decimal(body["amount"]), "left": Decimal(body["amount"])}
        return 200, self._done(body["key"], {**said, "state": "succeeded", "code": ""})

    def _give_back(self, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        payment, amount = self.payments.get(body["payment"]), Decimal(body["amount"])
        if payment is None or amount > payment["left"]:
            return 422, {"message": "that is more than is left of the payment"}
        payment["left"] -= amount
        said = {"id": f"ref_{len(self.keys) + 1:06}", "amount": body["amount"], "currency": body["currency"]}
        return 200, self._done(body["key"], {**said, "state": "succeeded", "code": ""})

    def _done(self, key: str, said: dict[str, Any]) -> dict[str, Any]:
        """Money has moved."""
        self.acts.append(said["id"])
        kind = "refund_succeeded" if said["id"].startswith("ref") else "payment_succeeded"
        head = {"event": f"evt_{len(self.events) + 1:06}", "kind": kind, "at": "2026-02-01T00:00:00Z", "key": key}
        self.events.append(head | {name: said[name] for name in ("id", "amount", "currency")})
        return said

    def message(self, secret: str = SECRET) -> tuple[bytes, Mapping[str, str]]:
        """The message of the newest event, signed with a secret."""
        body = json.dumps(self.events[-1]).encode()
        return body, {"X-Signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}
