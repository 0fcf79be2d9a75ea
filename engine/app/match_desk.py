"""Matching by files put together: the rules of one family, and the desk that asks them; no books."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import engine
from engine.base.errors import Code, TollbookError, Where, refuse
from engine.families import ALL
from engine.model.decision import Trace
from engine.model.matching import MatchingFacts
from engine.rulebook import rulebook
from engine.runs.matching.desk import MatchDesk

NO_RULES = Code("match.no-rules", "Folders of rules that have no rule set of the family matching.")

_FAMILY: Final = "matching"
_SHIPPED: Final = (
    Path(engine.__file__).parents[1] / "rules",
    Path(sys.prefix) / "share" / "tollbook" / "rules",
)
"""Where the rules are that come with Tollbook: beside it in a checkout, else where it is installed."""


def match_desk(folders: Sequence[Path] = (), processes: int = 0) -> MatchDesk:
    """The desk with the rules of some folders, or with those that come with Tollbook where none are named.

    ``processes`` work at once, 0 as many as there are processors.

    Raises:
        TollbookError: ``match.no-rules``, and everything that is wrong with a rule file of the family.
    """
    roots = tuple(folders) or tuple(root for root in _SHIPPED if (root / _FAMILY).is_dir())[:1]
    files = {label: path for label, path in rulebook.places(roots).items() if label.startswith(f"rules/{_FAMILY}/")}
    if not files:
        where = Where(", ".join(map(str, folders)))
        what = "there is no rule set of the family matching"
        raise refuse(NO_RULES, what, mend="add rules/matching/NAME.yaml, or leave --rules out", where=where)
    contents = {label: path.read_bytes() for label, path in files.items()}
    try:
        book = rulebook.compile_book(contents, {_FAMILY: ALL[_FAMILY]})
    except TollbookError as error:
        raise TollbookError(
            each.at(Where(str(files[each.where.file]), each.where.line, each.where.column))
            if each.where.file in files
            else each
            for each in error.findings
        ) from None

    def trace(facts: MatchingFacts, on: date) -> Trace:
        return book.trace(_FAMILY, facts, on)

    return MatchDesk(book.decider(_FAMILY), trace, book.decisions(), processes)
