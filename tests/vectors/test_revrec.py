"""Contracts of the standards' examples and of our own, through rules generated from each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vectors import revrec
from tests.vectors.reading import supported


def every(vector: dict[str, Any]) -> bool:
    return True


@pytest.mark.capability("A5.1")
@pytest.mark.capability("A5.2")
@pytest.mark.parametrize("vector", supported("revrec", "cases", every))
def test_case(vector: dict[str, Any]) -> None:
    outcome = revrec.run(vector, {})
    assert outcome.status == "passed", (outcome.expected, outcome.actual)


def test_a_wrong_figure_fails_and_an_unknown_one_is_not_passed_over() -> None:
    case = {
        "id": "own",
        "currency": "EUR",
        "contract": {
            "start": "2026-01-01",
            "end": "2026-12-31",
            "elements": [{"id": "s", "price": "1200", "method": "straight_line_monthly"}],
        },
        "expected": {"schedule": {"2026-01..2026-12": "100.00"}},
    }
    assert revrec.run(case, {}).status == "passed"
    assert revrec.run(case | {"expected": {"schedule": {"2026-01..2026-12": "100.01"}}}, {}).status == "failed"
    assert revrec.run(case | {"expected": {"schedule": {"2026-01..2026-11": "100.00"}}}, {}).status == "failed"
    assert revrec.run(case | {"expected": {"total": "1200.01"}}, {}).status == "failed"
    assert revrec.run(case | {"expected": {"horoscope": "1"}}, {}).status == "not supported"
