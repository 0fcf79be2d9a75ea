"""Killed at any moment, gone on with, the books are those of a command that was never disturbed."""

from __future__ import annotations

import random

import pytest

from tests.faults.trials import SCENARIOS, Yard

TRIALS = {"bill": 6, "bill with 2 workers": 1, "import": 2, "deliver": 1}
"""Trials of each scenario on each database; `make simulate-kills` makes many more."""


@pytest.mark.capability("A1.2")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_killed_anywhere(yard: Yard, scenario) -> None:
    """Seeded deaths, at moments and at calls, also of the command that goes on."""
    draw = random.Random(f"{scenario.name} {yard.ground.name}")
    struck = 0
    for _ in range(TRIALS[scenario.name]):
        trial = yard.trial(scenario, draw)
        assert not trial.differences, trial
        struck += trial.struck
    assert struck
