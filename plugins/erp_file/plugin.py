"""Journal documents as CSV files; README.md has the columns."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from engine.base.money import minor_digits
from engine.model.effect import Answer, Effect
from engine.ports.hookspecs import Context, Transient, Unknown, hookimpl
from engine.ports.hookspecs.erp import ErpDocument, ErpLine
from engine.ports.hookspecs.journal import Journal, digest_of

COLUMNS: Final = (
    *("document", "line", "entity", "type", "posting_date", "document_date", "reference", "text", "account"),
    *("debit", "credit", "currency", "functional_debit", "functional_credit", "functional_currency"),
)
JOURNAL: Final = ".posted.db"


class ErpFile:
    """A folder of documents; a journal beside them knows which key became which file."""

    def __init__(self, context: Context) -> None:
        self.folder: Path = context.home / context.settings["folder"]
        self.accounts, self.separator = context.settings["accounts"], context.settings["separator"]
        self.journal = Journal(self.folder / JOURNAL)

    @hookimpl
    def erp_post(self, effects: Sequence[Effect]) -> list[Answer]:
        """A file for each document."""
        answers: list[Answer] = []
        try:
            for effect in effects:
                answers.append(self._post(effect))
        except OSError as error:
            said = f"{error.filename}: {error.strerror}"
            if not answers:
                raise Transient(said) from None
            answers += [Answer(effect.key, "retry", said) for effect in effects[len(answers) :]]
        return answers

    @hookimpl
    def erp_status(self, effects: Sequence[Effect]) -> list[Answer]:
        """What the files in the folder say."""
        try:
            return [self._status(effect.key) for effect in effects]
        except OSError as error:
            raise Unknown(f"{error.filename}: {error.strerror}") from None

    def _post(self, effect: Effect) -> Answer:
        try:
            document = msgspec.convert(effect.payload, ErpDocument)
        except msgspec.ValidationError as error:
            return Answer(effect.key, "rejected", f"the payload is no document: {error}")
        off = sum((line.amount for line in document.lines), Decimal(0))
        if off or not document.lines:
            return Answer(effect.key, "rejected", f"its lines are off by {off}" if off else "it has no lines")
        with self.journal.held(effect.key) as entry:
            digest = digest_of(effect.payload)
            if entry is not None and entry.digest != digest:
                return Answer(effect.key, "rejected", "the key was used before for another document")
            if entry is None or entry.evidence is None:
                number = self.journal.begin(effect.key, digest)
                evidence = self._write(f"{number:09}", document)
                self.journal.end(effect.key, evidence)
            else:
                evidence = entry.evidence
        return Answer(effect.key, "accepted", evidence=evidence)

    def _write(self, number: str, document: ErpDocument) -> dict[str, str]:
        """Write a file, whole or not at all."""
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.separator, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        writer.writerows(self._rows(number, document))
        data = text.getvalue().encode()
        path = self.folder / f"{document.posting_date}-{number}.csv"
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        debit = sum((line.amount for line in document.lines if line.amount > 0), Decimal(0))
        return {
            "document": number,
            "debit": _plain(debit, document.currency),
            "file": path.name,
            "sha256": sha256(data).hexdigest(),
        }

    def _rows(self, number: str, document: ErpDocument) -> Iterator[tuple[object, ...]]:
        head = (
            document.entity,
            document.document_type,
            document.posting_date,
            document.document_date,
            document.reference,
        )
        for place, line in enumerate(document.lines, 1):
            account = self.accounts.get(line.account, line.account)
            yield (number, place, *head, line.text or document.text, account, *_sides(document, line))

    def _status(self, key: str) -> Answer:
        entry = self.journal.entry(key)
        if entry is None or entry.evidence is None:
            return Answer(key, "retry", "no file was finished under the key")
        path = self.folder / str(entry.evidence["file"])
        if not path.is_file():
            return Answer(key, "retry", f"the file {path.name} is no longer there")
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter=self.separator))
        debit = sum((Decimal(row["debit"]) for row in rows if row["debit"]), Decimal(0))
        there = {"debit": _plain(debit, rows[0]["currency"]), "sha256": sha256(path.read_bytes()).hexdigest()}
        return Answer(key, "accepted", evidence=entry.evidence | there)


def _plain(amount: Decimal, currency: str) -> str:
    return f"{amount:.{minor_digits(currency)}f}"


def _sides(document: ErpDocument, line: ErpLine) -> tuple[str, ...]:
    """Debit, credit and currency, in transaction and in functional currency."""
    credit = (line.amount or line.functional) < 0
    made: list[str] = []
    for amount, currency in ((line.amount, document.currency), (line.functional, document.functional_currency)):
        shown = _plain(-amount if credit else amount, currency)
        made += ("", shown, currency) if credit else (shown, "", currency)
    return tuple(made)
