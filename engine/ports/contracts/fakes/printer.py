"""A vendor on a loopback address that prints and mails letters: keeps keys, tells what happens to letters, fails as it is told."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from engine.ports.contracts.fakes.serving import Asked, Refused, Service

SECRET = "pr1nt-t0ken+mail/9"


class Printer(Service):
    """The service.  ``letters`` has what was ordered by its id, ``arrived`` the documents in their order, ``events`` what happened."""

    def __init__(self) -> None:
        self.letters: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, tuple[Any, str]] = {}
        self.arrived: list[str] = []
        self.events: list[dict[str, Any]] = []
        self.credit = True
        super().__init__()

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Take a letter, or say what is known."""
        if asked.headers.get("Authorization") != f"Bearer {SECRET}":
            raise Refused(401, {"message": "this token is not known"})
        done = {("POST", "/letters"): self._order, ("GET", "/letters"): self._look, ("GET", "/events"): self._tell}
        act = done.get((asked.method, asked.path))
        if act is None:
            raise Refused(404, {"message": "there is nothing here"})
        return act(asked)

    def happens(self, reference: str, kind: str, at: str, reason: str = "") -> None:
        """Something happens to the letter of a reference."""
        letter = next(ident for ident, one in self.letters.items() if one["reference"] == reference)
        ident = f"evt_{len(self.events) + 1}"
        told = {"id": ident, "letter": letter, "reference": reference, "type": f"letter.{kind}", "at": at}
        self.events.append(told | {"reason": reason})

    def _order(self, asked: Asked) -> tuple[int, Any]:
        body, key = asked.body, asked.headers.get("Idempotency-Key", "")
        if not key:
            raise Refused(400, {"message": "Idempotency-Key is missing"})
        if key in self.keys:
            before, ident = self.keys[key]
            if before != body:
                raise Refused(409, {"message": "the key was used for another request"})
            return 200, self._view(ident)
        if not self.credit:
            raise Refused(402, {"message": "the account is empty"})
        content = base64.b64decode(body["document"]["content"], validate=True)
        if not content.startswith(b"%PDF-"):
            raise Refused(422, {"errors": [{"field": "document.content", "message": "this is no PDF"}]})
        if hashlib.sha256(content).hexdigest() != body["document"]["sha256"]:
            raise Refused(422, {"errors": [{"field": "document.sha256", "message": "the content is another"}]})
        if not body["recipient"]["lines"] or len(body["recipient"]["country"]) != 2:
            raise Refused(422, {"errors": [{"field": "recipient", "message": "this is no address"}]})
        ident = f"ltr_{len(self.letters) + 1}"
        self.keys[key], self.letters[ident] = (body, ident), body
        self.arrived.append(ident)
        return 201, self._view(ident)

    def _look(self, asked: Asked) -> tuple[int, Any]:
        wanted = asked.query.get("reference", "")
        return 200, {"letters": [self._view(i) for i, one in self.letters.items() if one["reference"] == wanted]}

    def _tell(self, asked: Asked) -> tuple[int, Any]:
        after, limit = asked.query.get("after", ""), int(asked.query["limit"])
        start = next((place for place, one in enumerate(self.events, 1) if one["id"] == after), 0)
        told = self.events[start : start + limit]
        following = told[-1]["id"] if told else after
        return 200, {"events": told, "next": following, "more": start + limit < len(self.events)}

    def _view(self, ident: str) -> dict[str, Any]:
        one = self.letters[ident]
        return {"id": ident, "sha256": one["document"]["sha256"], "digest": one["digest"], "status": "received"}


@contextmanager
def printer() -> Iterator[Printer]:
    """The service, running."""
    with Printer().running() as made:
        yield made
