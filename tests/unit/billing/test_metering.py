"""Daily sums to quantities."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest

from engine.base.errors import TollbookError
from engine.base.period import Period
from engine.billing.counting import UNMATCHED
from engine.billing.detail import BY_METER
from engine.billing.metering import Metered, buckets, metered
from engine.model.usage import UsageDay
from tests.unit.billing.simulator import METERS, Shop, charge, decision, per_unit

D = Decimal


def day(number: int, quantity: str, events: int, last: int, peak: str, meter: str) -> UsageDay:
    return UsageDay(5, meter, date(2026, 1, number), D(quantity), events, last, D(peak))


def days(meter: str) -> list[UsageDay]:
    return [
        day(1, "10", 4, 11, "7", meter),
        day(9, "2.5", 2, 99, "2", meter),
        day(10, "-3", 1, 42, "-3", meter),
        day(31, "4", 4, 77, "1", meter),
        day(20, "1000", 9, 500, "1000", "other"),
    ]


@pytest.mark.capability("A2.2")
@pytest.mark.parametrize(
    ("meter", "first", "last", "expected"),
    [
        ("calls", 1, 32, Metered(D("13.5"), 11, 99)),
        ("calls", 9, 10, Metered(D("2.5"), 2, 99)),
        ("calls", 10, 31, Metered(D("-3"), 1, 42)),
        ("calls", 2, 9, Metered(D(0), 0, 0)),
        ("logins", 1, 32, Metered(D(11), 11, 99)),
        ("logins", 31, 32, Metered(D(4), 4, 77)),
        ("peak", 1, 32, Metered(D(7), 11, 99)),
        ("peak", 9, 32, Metered(D(2), 7, 99)),
        ("peak", 2, 9, Metered(D(0), 0, 0)),
    ],
)
def test_metered(meter: str, first: int, last: int, expected: Metered) -> None:
    end = date(2026, 2, 1) if last == 32 else date(2026, 1, last)
    assert metered(days(meter), METERS[meter], Period(date(2026, 1, first), end)) == expected


class TestUnmatched:
    def shop(self) -> Shop:
        fees = [charge("calls", "usage", "arrears", meter="calls"), charge("fee", meter="logins")]
        one = Shop(fees, {"p/calls": per_unit("1"), "p/fee": per_unit("1")})
        one.know("start", date(2026, 1, 10), "p", 1)
        return one

    def test_usage_before_the_start_of_an_unknown_meter_and_of_no_usage_charge(self) -> None:
        one = self.shop()
        one.use(date(2026, 1, 9), 5)
        one.use(date(2026, 1, 11), 5)
        one.use(date(2026, 1, 12), 1, "logins")  # named by a charge that is not for usage
        one.use(date(2026, 1, 13), 1, "storms")
        found = one.preview(date(2026, 2, 1)).findings
        assert [(f.code, f.level, f.subject) for f in found] == [(UNMATCHED, "warning", "subscription/S-1")] * 3
        assert [f.what.split(" are ")[0] for f in found] == [
            "1 calls events on 2026-01-09..2026-01-09",
            "1 logins events on 2026-01-12..2026-01-12",
            "1 storms events on 2026-01-13..2026-01-13",
        ]

    def test_it_is_billed_once_the_subscription_is_corrected(self) -> None:
        one = self.shop()
        one.know("pause", date(2026, 1, 15))
        one.use(date(2026, 1, 20), 5)
        assert len(one.preview(date(2026, 2, 1)).findings) == 1
        one.run(date(2026, 2, 1))
        assert one.preview(date(2026, 2, 2)).findings == ()
        one.know("resume", date(2026, 1, 20))
        made = one.run(date(2026, 2, 2))
        assert [(c.charge, c.amount) for c in made if c.charge == "calls"] == [("calls", D("5.00"))]
        assert one.preview(date(2026, 2, 2)).findings == ()

    def test_a_plan_that_is_no_longer_in_the_catalogue_is_no_crash(self) -> None:
        one = self.shop()
        one.know("cancel", date(2026, 2, 1))
        one.run(date(2026, 3, 1))
        one.use(date(2026, 3, 5), 1)
        assert len(one.preview(date(2026, 4, 1)).findings) == 1


JANUARY = Period(date(2026, 1, 15), date(2026, 2, 3))


@pytest.mark.parametrize(
    ("per", "count", "first", "last"),
    [
        ("day", 19, ("2026-01-15", "2026-01-16"), ("2026-02-02", "2026-02-03")),
        ("week", 4, ("2026-01-12", "2026-01-19"), ("2026-02-02", "2026-02-09")),
        ("month", 2, ("2026-01-01", "2026-02-01"), ("2026-02-01", "2026-03-01")),
    ],
)
def test_buckets_cut_days_and_know_their_whole(
    per: str, count: int, first: tuple[str, str], last: tuple[str, str]
) -> None:
    found = buckets(JANUARY, per)
    assert len(found) == count
    assert [(str(whole.start), str(whole.end)) for _, whole in (found[0], found[-1])] == [first, last]
    assert found[0][0].start == JANUARY.start and found[-1][0].end == JANUARY.end
    assert all(one[0].end == other[0].start for one, other in pairwise(found))


def test_a_price_by_day_adds_up_all_meters_of_a_charge_and_refuses_terms_for_each() -> None:
    both = charge("calls", "usage", "arrears", meter="calls", meters="calls;peak")
    shop = Shop(
        [both], {"p/calls": per_unit("1", per="day", before=[{"free": D(2), "prorated": False, "round": "none"}])}
    )
    shop.know("start", date(2026, 1, 1), "p", 1)
    shop.use(date(2026, 1, 5), 3)
    shop.use(date(2026, 1, 5), 2, "peak")
    shop.use(date(2026, 1, 9), 4, "peak")
    assert [one.amount for one in shop.run(date(2026, 2, 1))] == [D(3 + 2)]  # 5 and 4, of which 2 a day are free
    tiers = [{"price": {"EUR": D(1)}, "limits": {"calls": D(9)}}, {"price": {"EUR": D(2)}, "limits": {}}]
    shop = Shop([both], {"p/calls": decision("pricing", "capacity", per="day", tiers=tiers)})
    shop.know("start", date(2026, 1, 1), "p", 1)
    shop.use(date(2026, 1, 5), 3)
    with pytest.raises(TollbookError) as caught:
        shop.run(date(2026, 2, 1))
    assert caught.value.findings[0].code is BY_METER
