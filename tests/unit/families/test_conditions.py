"""What a condition rule may not say, and that every check that can be named is made."""

from __future__ import annotations

from typing import Any

import pytest

from engine.families.conditions import check
from engine.model.condition import CHECKS, NO_CHECK
from engine.runs.reviewing import conditions

NOTHING: dict[str, Any] = {"acts": [], "kinds": [], "most": 0, "imports": [], "max_age": 0}


@pytest.mark.parametrize(
    ("terms", "flaws"),
    [
        ({"check": "approvals", "acts": ["rerate"]}, []),
        ({"check": "quality", "kinds": ["usage-total"], "most": 3}, []),
        ({"check": "imports-fresh", "imports": ["rates"], "max_age": 1}, []),
        ({"check": "tax-ready", "acts": ["rerate"], "most": 1}, ["acts", "most"]),
        ({"check": "imports-fresh", "max_age": 1}, ["check"]),
        ({"check": "approvals", "imports": ["rates"]}, ["imports"]),
    ],
)
def test_what_a_check_has_no_use_for_is_a_flaw(terms: dict[str, Any], flaws: list[str]) -> None:
    assert [flaw.path[0] for flaw in check({**NOTHING, **terms})] == flaws


def test_every_check_that_a_rule_can_name_is_made() -> None:
    assert conditions.CHECKS.keys() == CHECKS.keys() - {NO_CHECK}
