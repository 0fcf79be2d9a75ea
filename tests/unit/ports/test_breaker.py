"""The circuit breaker: when it opens, whom it admits, and what closes it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.ports.breaker import Breaker, Resting
from engine.ports.contracts import TestClock


def called(breaker: Breaker, good: bool) -> bool:
    """Whether a call was admitted; it ends as it is told."""
    admitted = breaker.admit()
    if isinstance(admitted, Resting):
        return False
    breaker.done(good, admitted)
    return True


@pytest.mark.parametrize(
    ("calls", "resting"),
    [
        ("", False),
        ("--", False),
        ("---", True),
        ("--+--", False),
        ("--+---", True),
        ("+++---", True),
    ],
)
def test_it_opens_after_failures_in_a_row(calls: str, resting: bool) -> None:
    breaker = Breaker(3, 60, TestClock())
    for call in calls:
        assert called(breaker, call == "+")
    assert (breaker.resting() is not None) == resting


def test_it_says_since_when_and_until_when() -> None:
    clock = TestClock()
    breaker = Breaker(1, 60, clock)
    began = clock.now()
    called(breaker, False)
    assert breaker.resting() == Resting(began, began + timedelta(seconds=60))
    clock.pause(60)
    assert breaker.resting() is None
    assert called(breaker, False)
    assert breaker.resting() == Resting(began, began + timedelta(seconds=120))


def test_one_trial_after_the_cool_down() -> None:
    clock = TestClock()
    breaker = Breaker(2, 60, clock)
    called(breaker, False)
    called(breaker, False)
    clock.pause(59)
    assert isinstance(breaker.admit(), Resting)
    clock.pause(1)
    assert breaker.admit() is True
    assert isinstance(breaker.admit(), Resting)
    breaker.done(False, True)
    clock.pause(60)
    assert breaker.admit() is True
    breaker.done(True, True)
    assert [called(breaker, good) for good in (True, False, True)] == [True, True, True]
    called(breaker, False)
    assert breaker.resting() is None


def test_what_began_before_it_opened_does_not_close_it() -> None:
    breaker = Breaker(1, 60, TestClock())
    early = breaker.admit()
    assert early is False
    called(breaker, False)
    breaker.done(True, early)
    assert breaker.resting() is not None
