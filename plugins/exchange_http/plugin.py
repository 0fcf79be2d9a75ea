"""Messages as signed requests; README.md has what is sent and what is answered."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from engine.model.effect import Answer, Effect
from engine.model.exchange import OUTBOUND, Outbound
from engine.ports.hookspecs import Context, Permanent, Unknown, hookimpl
from engine.ports.hookspecs.http import Reply, Web, one_by_one


class ExchangeHttp:
    """Posts each message by itself, with a signature of the time and the body."""

    def __init__(self, context: Context) -> None:
        address = urlsplit(context.settings["url"])
        self._web = Web(f"{address.scheme}://{address.netloc}", context.settings["wait"])
        self._path = (address.path or "/") + (f"?{address.query}" if address.query else "")
        self._key = context.secrets["signing"].encode()

    @hookimpl
    def exchange_send(self, effects: Sequence[Effect]) -> list[Answer]:
        """One POST a message; what is no message is rejected by itself."""
        flaws = {effect.key: _flaw(effect) for effect in effects}
        bad = [Answer(key, "rejected", flaw) for key, flaw in flaws.items() if flaw]
        return bad + one_by_one([effect for effect in effects if not flaws[effect.key]], self._post)

    def _post(self, effect: Effect) -> Answer:
        body = json.dumps(effect.payload, sort_keys=True, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "Tollbook-Message": hashlib.sha256(effect.key.encode()).hexdigest(),
            "Tollbook-Signature": signature(self._key, int(time.time()), body),
        }
        reply = self._web.send("POST", self._path, content=body, headers=headers, acts=True)
        if 200 <= reply.status < 300:
            return Answer(effect.key, "accepted", evidence={"message": effect.payload["id"], **_receipt(reply)})
        said = f"the receiver answered {reply.status}: {reply.body[:500].decode(errors='replace')}"
        if reply.status in (400, 409, 410, 413, 415, 422):
            return Answer(effect.key, "rejected", said)
        raise Permanent(said)


def signature(key: bytes, at: int, body: bytes) -> str:
    """What the header says: the seconds since 1970, and the HMAC of them with the body."""
    return f"t={at},v1={hmac.new(key, f'{at}.'.encode() + body, hashlib.sha256).hexdigest()}"


def _receipt(reply: Reply) -> dict[str, Any]:
    """What the receiver calls the message, where it says that.

    Raises:
        Unknown: it is no receiver that has answered, for it would have said nothing, or an object in JSON.
    """
    try:
        said = json.loads(reply.body or b"{}")
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise Unknown("the receiver answered what cannot be read")
    receipt = said.get("receipt")
    return {"receipt": receipt} if isinstance(receipt, str) else {}


def _flaw(effect: Effect) -> str:
    try:
        message = msgspec.convert(effect.payload, Outbound)
        if message.kind not in OUTBOUND:
            return f"there are no messages of kind {message.kind!r}"
        msgspec.convert(message.data, OUTBOUND[message.kind].data)
    except msgspec.ValidationError as error:
        return f"the payload is no message: {error}"
    return ""
