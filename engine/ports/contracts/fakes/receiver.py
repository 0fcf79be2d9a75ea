"""A system that gets signed messages on a loopback address: checks the signature, takes each id once, fails as it is told."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from engine.ports.contracts.fakes.serving import Asked, Refused, Service

SECRET = "wh_s1gn1ngS3cret+4"
OLDEST = 300
"""Seconds after which a signature is too old."""


class Receiver(Service):
    """The service.  ``messages`` has what was taken by its id, ``arrived`` the ids in their order, ``secret`` what signs."""

    def __init__(self) -> None:
        self.messages: dict[str, Any] = {}
        self.arrived: list[str] = []
        self.secret = SECRET
        super().__init__()

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Take a message."""
        if asked.method != "POST":
            raise Refused(405, {"message": "messages are posted"})
        self._check(asked)
        message = asked.body
        if not isinstance(message, dict) or not isinstance(message.get("id"), str):
            raise Refused(422, {"message": "this is no message"})
        name = message["id"]
        if name not in self.messages:
            self.messages[name] = message
            self.arrived.append(name)
        elif self.messages[name] != message:
            raise Refused(409, {"message": f"{name} was taken with another content"})
        return 200, {"receipt": f"R-{list(self.messages).index(name) + 1}"}

    def _check(self, asked: Asked) -> None:
        """Refuse what is not signed, or was signed long ago."""
        given = dict(part.partition("=")[::2] for part in asked.headers.get("Tollbook-Signature", "").split(","))
        at = given.get("t", "")
        signed = hmac.new(self.secret.encode(), f"{at}.".encode() + asked.raw, hashlib.sha256).hexdigest()
        if not at.isdigit() or not hmac.compare_digest(signed, given.get("v1", "")):
            raise Refused(401, {"message": "the signature is not good"})
        if abs(time.time() - int(at)) > OLDEST:
            raise Refused(401, {"message": "the signature is too old"})


@contextmanager
def receiver() -> Iterator[Receiver]:
    """The service, running."""
    with Receiver().running() as made:
        yield made
