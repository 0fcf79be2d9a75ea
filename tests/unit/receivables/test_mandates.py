"""When a mandate lets us collect, as what, and what of it the debtor's bank is told."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base import target_days
from engine.base.period import add_months
from engine.model.direct_debit import SepaMandate, Use
from engine.receivables.debiting import earliest, goes_out
from engine.receivables.mandates import standing

MANDATE = SepaMandate(
    *(1, "t", "E1", "M-1", "A1", "CORE", "recurrent", "One", "NL91ABNA0417164300", "", "", date(2023, 1, 31))
)


def used(due: str, state: str = "settled", sequence: str = "RCUR", version: int = 1, **back: object) -> Use:
    return Use(version, date.fromisoformat(due), sequence, state, **back)  # type: ignore[arg-type]


def back(due: str, state: str, code: str, kind: str, on: str) -> Use:
    return used(due, state, code=code, kind=kind, back=date.fromisoformat(on))


@pytest.mark.parametrize(
    ("changes", "uses", "due", "sequence", "fault"),
    [
        ({}, [], "2023-02-01", "FRST", ""),
        ({}, [back("2023-02-01", "rejected", "AM04", "retry", "2023-02-01")], "2023-03-01", "FRST", ""),
        ({}, [back("2023-02-01", "returned", "AM04", "retry", "2023-02-03")], "2023-03-01", "RCUR", ""),
        ({}, [used("2023-02-01", "sent")], "2023-03-01", "RCUR", ""),
        ({"last_collected": date(2023, 2, 1)}, [], "2023-03-01", "RCUR", ""),
        ({"final": True}, [used("2023-02-01")], "2023-03-01", "FNAL", ""),
        (
            {"final": True},
            [used("2023-02-01", sequence="FNAL")],
            "2023-03-01",
            "FNAL",
            "its last collection was due on 2023-02-01",
        ),
        ({"kind": "one_off"}, [], "2023-02-01", "OOFF", ""),
        ({"kind": "one_off"}, [used("2023-02-01", sequence="OOFF")], "2023-03-01", "OOFF", "its only collection"),
        (
            {"kind": "one_off"},
            [back("2023-02-01", "rejected", "AM04", "retry", "2023-02-01")],
            "2023-03-01",
            "OOFF",
            "",
        ),
        ({}, [], "2023-01-30", "FRST", "signed on 2023-01-31"),
        ({"cancelled_on": date(2023, 3, 1)}, [], "2023-02-28", "FRST", ""),
        ({"cancelled_on": date(2023, 3, 1)}, [], "2023-03-01", "FRST", "cancelled on 2023-03-01"),
        # 36 months from the last collection presented, also one that came back; from the signature where there was none
        ({}, [], "2026-01-31", "FRST", ""),
        ({}, [], "2026-02-01", "FRST", "nothing was collected since 2023-01-31"),
        ({}, [used("2023-06-30")], "2026-06-30", "RCUR", ""),
        ({}, [used("2023-06-30")], "2026-07-01", "RCUR", "36 months later, on 2026-06-30"),
        ({}, [back("2023-06-30", "rejected", "AM04", "retry", "2023-06-30")], "2026-06-30", "FRST", ""),
        ({"last_collected": date(2024, 2, 29)}, [], "2027-03-01", "RCUR", "on 2027-02-28"),
        # what came back for good has to be looked at
        ({}, [back("2023-02-01", "returned", "AC04", "account_closed", "2023-02-03")], "2023-03-01", "RCUR", "AC04"),
        ({}, [back("2023-02-01", "returned", "MD06", "dispute", "2023-02-20")], "2023-03-01", "RCUR", "MD06"),
        (
            {"confirmed_on": date(2023, 2, 20)},
            [back("2023-02-01", "returned", "MD06", "dispute", "2023-02-20")],
            "2023-03-01",
            "RCUR",
            "",
        ),
        (
            {"confirmed_on": date(2023, 2, 19)},
            [back("2023-02-01", "returned", "MD01", "mandate_invalid", "2023-02-20")],
            "2023-03-01",
            "RCUR",
            "MD01",
        ),
    ],
)
def test_how_a_mandate_stands(changes: dict[str, object], uses: list[Use], due: str, sequence: str, fault: str) -> None:
    found = standing(msgspec.structs.replace(MANDATE, **changes), uses, date.fromisoformat(due), first="FRST")
    assert found.sequence == sequence
    assert fault in found.fault and bool(found.fault) == bool(fault)


@given(st.lists(st.integers(0, 2000), max_size=6), st.integers(0, 4000))
def test_it_lapses_36_months_after_the_last_collection(days: list[int], after: int) -> None:
    dues = sorted(MANDATE.signed_on + timedelta(n) for n in days)
    due = MANDATE.signed_on + timedelta(after)
    found = standing(MANDATE, [used(one.isoformat()) for one in dues], due)
    assert ("lapsed" in found.fault) == (due > add_months(max(dues, default=MANDATE.signed_on), 36))


def test_the_bank_is_told_what_has_changed() -> None:
    before = msgspec.structs.replace(MANDATE, id=7, iban="DE89370400440532013000")
    due = date(2023, 3, 1)
    told = standing(MANDATE, [used("2023-02-01", version=7)], due, versions={7: before})
    assert told.amended == {"iban": "DE89370400440532013000"}
    rejected = [used("2023-02-01", version=7), back("2023-02-10", "rejected", "AM04", "retry", "2023-02-10")]
    assert standing(MANDATE, rejected, due, versions={7: before, 1: MANDATE}).amended == told.amended
    again = [*rejected, used("2023-02-20", version=1)]
    assert standing(MANDATE, again, due, versions={7: before, 1: MANDATE}).amended == {}
    renamed = msgspec.structs.replace(MANDATE, replaces="OLD")
    assert standing(renamed, [], due).amended == {"reference": "OLD"}


@pytest.mark.parametrize(
    ("due", "on", "told", "notice", "back_on", "expected"),
    [
        ("2026-03-01", "2026-02-01", "2026-02-01", 14, None, "2026-03-02"),  # a Sunday
        ("2026-02-10", "2026-02-01", "2026-02-01", 14, None, "2026-02-16"),
        ("2026-02-10", "2026-02-05", None, 14, None, "2026-02-19"),
        ("2026-02-10", "2026-02-20", "2026-02-01", 14, None, "2026-02-20"),
        ("2026-02-10", "2026-02-20", "2026-02-01", 14, "2026-02-18", "2026-02-25"),
        ("2026-02-10", "2026-02-01", None, 0, None, "2026-02-10"),
    ],
)
def test_the_day_of_collection(
    due: str, on: str, told: str | None, notice: int, back_on: str | None, expected: str
) -> None:
    days = [None if day is None else date.fromisoformat(day) for day in (due, on, told, back_on)]
    assert days[0] and days[1]
    assert earliest(days[0], days[1], days[2], notice, days[3], 7) == date.fromisoformat(expected)


@given(st.dates(date(2024, 1, 1), date(2030, 1, 1)), st.integers(1, 14))
def test_it_goes_out_on_a_day_of_settlement_before(day: date, ahead: int) -> None:
    due = target_days.on_or_after(day)
    assert target_days.shifted(goes_out(due, ahead), ahead) == due
