"""Documents as files of the kinds that plug-ins provide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.base.errors import Code, TollbookError, did_you_mean, refuse
from engine.model.effect import Effect
from engine.ports.hookspecs.delivery import Attachment
from engine.ports.hookspecs.einvoice import Format
from engine.ports.hookspecs.notice import Document, NoticeDocument, read_document
from engine.ports.host import Host

UNKNOWN_FORMAT = Code("document.unknown-format", "A kind of file that no plug-in of the configuration provides.")
NO_LETTER = Code("document.no-letter", "A letter that is wanted as a kind of file which only invoices are written as.")
FORMAT_CIRCLE = Code("document.format-circle", "Kinds of files that are made of each other.")


class Written(msgspec.Struct, frozen=True):
    """A document as a file: its ``name``, ``media_type`` and ``content``."""

    name: str
    media_type: str
    content: bytes


class Files:
    """Makes files of documents."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def of(self, document: Mapping[str, Any], kinds: Sequence[str]) -> list[Written]:
        """A document as files of some kinds.  What several are made of is made once.

        Raises:
            TollbookError: ``document.unknown-format``, ``document.format-circle``, and what plug-ins refuse.
        """
        whole = read_document(document)
        made: dict[str, bytes] = {}
        name = whole.number.replace("/", "-")
        for kind in kinds:
            self._make(kind, whole, made, ())
        known = self._host.formats()
        return [Written(name + known[kind].suffix, known[kind].media_type, made[kind]) for kind in dict.fromkeys(kinds)]

    def known(self, kind: str) -> Format:
        """A kind of file.

        Raises:
            TollbookError: ``document.unknown-format``.
        """
        known = self._host.formats()
        if kind not in known:
            mend = did_you_mean(kind, known) or "an adapter of port einvoice in config.yaml provides kinds of files"
            raise refuse(UNKNOWN_FORMAT, f"no adapter writes documents as {kind!r}", mend=mend)
        return known[kind]

    def _make(self, kind: str, document: Document, made: dict[str, bytes], within: tuple[str, ...]) -> bytes:
        """The file of a kind, after those that it is made of."""
        if kind in within:
            circle = " of ".join((*within, kind))
            raise refuse(FORMAT_CIRCLE, f"kinds of files are made of each other: {circle}", mend="correct the plug-in")
        if kind not in made:
            chosen = self.known(kind)
            if isinstance(document, NoticeDocument) and not chosen.notices:
                mend = "name a kind of file for letters, such as html or pdf, in the rule of dunning"
                raise refuse(NO_LETTER, f"letters are not written as {kind!r}", mend=mend)
            parts = [self._make(one, document, made, (*within, kind)) for one in chosen.of]
            made[kind] = chosen.write(document, *parts)
        return made[kind]


def attached(host: Host, effect: Effect, kinds: Sequence[str]) -> Effect:
    """An effect whose document comes with its files.

    Raises:
        TollbookError: what keeps a file from being made.
    """
    files = [Attachment(one.name, one.media_type, one.content) for one in Files(host).of(effect.payload, kinds)]
    before = effect.payload.get("attachments", [])
    payload = {**effect.payload, "attachments": [*before, *msgspec.to_builtins(files)]}
    return Effect(effect.key, effect.port, effect.kind, payload)


def refusal(error: TollbookError) -> str:
    """Why files of a document could not be made, in one line."""
    return "; ".join(str(finding) for finding in error.findings)
