"""Sets of values in words, and examples out of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engine.rulebook.values import Domain, Values, join, meet

NUMBER, WHOLE, DAY = Domain("number"), Domain("whole", low=1), Domain("date")
TEXT, WORD = Domain("string", nullable=True), Domain("word", ("a", "b", "c"))


def between(domain: Domain, low: Any, high: Any, signs: str = ">= <") -> Values:
    more, less = signs.split()
    return meet(domain.compared(more, low), domain.compared(less, high))


@pytest.mark.parametrize(
    ("domain", "values", "said", "example"),
    [
        (NUMBER, NUMBER.compared(">=", Decimal(1000)), "from 1000 up", Decimal(1000)),
        (NUMBER, NUMBER.compared(">", Decimal(5)), "above 5", Decimal(6)),
        (NUMBER, NUMBER.compared("<", Decimal(5)), "below 5", Decimal(4)),
        (NUMBER, NUMBER.compared("<=", Decimal(5)), "up to and including 5", Decimal(5)),
        (NUMBER, between(NUMBER, Decimal(1), Decimal(2), "> <="), "above 1 and up to and including 2", Decimal("1.5")),
        (NUMBER, between(NUMBER, Decimal(1), Decimal(9)), "from 1 and below 9", Decimal(1)),
        (NUMBER, NUMBER.points([Decimal(3), Decimal(1)]), "1 or 3", Decimal(1)),
        (WHOLE, WHOLE.compared("<", Decimal("3.5")), "from 1 and below 4", Decimal(1)),
        (WHOLE, WHOLE.compared(">", Decimal(3)), "from 4 up", Decimal(4)),
        (DAY, DAY.compared(">", date(2026, 1, 31)), "from 2026-02-01 up", date(2026, 2, 1)),
        (DAY, DAY.compared(">", date.max), "", None),
        (TEXT, TEXT.points(["x", None]), '"x" or null', "x"),
        (TEXT, TEXT.opposite(TEXT.points(["x"])), 'other than "x" or null', "other"),
        (TEXT, TEXT.points([None]), "null", None),
        (WORD, WORD.opposite(WORD.points(["b"])), '"a" or "c"', "a"),
    ],
)
def test_sets_in_words(domain: Domain, values: Values, said: str, example: Any) -> None:
    assert (domain.said(values), domain.example(values)) == (said, example)


def test_neighbours_become_one_span() -> None:
    assert join(WHOLE.points([2, 3]), WHOLE.points([1])) == between(WHOLE, 1, 4)
    assert WORD.points(["a", "b", "c"]) == WORD.full
    assert TEXT.opposite(TEXT.opposite(TEXT.points(["x"]))) == TEXT.points(["x"])
