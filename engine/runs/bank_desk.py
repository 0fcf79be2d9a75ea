"""The desk of bank files: which kinds there are, and what stands in a file.  It needs no books."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.document import Document, parse
from engine.base.errors import Code, Finding, TollbookError, Where, refuse
from engine.base.money import exact_arithmetic
from engine.ports.hookspecs.bank import Kind, Statement
from engine.ports.host import Host, Wanted

UNKNOWN_KIND = Code("bank.unknown-kind", "A file that is of no kind that a plug-in reads.")
SEVERAL_KINDS = Code("bank.several-kinds", "A file that several kinds of files take for theirs.")
UNREADABLE = Code("bank.unreadable", "A bank file that cannot be read from where it is.")
DOES_NOT_TIE = Code(
    "bank.does-not-tie", "A statement whose opening balance and entries do not give its closing balance."
)

SHIPPED: Final = "bank_files"
"""The plug-in that reads where the configuration names no adapter of the port."""


class _Own(msgspec.Struct, frozen=True):
    """The adapter of the shipped plug-in, as the configuration would name it."""

    document: Document
    name: str = SHIPPED
    port: str = "bank"
    plugin: str = SHIPPED
    settings: Mapping[str, Any] = {}
    secrets: Mapping[str, str] = {}
    timeout: int = 10
    retries: int = 0
    breaker_failures: int = 5
    breaker_seconds: int = 60
    path: tuple[str | int, ...] = ()


class BankFile(msgspec.Struct, frozen=True):
    """What stands in a file: its kind, its statements, and what is odd about them, statements that do not tie included."""

    kind: str
    statements: tuple[Statement, ...]
    flaws: tuple[Finding, ...]


class BankDesk:
    """What people do with bank files."""

    def __init__(self, adapters: Iterable[Wanted], home: Path) -> None:
        """``adapters`` are those of the configuration, of which those of the port ``bank`` count; ``home`` is its folder."""
        mine = [one for one in adapters if one.port == "bank"]
        self._host = Host(mine or [_Own(parse(b"", SHIPPED))], home)

    def kinds(self) -> Mapping[str, Kind]:
        """Kinds of files by name."""
        return self._host.kinds()

    def read(self, path: Path) -> BankFile:
        """What stands in a file, whatever it is called.

        Raises:
            TollbookError: ``bank.unreadable``, ``bank.unknown-kind``, ``bank.several-kinds``, and what the reader of its
                kind refuses.
        """
        exact_arithmetic()
        where = Where(str(path))
        try:
            data = path.read_bytes()
        except OSError as error:
            raise refuse(UNREADABLE, f"the file cannot be read: {error.strerror}", where=where) from None
        kinds = self.kinds()
        mine = [name for name, kind in kinds.items() if kind.recognises(data)]
        if not mine:
            what = "the file is empty" if not data.strip() else "the file is of no kind that is known"
            mend = "a file of one of these kinds can be read: " + ", ".join(kinds)
            raise refuse(UNKNOWN_KIND, what, why="files are known by what is in them", mend=mend, where=where)
        if len(mine) > 1:
            mend = "keep the adapter of one of them in config.yaml"
            raise refuse(SEVERAL_KINDS, f"the file is taken for {' and for '.join(mine)}", mend=mend, where=where)
        try:
            statements = kinds[mine[0]].read(data)
        except TollbookError as error:
            raise TollbookError(_at(finding, path) for finding in error.findings) from None
        odd = [_at(finding, path) for one in statements for finding in one.flaws]
        odd += [_untied(number, one, path) for number, one in enumerate(statements, 1) if one.ties() is False]
        return BankFile(mine[0], statements, tuple(odd))


def _at(finding: Finding, path: Path) -> Finding:
    """A finding of a reader, which knows lines alone, at its place in the file."""
    return finding.at(msgspec.structs.replace(finding.where, file=str(path)))


def _untied(number: int, statement: Statement, path: Path) -> Finding:
    assert statement.opening is not None and statement.closing is not None
    credits = sum(one.amount for one in statement.entries if one.sign == "C")
    debits = sum(one.amount for one in statement.entries if one.sign == "D")
    reached = statement.opening + credits - debits
    return Finding(
        DOES_NOT_TIE,
        Where(str(path)),
        f"statement {number}, of account {statement.account}, does not tie: {statement.opening:f} + {credits:f} - "
        f"{debits:f} is {reached:f}, not {statement.closing:f}",
        why=f"{statement.closing - reached:f} is missing from its entries",
        mend="ask the bank for the whole statement; what does not tie is not booked unseen",
        level="warning",
    )
