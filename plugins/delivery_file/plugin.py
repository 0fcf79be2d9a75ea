"""Invoices, credit notes and letters as files: ``<folder>/<entity>/<year-month>/<number>.html`` and ``.json``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import jinja2
import msgspec

from engine.base.errors import TollbookError
from engine.model.effect import Answer, Effect
from engine.ports.hookspecs import Context, Transient, hookimpl
from engine.ports.hookspecs.notice import dated, read_document

from .page import Page
from .shelf import Record, Shelf, pretty, safe_name, sha256

TEMPLATE: Final = "invoice.html"
"""The template that comes with the plug-in."""

LETTER: Final = "letter.html"
"""The template of letters that ask for payment."""

TEXTS: Final = "texts.yaml"


class DeliveryFile:
    """Writes documents into a folder.  A template of one's own is read when the host makes the adapter, so that what is wrong
    with it is said at once; the one that comes with the plug-in, when it is first used."""

    def __init__(self, context: Context) -> None:
        template = context.settings["template"]
        self.page = Page(
            context.home / template if template else context.folder / TEMPLATE,
            context.folder / LETTER,
            context.folder / TEXTS,
        )
        if template:
            self.page.check()
        self.home = context.home
        self.shelf = Shelf(context.home / context.settings["folder"], context.settings["durable"])

    @hookimpl
    def delivery_send(self, effects: Sequence[Effect]) -> list[Answer]:
        """Write each document; what the disk refuses is answered with ``retry``."""
        answers: list[Answer] = []
        try:
            with self.shelf.locked():
                for effect in effects:
                    answers.append(self._deliver(effect))
        except OSError as error:
            answers += [_later(effect.key, error) for effect in effects[len(answers) :]]
        return answers

    @hookimpl
    def delivery_status(self, effects: Sequence[Effect]) -> list[Answer]:
        """What the folder has under each key."""
        try:
            return [self._known(effect) for effect in effects]
        except OSError as error:
            raise Transient(_later("", error).reason) from None

    def _known(self, effect: Effect) -> Answer:
        record = self.shelf.record(effect.key)
        if record is None or not self.shelf.complete(record):
            return Answer(effect.key, "retry", "the folder does not have the whole document")
        return self._accepted(effect.key, record)

    def _deliver(self, effect: Effect) -> Answer:
        try:
            return self._write(effect)
        except msgspec.ValidationError as error:
            return Answer(effect.key, "rejected", f"the payload is no invoice document: {error}")
        except (jinja2.TemplateError, TollbookError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            return Answer(effect.key, "retry", f"the page cannot be made: {type(error).__name__}: {error}")
        except OSError as error:
            return _later(effect.key, error)

    def _write(self, effect: Effect) -> Answer:
        data = pretty(effect.payload)
        content = sha256(data)
        before = self.shelf.record(effect.key)
        if before is not None and before.content != content:
            return Answer(effect.key, "rejected", "the key was used before for another document")
        if before is not None and self.shelf.complete(before):
            return self._accepted(effect.key, before)
        document = read_document(effect.payload)
        entity, month = safe_name(document.seller.key), f"{dated(document):%Y-%m}"
        name = f"{entity}/{month}/{safe_name(document.number)}"
        files = {f"{name}.html": self.page.render(document).encode(), f"{name}.json": data}
        files |= {f"{entity}/{month}/{safe_name(one.name)}": one.data for one in document.attachments}
        foreign = self.shelf.foreign(files) if before is None else ""
        if foreign:
            return Answer(effect.key, "rejected", f"{foreign} is there already, with another content")
        return self._accepted(effect.key, self.shelf.put(effect.key, content, files))

    def _accepted(self, key: str, record: Record) -> Answer:
        evidence: dict[str, Any] = {}
        for name, digest in record.files.items():
            prefix = "" if name.endswith(".html") else f"{name.rpartition('.')[2]}_"
            evidence |= {f"{prefix}path": self._shown(self.shelf.folder / name), f"{prefix}sha256": digest}
        return Answer(key, "accepted", evidence=evidence)

    def _shown(self, path: Path) -> str:
        """A path as the configuration sees it: relative to its folder where it lies below."""
        return path.relative_to(self.home).as_posix() if path.is_relative_to(self.home) else path.as_posix()


def _later(key: str, error: OSError) -> Answer:
    return Answer(key, "retry", f"{error.filename or 'the disk'}: {error.strerror or error}")
