"""Token buckets: how many events pass, and what is left."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.web.buckets import Buckets, Left, Limit

LIMIT = Limit(10, 100, 50, 60)


def test_a_bucket_empties_and_fills() -> None:
    now = [0.0]
    buckets = Buckets(["a", "b"], lambda: now[0])
    told = []
    for at, cost in [(0, 60), (0, 50), (0, 40), (0, 0), (1, 0), (1, 10), (1.5, 9), (11.5, 100), (50, 0)]:
        now[0] = at
        told.append(buckets.take("a", cost, LIMIT))
    assert told == [
        Left(True, 40, 0, 6),
        Left(False, 40, 1, 6),
        Left(True, 0, 0, 10),
        Left(False, 0, 1, 10),
        Left(True, 10, 0, 9),
        Left(True, 0, 0, 10),
        Left(False, 5, 1, 10),
        Left(True, 0, 0, 10),
        Left(True, 100, 0, 0),
    ]
    assert buckets.take("b", 100, LIMIT).passed


def test_tokens_given_back_are_there_again_and_not_more() -> None:
    buckets = Buckets(["a"], lambda: 0.0)
    buckets.take("a", 100, LIMIT)
    buckets.give_back("a", 30, LIMIT)
    assert buckets.take("a", 0, LIMIT).tokens == 30
    buckets.give_back("a", 300, LIMIT)
    assert buckets.take("a", 0, LIMIT).tokens == 100


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 120)), max_size=40))
def test_never_more_passes_than_burst_and_rate_allow(steps: list[tuple[int, int]]) -> None:
    now = [0.0]
    buckets, passed = Buckets(["a"], lambda: now[0]), 0
    for tenths, cost in steps:
        now[0] += tenths / 10
        left = buckets.take("a", cost, LIMIT)
        passed += cost if left.passed else 0
        assert passed <= 100 + now[0] * 10 + 1e-6
        assert 0 <= left.tokens <= 100


@pytest.mark.capability("A2.6")
def test_processes_share_their_buckets() -> None:
    """Four processes take one by one out of a bucket that does not fill; together they get what was in it."""
    buckets = Buckets(["a"], lambda: 0.0)
    limit = Limit(1, 1_000, 1, 60)
    children, ends = [], []
    for _ in range(4):
        end, other = os.pipe()
        pid = os.fork()
        if not pid:
            got = sum(buckets.take("a", 1, limit).passed for _ in range(400))
            os.write(other, got.to_bytes(4, "big"))
            os._exit(0)
        os.close(other)
        children.append(pid)
        ends.append(end)
    assert sum(int.from_bytes(os.read(end, 4), "big") for end in ends) == 1_000
    for pid in children:
        os.waitpid(pid, 0)


def test_the_clock_of_the_server_is_the_same_in_all_processes() -> None:
    end, other = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(other, str(time.monotonic()).encode())
        os._exit(0)
    before = float(os.read(end, 40))
    os.waitpid(pid, 0)
    assert before <= time.monotonic()
