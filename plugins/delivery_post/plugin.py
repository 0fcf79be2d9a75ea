"""Documents as letters on paper; README.md has what is sent to the vendor and what it answers."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from engine.model.effect import Answer, Effect
from engine.ports.hookspecs import Context, Permanent, Transient, hookimpl
from engine.ports.hookspecs.delivery import Buyer, Receipt, Receipts, ReceiptsRequest, Seller
from engine.ports.hookspecs.http import Reply, Web, one_by_one
from engine.ports.hookspecs.journal import digest_of
from engine.ports.hookspecs.notice import Document, read_document, reader_of

PDF: Final = "application/pdf"
REFUSED: Final = (400, 404, 410, 413, 415, 422)
"""Statuses that say that this letter will never be printed."""

STATES: Final[dict[str, Literal["produced", "handed_over", "delivered", "bounced"]]] = {
    "letter.produced": "produced",
    "letter.handed_over": "handed_over",
    "letter.delivered": "delivered",
    "letter.returned": "bounced",
}
"""Events of the vendor that are receipts; others are passed over."""


class Letter(msgspec.Struct, frozen=True):
    """A letter as the vendor has it."""

    id: Annotated[str, Meta(min_length=1)]
    sha256: str
    digest: str


class Found(msgspec.Struct, frozen=True):
    """Letters with a reference: one, or none."""

    letters: list[Letter]


class Event(msgspec.Struct, frozen=True):
    """Something that happened to a letter."""

    id: str
    letter: str
    reference: str
    type: str
    at: Annotated[datetime, Meta(tz=True)]
    reason: str = ""


class Events(msgspec.Struct, frozen=True):
    """Events after a cursor, and the next cursor."""

    events: list[Event]
    next: str
    more: bool = False


class Unposted(ValueError):
    """A document that cannot be a letter."""


class DeliveryPost:
    """Makes one letter a document; the vendor keeps the keys."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        headers = {"Authorization": f"Bearer {context.secrets['token']}", "Accept": "application/json"}
        self._web = Web(settings["url"].rstrip("/"), settings["wait"], headers)
        self._options = {name: settings[name] for name in ("service", "colour", "duplex")}

    @hookimpl
    def delivery_send(self, effects: Sequence[Effect]) -> list[Answer]:
        """One letter a document, each under its key; what cannot be a letter is rejected by itself."""
        bodies: dict[str, dict[str, Any]] = {}
        answers = []
        for effect in effects:
            try:
                bodies[effect.key] = self._body(effect)
            except msgspec.ValidationError as error:
                answers.append(Answer(effect.key, "rejected", f"the payload is no document: {error}"))
            except Unposted as error:
                answers.append(Answer(effect.key, "rejected", str(error)))
        good = [effect for effect in effects if effect.key in bodies]
        return answers + one_by_one(good, lambda effect: self._letter(effect.key, bodies[effect.key]))

    @hookimpl
    def delivery_status(self, effects: Sequence[Effect]) -> list[Answer]:
        """What the vendor has under each key."""
        return [self._known(effect.key) for effect in effects]

    @hookimpl
    def delivery_receipts(self, requests: Sequence[ReceiptsRequest]) -> list[Receipts]:
        """What happened to letters."""
        return [self._receipts(request) for request in requests]

    def _body(self, effect: Effect) -> dict[str, Any]:
        document = read_document(effect.payload)
        pdf = _pdf(document)
        reader = reader_of(document)
        return {
            "reference": effect.key,
            "digest": digest_of({name: value for name, value in effect.payload.items() if name != "attachments"}),
            "recipient": _address(reader, f"account {reader.key}"),
            "sender": _address(document.seller, f"the seller {document.seller.key}"),
            "document": {
                "name": document.number,
                "sha256": sha256(pdf).hexdigest(),
                "content": base64.b64encode(pdf).decode(),
            },
            "options": self._options,
        }

    def _letter(self, key: str, body: dict[str, Any]) -> Answer:
        headers = {"Idempotency-Key": sha256(key.encode()).hexdigest()}
        reply = self._web.send("POST", "/letters", body=body, headers=headers, acts=True)
        if reply.status == 409:
            return self._again(key, body["digest"])
        if reply.status in REFUSED:
            return Answer(key, "rejected", f"the vendor does not take it: {_said(reply)}")
        if reply.status == 402:
            raise Transient(f"the vendor wants to be paid first: {_said(reply)}")
        if reply.status not in (200, 201, 202):
            raise Permanent(f"the vendor answered {reply.status}: {_said(reply)}")
        return _accepted(key, reply.read(Letter))

    def _again(self, key: str, digest: str) -> Answer:
        """The answer where the vendor has another request under the key: the same document with files made anew is the same act."""
        known = self._found(key)
        if known is not None and known.digest == digest:
            return _accepted(key, known)
        return Answer(key, "rejected", "the key was used before for another document")

    def _known(self, key: str) -> Answer:
        known = self._found(key)
        return (
            Answer(key, "retry", "the vendor has no letter under the key") if known is None else _accepted(key, known)
        )

    def _found(self, key: str) -> Letter | None:
        reply = self._web.send("GET", "/letters", query={"reference": key})
        if reply.status != 200:
            raise Permanent(f"the vendor answered {reply.status}: {_said(reply)}")
        return next(iter(reply.read(Found).letters), None)

    def _receipts(self, request: ReceiptsRequest) -> Receipts:
        query = {"after": request.cursor, "limit": str(request.limit)}
        reply = self._web.send("GET", "/events", query=query)
        if reply.status != 200:
            raise Permanent(f"the vendor answered {reply.status}: {_said(reply)}")
        told = reply.read(Events)
        receipts = [
            Receipt(one.reference, STATES[one.type], one.at, _reason(one), {"event": one.id, "letter": one.letter})
            for one in told.events
            if one.type in STATES
        ]
        return Receipts(request.key, tuple(receipts), told.next or request.cursor, told.more)


def _accepted(key: str, letter: Letter) -> Answer:
    return Answer(key, "accepted", evidence={"letter": letter.id, "sha256": letter.sha256})


def _reason(event: Event) -> str:
    return (event.reason or "the post returned it") if event.type == "letter.returned" else event.reason


def _pdf(document: Document) -> bytes:
    """The file that is printed: the first PDF of the document."""
    for file in document.attachments:
        if file.media_type == PDF:
            return file.data
    raise Unposted(
        "there is no PDF among its files: name pdf under formats in the rules of documents, or the letter's rule"
    )


def _address(party: Buyer | Seller, who: str) -> dict[str, Any]:
    """A postal address as the vendor wants it."""
    lines = [line.strip() for line in party.address.splitlines() if line.strip()]
    town = " ".join(one for one in (party.postcode, party.city) if one)
    if town and town not in lines:
        lines.append(town)
    if not lines or not party.country:
        raise Unposted(f"{who} has no postal address: import address, postcode, city and country")
    return {"name": party.name, "lines": lines, "country": party.country}


def _said(reply: Reply) -> str:
    return reply.body[:500].decode(errors="replace")
