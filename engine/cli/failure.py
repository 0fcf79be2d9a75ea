"""What a verb says when it is refused or cannot run: findings on stderr, and as JSON on stdout where that was asked for."""

from __future__ import annotations

from collections.abc import Iterable

from engine.base.errors import Code, Finding, Where
from engine.cli.common import emit, show_findings

WRONG_USE = Code("cli.wrong-use", "Words after the verb that it does not take.")
FAULT = Code("cli.fault", "A fault of the program or of the machine that ended a verb.")


def report(findings: Iterable[Finding], as_json: bool) -> None:
    """Say what is wrong."""
    listed = list(findings)
    show_findings(listed, limit=200)
    if as_json:
        emit({"good": False, "findings": listed}, as_json=True)


def wrong_use(message: str) -> Finding:
    """A finding about words that a verb does not take."""
    return Finding(WRONG_USE, Where(), message.rstrip("."), mend="see --help")


def fault(error: BaseException) -> Finding:
    """A finding about an error that nobody expected."""
    return Finding(
        FAULT, Where(), f"could not run: {type(error).__name__}: {error}", mend="report it with this message"
    )
