"""What was given up of a document, divided over what it is taxed at."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.runs.tax.relief import shares

D = Decimal


def placed(*parts: tuple[str, str, str]) -> list[tuple[str, Any]]:
    return [(account, SimpleNamespace(net=D(net), tax=D(tax))) for account, net, tax in parts]


@pytest.mark.parametrize(
    ("amount", "posted", "parts", "wanted"),
    [
        # 2 % of 100 at 21 % and 100 at 9 %: 4.60 with 0.60 of tax
        ("4.60", {"2200": D("0.60")}, [("2200", "100", "21"), ("2200", "100", "9")], [("2.00", "0.42"), ("2.00", "0.18")]),
        # what is exempt has its part of the net amount
        ("22.10", {"2200": D("2.10")}, [("2200", "100", "21"), ("2200", "100", "0")], [("10.00", "2.10"), ("10.00", "0")]),
        # two countries, each with an account of its own
        ("44", {"21": D("2.10"), "22": D("1.90")}, [("21", "100", "21"), ("22", "100", "19")], [("20.00", "2.10"), ("20.00", "1.90")]),
        # taken back
        ("-4.60", {"2200": D("-0.60")}, [("2200", "100", "21"), ("2200", "100", "9")], [("-2.00", "-0.42"), ("-2.00", "-0.18")]),
        # taken back by a credit note, whose lines are below zero
        ("-4.60", {"2200": D("-0.60")}, [("2200", "-100", "-21"), ("2200", "-100", "-9")], [("-2.00", "-0.42"), ("-2.00", "-0.18")]),
        # no tax was lowered, and what was posted elsewhere is none
        ("4.60", {"4910": D("4.60")}, [("2200", "100", "21")], []),
    ],
)  # fmt: skip
def test_worked_numbers(amount: str, posted: dict[str, Decimal], parts: Any, wanted: Any) -> None:
    assert shares(D(amount), posted, placed(*parts), "EUR") == [(D(net), D(tax)) for net, tax in wanted]


CENTS = st.integers(0, 10**6).map(lambda cents: D(cents) / 100)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), CENTS, CENTS), min_size=1, max_size=6), CENTS, CENTS, CENTS)
def test_no_cent_is_lost(parts: Any, tax: Decimal, other: Decimal, net: Decimal) -> None:
    lines = [(account, SimpleNamespace(net=one, tax=two)) for account, one, two in parts]
    posted = {"a": tax, "b": other}
    found = shares(tax + other + net, posted, lines, "EUR")
    for account, whole in posted.items():
        mine = [part[1] for (own, _), part in zip(lines, found, strict=False) if own == account]
        if found and any(line.tax for own, line in lines if own == account):
            assert sum(mine) == whole
        assert all(part >= 0 for part in mine)
    if found and any(line.net for _, line in lines):
        assert sum(part for both in found for part in both) == tax + other + net
