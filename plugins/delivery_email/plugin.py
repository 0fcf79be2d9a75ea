"""Invoices and credit notes by e-mail, once for each key, and what came back of them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.model.effect import Answer, Effect
from engine.ports.hookspecs import Context, Permanent, Transient, hookimpl
from engine.ports.hookspecs.delivery import Receipts, ReceiptsRequest
from engine.ports.hookspecs.journal import Entry, Journal, digest_of
from engine.ports.hookspecs.notice import read_document

from .bounces import reports
from .message import Letters, Unaddressed, address
from .server import Refused, Server, hand_over

TEXTS: Final = "texts.yaml"
ANOTHER: Final = "the key was used before for another document"


class DeliveryEmail:
    """Sends documents through one mail server.  Its journal knows what was sent under each key."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        texts = context.home / settings["texts"] if settings["texts"] else context.folder / TEXTS
        self.letters = Letters(texts, settings["sender"], settings["reply_to"])
        self.envelope = address(settings["bounce_to"] or settings["sender"]).addr_spec
        authority = context.home / settings["authority"] if settings["authority"] else None
        self.server = Server(
            settings["host"],
            settings["port"],
            settings["security"],
            authority,
            settings["user"],
            context.secrets["password"],
        )
        self.journal = Journal(context.home / settings["journal"])
        self.bounces: Path | None = context.home / settings["bounces"] if settings["bounces"] else None
        self.resend = settings["in_doubt"] == "resend"

    @hookimpl
    def delivery_send(self, effects: Sequence[Effect]) -> list[Answer]:
        """Send each document that was not sent under its key."""
        answers = {effect.key: self._known(effect, self._entry(effect.key)) for effect in effects}
        fresh = [effect for effect in effects if answers[effect.key] is None]
        if fresh:
            with self.server.connected() as line:
                for effect in fresh:
                    answers[effect.key] = self._deliver(line, effect)
        return [answer for answer in answers.values() if answer is not None]

    @hookimpl
    def delivery_status(self, effects: Sequence[Effect]) -> list[Answer]:
        """What the journal has under each key."""
        return [self._status(effect.key, self._entry(effect.key)) for effect in effects]

    @hookimpl
    def delivery_receipts(self, requests: Sequence[ReceiptsRequest]) -> list[Receipts]:
        """Reports that came back of messages that this adapter sent."""
        return [self._receipts(request) for request in requests]

    def _entry(self, key: str) -> Entry | None:
        try:
            return self.journal.entry(key)
        except OSError as error:
            raise Transient(f"{error.filename}: {error.strerror}") from None

    def _known(self, effect: Effect, entry: Entry | None) -> Answer | None:
        """The answer to a key that was told before; None where it has to be sent."""
        if entry is None:
            return None
        if entry.digest != _digest(effect):
            return Answer(effect.key, "rejected", ANOTHER)
        if entry.evidence is not None:
            return Answer(effect.key, "accepted", evidence=entry.evidence)
        return None if self.resend else self._held(effect.key)

    def _held(self, key: str) -> Answer:
        what = f"the mail server may have taken it, or not; its log knows {self.letters.message_id(key)}"
        return Answer(key, "rejected", f"{what}. Set in_doubt: resend to send it again")

    def _status(self, key: str, entry: Entry | None) -> Answer:
        if entry is None:
            return Answer(key, "retry", "nothing was sent under the key")
        if entry.evidence is not None:
            return Answer(key, "accepted", evidence=entry.evidence)
        return Answer(key, "retry", "it may have been sent") if self.resend else self._held(key)

    def _deliver(self, line: Any, effect: Effect) -> Answer:
        try:
            document = read_document(effect.payload)
            message = self.letters.letter(effect.key, document)
        except msgspec.ValidationError as error:
            return Answer(effect.key, "rejected", f"the payload is no invoice document: {error}")
        except Unaddressed as error:
            return Answer(effect.key, "rejected", str(error))
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            return Answer(effect.key, "retry", f"the message cannot be made: {type(error).__name__}: {error}")
        with self.journal.held(effect.key) as entry:
            known = self._known(effect, entry)
            if known is not None:
                return known
            self.journal.begin(effect.key, _digest(effect))
            try:
                said = hand_over(line, self.envelope, message)
            except Refused as error:
                self.journal.forget(effect.key)
                line.rset()
                return Answer(effect.key, "rejected" if error.forever else "retry", str(error))
            except (Transient, Permanent):
                self.journal.forget(effect.key)
                raise
            evidence = {
                "message_id": str(message["Message-ID"]),
                "to": str(message["To"]),
                "sha256": sha256(message.as_bytes()).hexdigest(),
                "server": said,
            }
            self.journal.end(effect.key, evidence, evidence["message_id"])
        return Answer(effect.key, "accepted", evidence=evidence)

    def _receipts(self, request: ReceiptsRequest) -> Receipts:
        if self.bounces is None:
            return Receipts(request.key, (), request.cursor)
        try:
            found, cursor, more = reports(self.bounces, request.cursor, request.limit, self.journal.key_of)
        except OSError as error:
            raise Transient(f"{error.filename}: {error.strerror}") from None
        return Receipts(request.key, tuple(found), cursor, more)


def _digest(effect: Effect) -> str:
    """The digest of a document without its files, which may be made anew with another time in them."""
    return digest_of({name: value for name, value in effect.payload.items() if name != "attachments"})
