"""Which regular expressions a condition may use: those whose running time is bounded by the length of the text.

Python's ``re`` tries the ways in which a pattern can match one after the other, and a pattern such as ``(a+)+b`` has
exponentially many.  The subset here is the one in which they can be counted: every choice of a branch and every count
of a limited repeat multiplies the ways, and a repeat without limit may not stand inside another repeat.  A pattern with
few ways and few open repeats is fast on every text.
"""

from __future__ import annotations

import re

#: The product of all branches and limited repeats may not exceed this.
MOST_WAYS = 200

_ESCAPES = frozenset("dDwWsSbBAZntrfv")
_LIMITS = re.compile(r"\{(\d+)(,?)(\d*)\}")


class _Unsafe(Exception):
    """The pattern is outside the subset; the message says why."""


def mistake(pattern: str) -> str:
    """Why ``re`` does not accept a pattern, or an empty string."""
    try:
        re.compile(pattern)
    except re.error as error:
        return f"{error.msg} at character {(error.pos or 0) + 1}"
    except (OverflowError, RecursionError):
        return "it is too large"
    return ""


def risk(pattern: str, search: bool) -> str:
    """Why a pattern that ``re`` accepts may take too long, or an empty string.

    ``search`` says that the pattern may begin to match anywhere in the text, which costs one open repeat: two are
    allowed in a match from the start (``=~``), one in a search (``=~~``).
    """
    try:
        ways, opens = _Reader(pattern).branches()
    except _Unsafe as error:
        return str(error)
    if ways > MOST_WAYS:
        return f"it can match in {ways} ways, {MOST_WAYS} are allowed"
    most = 1 if search else 2
    if opens > most:
        return f"it has {opens} repeats without limit, {most} allowed"
    return ""


class _Reader:
    """Counts the ways and the open repeats of a pattern that ``re`` accepts."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0

    def peek(self, text: str) -> bool:
        return self.pattern.startswith(text, self.at)

    def branches(self) -> tuple[int, int]:
        """Alternatives up to a closing bracket or the end: their ways add up."""
        ways, opens = self.sequence()
        while self.peek("|"):
            self.at += 1
            more, other = self.sequence()
            ways, opens = ways + more, max(opens, other)
        return ways, opens

    def sequence(self) -> tuple[int, int]:
        ways, opens = 1, 0
        while self.at < len(self.pattern) and not self.peek("|") and not self.peek(")"):
            atom = self.atom()
            more, other = self.repeated(*atom)
            ways, opens = ways * more, opens + other
            if ways > 10**6:
                raise _Unsafe(f"it can match in more than {10**6} ways, {MOST_WAYS} are allowed")
        return ways, opens

    def atom(self) -> tuple[int, int]:
        sign = self.pattern[self.at]
        self.at += 1
        if sign == "\\":
            escaped = self.pattern[self.at]
            self.at += 1
            if escaped.isdigit():
                raise _Unsafe(f"it refers back to group {escaped}")
            if escaped.isalpha() and escaped not in _ESCAPES:
                raise _Unsafe(f"\\{escaped} is not allowed")
        elif sign == "[":
            self.character_class()
        elif sign == "(":
            return self.group()
        elif sign == "{":
            raise _Unsafe("write \\{ for a brace that is no repeat")
        return 1, 0

    def group(self) -> tuple[int, int]:
        if self.peek("?:"):
            self.at += 2
        elif self.peek("?"):
            raise _Unsafe(f"the group ({self.pattern[self.at : self.at + 2]}…) is not allowed")
        inside = self.branches()
        self.at += 1
        return inside

    def character_class(self) -> None:
        if self.peek("^"):
            self.at += 1
        first = True
        while first or not self.peek("]"):
            first = False
            self.at += 2 if self.peek("\\") else 1
        self.at += 1

    def repeated(self, ways: int, opens: int) -> tuple[int, int]:
        """The counts of an atom together with the repeat that follows it."""
        least, most = self.limits()
        if least is None:
            return ways, opens
        if self.at < len(self.pattern) and self.pattern[self.at] in "?+*":
            raise _Unsafe("a repeat may not be followed by ?, + or *")
        if most is None:
            if ways > 1 or opens:
                raise _Unsafe("a repeat without limit holds a choice or another repeat")
            return 1, 1
        if opens and most > 1:
            raise _Unsafe("a repeat holds a repeat without limit")
        if most > MOST_WAYS:
            raise _Unsafe(f"a repeat of up to {most} is too long, {MOST_WAYS} are allowed")
        return sum(min(ways**count, 10**7) for count in range(least, most + 1)), opens

    def limits(self) -> tuple[int | None, int | None]:
        """The least and most counts of the repeat at this place; no least if there is none, no most if it is open."""
        for sign, limits in (("?", (0, 1)), ("*", (0, None)), ("+", (1, None))):
            if self.peek(sign):
                self.at += 1
                return limits
        found = _LIMITS.match(self.pattern, self.at)
        if found is None:
            return None, None
        self.at = found.end()
        least, comma, most = found.groups()
        if not comma:
            return int(least), int(least)
        return int(least), int(most) if most else None
