"""Named checks over the books."""

from __future__ import annotations

from collections.abc import Sequence

from engine.base.errors import Code, Finding, did_you_mean, refuse
from engine.store import checks
from engine.store.books import Books

UNKNOWN_CHECK = Code("verify.unknown-check", "A check that does not exist.")


def run_checks(books: Books, tenant: str, names: Sequence[str]) -> dict[str, tuple[Finding, ...]]:
    """What each check finds wrong, by name; all checks where no name is given.

    Raises:
        TollbookError: ``verify.unknown-check``.
    """
    unknown = [name for name in names if name not in checks.ALL]
    if unknown:
        raise refuse(UNKNOWN_CHECK, f"there is no check {unknown[0]!r}", mend=did_you_mean(unknown[0], checks.ALL))
    with books.reader() as reader:
        return {name: tuple(checks.ALL[name](reader, tenant)) for name in names or checks.ALL}
