"""Cycles, stubs and slices of a published system, by its flavour of rules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vectors.proration_periods import SECTIONS
from tests.vectors.reading import supported

FILE = "proration_periods"


@pytest.mark.capability("A2.3")
@pytest.mark.parametrize("section", SECTIONS)
def test_section(section: str) -> None:
    """Every vector of a section; where the file is there it has some of each but one."""
    cases: list[Any] = [one.values[0] for one in supported(FILE, section, lambda one: True)]
    if cases == [None]:
        pytest.skip("the shared vectors (../shared/vectors) are not here")
    wrong = [outcome for one in cases if (outcome := SECTIONS[section](one, {})).status != "passed"]
    assert wrong == []
