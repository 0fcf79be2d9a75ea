"""What will be released, what renewals would add, and how wrong a forecast was."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from engine.revenue.forecast import Ending, Following, Missed, mape, merged, months_from, released, renewed, repeated

D = Decimal
MONTHS = months_from(date(2026, 11, 20), 3)


def test_months_follow_one_another_and_what_is_overdue_comes_first() -> None:
    assert [date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)] == MONTHS
    planned = [(date(2026, 11, 30), D(10)), (date(2027, 1, 1), D(5)), (date(2027, 2, 1), D(99))]
    assert released(planned, D(3), MONTHS) == [D(13), D(0), D(5)]


def test_renewals_go_on_at_the_price_of_a_day_lifted_and_less_likely_each_time() -> None:
    following = (
        Following(date(2026, 11, 16), date(2026, 12, 16), D("0.1"), D("0.5")),
        Following(date(2026, 12, 16), date(2027, 2, 1), D(0), D("0.5")),
    )
    ending = Ending("EUR", D(300), date(2026, 10, 17), date(2026, 11, 16), following)  # 10 a day
    assert renewed(ending, MONTHS) == [
        D("82.50"),
        D("126.50"),
        D("85.25"),
    ]  # 15 at 5.5; 15 at 5.5 and 16 at 2.75; 31 at 2.75
    assert renewed(Ending("JPY", D(300), date(2026, 10, 17), date(2026, 11, 16), ()), MONTHS) == [0, 0, 0]


def test_a_service_that_goes_on_is_repeated_until_it_ends() -> None:
    found = list(repeated(date(2026, 11, 16), timedelta(30), date(2027, 1, 1), D("0.9")))
    assert [(one.start, one.until) for one in found] == [
        (date(2026, 11, 16), date(2026, 12, 16)),
        (date(2026, 12, 16), date(2027, 1, 1)),
    ]
    assert list(repeated(date(2026, 11, 16), timedelta(30), date(2026, 11, 16), D(1))) == []


def test_the_error_is_the_mean_share_of_what_was_recognised() -> None:
    missed = [
        Missed(date(2026, 1, 1), "EUR", D(90), D(100)),
        Missed(date(2026, 2, 1), "EUR", D(130), D(100)),
        Missed(date(2026, 3, 1), "EUR", D(5), D(0)),
    ]
    assert [one.error for one in missed] == [D("0.1"), D("0.3"), None]
    assert mape(missed) == {"EUR": D("0.2")}
    assert merged([("EUR", [D(1), D(2)]), ("EUR", [D(1), D(0)])]) == {"EUR": [D(2), D(2)]}
