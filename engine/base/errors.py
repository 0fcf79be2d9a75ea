"""One shape for everything that can be wrong.

A mistake is a :class:`Finding`: a value with a stable code, a place, what was found, why it is refused and how to mend
it.  Findings are gathered, so that a file with five mistakes gives five messages in one go.  Code that cannot go on
raises :class:`TollbookError`, which carries the findings; nothing else of ours is raised on bad input.

Codes are declared with :class:`Code` as module constants beside the code that reports them (``errors`` holds none), are
written ``room.what-is-wrong`` and never change their meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec


class Code(str):
    """A stable error code such as ``rule.unknown-fact``; its ``meaning`` is one sentence for the reference page."""

    meaning: str

    def __new__(cls, name: str, meaning: str) -> Code:
        code = super().__new__(cls, name)
        code.meaning = meaning
        return code

    def __reduce__(self) -> tuple[Any, ...]:
        return (Code, (str(self), self.meaning))


class Where(msgspec.Struct, frozen=True, gc=False, order=True):
    """A place in a file, or a record's natural key when there is no file.  Lines and columns count from 1; 0 is unknown."""

    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        parts = [self.file, *(str(n) for n in (self.line, self.column) if n)]
        return ":".join(part for part in parts if part)


NOWHERE = Where()


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong or worth knowing.

    Attributes:
        code: a stable :class:`Code`.
        where: file, line and column, or the natural key of the record concerned in ``file``.
        what: what was found, naming the value.
        why: the rule that it breaks; may be empty where ``what`` says it all.
        mend: what to do about it.
        level: ``error`` (refused), ``warning`` (done, but look) or ``info``.
        subject: natural key of the business object concerned (``account/A-17``), empty for files.
    """

    code: str
    where: Where
    what: str
    why: str = ""
    mend: str = ""
    level: str = "error"
    subject: str = ""

    def __str__(self) -> str:
        place = str(self.where) or self.subject
        head = f"{place}: " if place else ""
        text = f"{head}{self.level}: {self.what} [{self.code}]"
        for label, part in (("why", self.why), ("mend", self.mend)):
            if part:
                text += f"\n    {label}: {part}"
        return text

    def at(self, where: Where) -> Finding:
        """The same finding at another place."""
        return msgspec.structs.replace(self, where=where)


class TollbookError(Exception):
    """Input or state that the engine refuses; ``findings`` says everything that is wrong with it, never empty."""

    def __init__(self, findings: Finding | Iterable[Finding]) -> None:
        self.findings: tuple[Finding, ...] = (findings,) if isinstance(findings, Finding) else tuple(findings)
        super().__init__("\n".join(map(str, self.findings)))

    def __reduce__(self) -> tuple[Any, ...]:
        return (TollbookError, (self.findings,))


def refuse(
    code: Code, what: str, *, why: str = "", mend: str = "", where: Where = NOWHERE, subject: str = ""
) -> TollbookError:
    """A :class:`TollbookError` with one finding, to be raised by the caller."""
    return TollbookError(Finding(code, where, what, why, mend, subject=subject))


def much_alike(word: str, known: Iterable[str]) -> str:
    """The known word that is so much like another one that it must be meant; empty where none is."""
    return _near(word, sorted(known), 0.75)


def _near(word: str, names: Sequence[str], least: float) -> str:
    import difflib

    return next(iter(difflib.get_close_matches(word, names, n=1, cutoff=least)), "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean 'x'?`` for the nearest known word, or the list of what is known when nothing is near."""
    names = sorted(known)
    meant = _near(word, names, 0.6)
    if meant:
        return f"did you mean {meant!r}?"
    return "known: " + ", ".join(names[:12]) + (", …" if len(names) > 12 else "") if names else ""
