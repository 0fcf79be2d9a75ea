"""Invoices and credit notes as EDI interchanges, each put once under its key."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from typing import Final

import msgspec

from engine.model.effect import Answer, Effect
from engine.ports.hookspecs import Context, PortFailure, Transient, Unknown, hookimpl
from engine.ports.hookspecs.delivery import InvoiceDocument
from engine.ports.hookspecs.journal import Entry, Journal, digest_of
from engine.ports.hookspecs.places import Folder, Place
from engine.ports.hookspecs.sftp import Server

from . import edifact, x12
from .envelope import Envelope

X12: Final = "X12-810"
LONGEST: Final = 15
"""Characters of an identification that both syntaxes take."""

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


class DeliveryEdi:
    """Writes one interchange a document.  Its journal gives each key a control number, and knows what was put."""

    def __init__(self, context: Context) -> None:
        self.settings = context.settings
        folder = self.settings["folder"]
        self.journal = Journal(context.home / f"out/{context.adapter}.db")
        self.folder = Folder(context.home / folder)
        self.server: Server | None = None
        if self.settings["host"]:
            names = ("host", "port", "user", "host_key", "folder")
            self.server = Server(password=context.secrets["password"], **{name: self.settings[name] for name in names})
            if not self.server.host_key:
                raise ValueError("host_key: an SFTP server has to be known by its public key; ssh-keyscan prints it")

    @hookimpl
    def delivery_send(self, effects: Sequence[Effect]) -> list[Answer]:
        """Put each document that was not put under its key."""
        answers = {effect.key: self._known(effect, self._entry(effect.key)) for effect in effects}
        fresh = [effect for effect in effects if answers[effect.key] is None]
        if fresh:
            with self._connected() as place:
                for effect in fresh:
                    answers[effect.key] = self._deliver(place, effect)
        return [answer for answer in answers.values() if answer is not None]

    @hookimpl
    def delivery_status(self, effects: Sequence[Effect]) -> list[Answer]:
        """What the journal has under each key."""
        return [self._status(effect.key) for effect in effects]

    def _connected(self) -> AbstractContextManager[Place]:
        return nullcontext(self.folder) if self.server is None else self.server.connected()

    def _entry(self, key: str) -> Entry | None:
        try:
            return self.journal.entry(key)
        except OSError as error:
            raise Transient(f"{error.filename}: {error.strerror}") from None

    def _known(self, effect: Effect, entry: Entry | None) -> Answer | None:
        if entry is None:
            return None
        if entry.digest != digest_of(effect.payload):
            return Answer(effect.key, "rejected", "the key was used before for another document")
        return None if entry.evidence is None else Answer(effect.key, "accepted", evidence=entry.evidence)

    def _status(self, key: str) -> Answer:
        entry = self._entry(key)
        if entry is None:
            return Answer(key, "retry", "nothing was put under the key")
        if entry.evidence is None:
            return Answer(
                key, "retry", f"it may have been put; sent again it has its control number {entry.number} again"
            )
        return Answer(key, "accepted", evidence=entry.evidence)

    def _deliver(self, place: Place, effect: Effect) -> Answer:
        with self.journal.held(effect.key) as entry:
            known = self._known(effect, entry)
            if known is not None:
                return known
            try:
                document = msgspec.convert(effect.payload, InvoiceDocument)
                number = self.journal.begin(effect.key, digest_of(effect.payload))
                data = self._written(document, number)
            except msgspec.ValidationError as error:
                return Answer(effect.key, "rejected", f"the payload is no invoice document: {error}")
            except (x12.Inexact, ValueError) as error:
                self.journal.forget(effect.key)
                return Answer(effect.key, "rejected", str(error))
            name = f"{number:09}-{_UNSAFE.sub('_', document.number)[:60]}.{'x12' if self._x12 else 'edi'}"
            try:
                where = place.put(name, data)
            except Unknown:
                raise
            except PortFailure:
                self.journal.forget(effect.key)
                raise
            evidence = {"path": where, "control": number, "sha256": sha256(data).hexdigest()}
            self.journal.end(effect.key, evidence)
        return Answer(effect.key, "accepted", evidence=evidence)

    @property
    def _x12(self) -> bool:
        return bool(self.settings["message"] == X12)

    def _written(self, document: InvoiceDocument, number: int) -> bytes:
        given = self.settings["recipient"] or document.buyer.endpoint or document.buyer.key
        if len(given) > LONGEST:
            raise ValueError(f"{given!r} is longer than the {LONGEST} characters of an identification: set recipient")
        qualifiers = (self.settings["sender_qualifier"], self.settings["recipient_qualifier"])
        envelope = Envelope(self.settings["sender"], qualifiers[0], given, qualifiers[1], self.settings["test"], number)
        if self._x12:
            return x12.written(document, envelope)
        return edifact.written(document, envelope, self.settings["message"])
