"""What running one vector came to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import msgspec

Status = Literal["passed", "failed", "not supported"]
Document = Mapping[str, Any]
Case = Mapping[str, Any]


class Outcome(msgspec.Struct, frozen=True):
    """One vector: its ``id``, whether the engine gave what it states, and both where it did not."""

    id: str
    status: Status
    expected: str = ""
    actual: str = ""


Runner = Callable[[Case, Document], Outcome]
"""Runs one case of a section; the document is there for what its head says (currency, rounding)."""


class Sheet(msgspec.Struct, frozen=True):
    """A kind of file: the sections that it may have, each with what runs its cases.

    A section without a runner counts its cases as not supported.
    """

    name: str
    sections: Mapping[str, Runner | None]


def judged(case: Case, expected: Any, actual: Any, *, same: bool | None = None) -> Outcome:
    """Passed if both are equal (or ``same`` says so), else failed with both."""
    good = expected == actual if same is None else same
    return (
        Outcome(str(case["id"]), "passed") if good else Outcome(str(case["id"]), "failed", str(expected), str(actual))
    )


def unsupported(case: Case, why: str) -> Outcome:
    """What the engine has no way to express."""
    return Outcome(str(case["id"]), "not supported", actual=why)


def multiset(items: Iterable[Any]) -> list[Any]:
    """Items in an order that does not depend on how they came."""
    return sorted(items, key=repr)
