"""The desk of exchange: messages of other systems are taken once each, through the same code as files and people.

What a message says is imported as the rows of import files, in one transaction with the note that it came: all of it is in the
books, or nothing.  Money that came is recorded as the desk of accounts does it, once by its own key; the note follows.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, refuse
from engine.model.exchange import PaymentData
from engine.model.journal import Change
from engine.runs.accounts.desk import AccountDesk
from engine.runs.exchange.reading import Message, read
from engine.runs.exchange.rows import ROWS, Rows
from engine.runs.import_run import ImportReport, run_import
from engine.runs.run import Parts
from engine.store.books import Books
from engine.store.within import Within

OTHER_BODY = Code("exchange.other-body", "A message with the id of another one that was taken; both are kept.")
NOT_TAKEN = Code("exchange.not-taken", "A message that the books cannot take as they are; nothing of it is in them.")

TAKEN: Final = "taken"
REFUSED: Final = "refused"
CONFLICT: Final = "conflict"


class Flaw(msgspec.Struct, frozen=True):
    """What keeps a message out: the place in it, and why."""

    field: str
    finding: Finding


class Taken(msgspec.Struct, frozen=True):
    """What became of a message: ``taken`` now, or ``known`` from before; ``proposed`` where a second person has to approve."""

    id: str
    kind: str
    version: str
    state: str


class NotTaken(TollbookError):
    """A message that was refused for what the books say."""

    def __init__(self, head: Finding, flaws: Sequence[Flaw]) -> None:
        super().__init__(head)
        self.flaws = tuple(flaws)


class ExchangeDesk:
    """Takes messages, and shows those that came."""

    def __init__(self, books: Books, parts: Callable[[], Parts], accounts: Callable[[], AccountDesk]) -> None:
        self._books, self._parts, self._accounts = books, parts, accounts

    def take(self, text: str, sender: str, change: Change) -> Taken:
        """Take a message in JSON.  The same id with the same content is known; with another it is refused, and both are kept.

        Raises:
            NotTaken: the books cannot take it.
            TollbookError: ``exchange.other-body``, and what :func:`engine.runs.exchange.reading.read` refuses.
        """
        message = read(text, sender)
        tenant = self._parts().tenant
        if self._known(tenant, message, change):
            return _taken(message, "known")
        try:
            if message.kind.name == "payment":
                return self._pay(tenant, message, change)
            return self._import(tenant, message, change)
        except NotTaken as error:
            told = [_told(flaw) for flaw in error.flaws]
            with self._books.writer(change, tenant=tenant) as writer:
                writer.put_message(tenant, message.head, REFUSED, told, message.head.digest)
            raise

    def messages(self, limit: int, state: str = "") -> list[dict[str, Any]]:
        """Messages that came, the newest first."""
        with self._books.reader() as reader:
            return reader.messages(self._parts().tenant, limit, state)

    def _known(self, tenant: str, message: Message, change: Change) -> bool:
        """Whether the message was taken before.

        Raises:
            TollbookError: ``exchange.other-body``: another one was, under its id; this one is kept beside it.
        """
        head = message.head
        with self._books.reader() as reader:
            before = reader.message(tenant, head.sender, head.key)
        if before is None:
            return False
        if before["digest"] == head.digest:
            return True
        what = f"message {head.key!r} was taken on {before['at']:%Y-%m-%d %H:%M:%S} UTC with another content"
        told = [{"code": str(OTHER_BODY), "what": what}]
        with self._books.writer(change, tenant=tenant) as writer:
            writer.put_message(tenant, head, CONFLICT, told, head.digest)
        mend = "give each message an id of its own; to change what was said, send another message"
        raise refuse(OTHER_BODY, what, why="the same id is the same message", mend=mend, where=Where("id"))

    def _import(self, tenant: str, message: Message, change: Change) -> Taken:
        """Import what it says, in one transaction with the note that it came."""
        rows = ROWS[message.kind.name](message.data)
        with tempfile.TemporaryDirectory() as scratch, self._books.writer(change, tenant=tenant) as writer:
            if not writer.put_message(tenant, message.head, TAKEN, []):
                other = True  # it came twice at the same moment, and the other one is committed by now
            else:
                other = False
                folder = _written(Path(scratch), rows, message.head.sender)
                report = run_import(
                    Within(writer), tenant, folder, change, change.at.date(), rules=lambda: self._parts().rules
                )
                flaws = _flaws(report, rows)
                if flaws:
                    what = f"{message.kind.name} {message.head.key!r} is not taken: {flaws[0].finding.what}"
                    mend = "errors says why, field by field"
                    raise NotTaken(Finding(NOT_TAKEN, Where(flaws[0].field), what, "", mend), flaws)
        if other:
            self._known(tenant, message, change)
            return _taken(message, "known")
        return _taken(message, TAKEN)

    def _pay(self, tenant: str, message: Message, change: Change) -> Taken:
        """Record money that came; the key of the payment makes that happen once, whatever becomes of the note."""
        data: PaymentData = message.data
        key = f"{message.head.sender}/{data.key}"
        wanted: dict[str, Any] = {"invoices": data.invoices, "entity": data.entity, "currency": data.currency}
        try:
            done = self._accounts().pay(data.account, key, data.amount, change, on=data.on, note=data.note, **wanted)
        except TollbookError as error:
            flaws = [Flaw("data", finding) for finding in error.findings]
            raise NotTaken(error.findings[0], flaws) from error
        with self._books.writer(change, tenant=tenant) as writer:
            writer.put_message(tenant, message.head, TAKEN, [])
        return _taken(message, "proposed" if getattr(done, "approval", None) is not None else TAKEN)


def _taken(message: Message, state: str) -> Taken:
    return Taken(message.head.key, message.kind.name, message.head.version, state)


def _written(scratch: Path, rows: Rows, sender: str) -> Path:
    """A folder of import files, whose names say who sent them."""
    folder = scratch / "message"
    folder.mkdir()
    for kind, made in rows.items():
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for _, row in made)
        (folder / f"{kind}-{sender}.jsonl").write_text(lines, encoding="utf-8")
    return folder


def _flaws(report: ImportReport, rows: Rows) -> list[Flaw]:
    """What keeps a message out of the books: findings about its rows, each with its place in the message."""
    found = []
    for finding in report.findings:
        if finding.level != "error":
            continue
        made = rows.get(finding.where.file.partition(".")[0].partition("-")[0], [])
        line = finding.where.line
        place = made[line - 1][0] if 0 < line <= len(made) else "data"
        found.append(Flaw(place, msgspec.structs.replace(finding, where=Where(place))))
    if not found and any(file.quarantined or file.refused for file in report.files):
        found.append(Flaw("data", Finding(NOT_TAKEN, Where("data"), "rows of it were refused")))
    return found


def _told(flaw: Flaw) -> dict[str, str]:
    return {"field": flaw.field, "code": str(flaw.finding.code), "what": flaw.finding.what}
