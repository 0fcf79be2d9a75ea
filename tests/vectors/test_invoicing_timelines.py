"""What is billed, given back, and when, as terms change: a published system's timelines, by its flavour of rules."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.vectors.invoicing_timelines import SECTIONS
from tests.vectors.reading import supported

CHOSEN = {"balances": {"bal-01", "bal-02", "bal-07", "bal-10", "bal-12", "bal-15", "bal-18"}}
"""Of sections whose cases are companies of their own, those that share least; `make vectors` runs all."""

FILE = "invoicing_timelines"


@pytest.mark.capability("A2.2")
@pytest.mark.parametrize("section", [name for name, runner in SECTIONS.items() if runner])
def test_section(section: str) -> None:
    """Every vector of a section."""
    runner = SECTIONS[section]
    cases: list[Any] = [one.values[0] for one in supported(FILE, section, lambda one: True)]
    if cases == [None] or runner is None:
        pytest.skip("the shared vectors (../shared/vectors) are not here")
    cases = [one for one in cases if one["id"] in CHOSEN.get(section, {one["id"]})] or cases
    wrong = [outcome for one in cases if (outcome := runner(one, {})).status != "passed"]
    assert wrong == []


def test_a_wrong_amount_fails() -> None:
    """The runner can fail: a line that is one cent off is told with its step."""
    terms = {"sub": "a", "from": date(2026, 1, 1), "plan": "p", "price": "31", "bcd": 1}
    line = {"kind": "RECURRING", "sub": "a", "from": date(2026, 1, 1), "to": date(2026, 2, 1), "amount": "31.01"}
    steps = [{"terms": terms}, {"bill": {"target": date(2026, 1, 1), "expect": [line]}}]
    runner = SECTIONS["timelines"]
    assert runner is not None
    made = runner({"id": "own", "steps": steps}, {})
    assert made.status == "failed" and made.expected.startswith("step 2")
