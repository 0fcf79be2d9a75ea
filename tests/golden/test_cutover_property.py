"""Cut over at any month boundary, the documents from then on are those of a company that was billed here from the start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from random import Random

import pytest

from engine.app import App
from tests import cutovers, stories

EVENT = "entity,subscription,key,kind,on,plan,quantity"
USAGE = "entity,subscription,meter,key,at,quantity"
MONTHS = tuple(f"2026-{month:02d}-01" for month in range(1, 10))
RATES = tuple(
    f"EUR,{quote},{rate},ECB,{month}" for month in MONTHS for quote, rate in (("USD", "1.0838"), ("JPY", "184.09"))
)
PRICES = """
ruleset: pricing/more
scope: plan == "pro" or plan == "year"
effective: {from: 2020-01-01}
priority: 10
rules:
  - {id: year, when: plan == "year", then: {method: per_unit, unit: [99 EUR, 120 USD, 15000 JPY]}}
  - {id: seats, when: charge.key == "seats", then: {method: per_unit, unit: [19.90 EUR, 21 USD, 3000 JPY]}}
  - {id: base, when: charge.key == "base", then: {method: flat, price: [99.99 EUR, 120 USD, 15000 JPY]}}
  - {id: care, when: charge.key == "care", then: {method: flat, price: [7 EUR, 8 USD, 900 JPY]}}
"""
FILES: Mapping[str, Sequence[str]] = {
    "rates": (*stories.FILES["rates"], *RATES),
    "plans": stories.add("plans", "pro,Pro", "year,Yearly"),
    "charges": stories.add(
        "charges",
        "pro,base,Base fee,recurring,advance,1,,month,team,standard",
        "pro,seats,Seats,recurring,advance,1,,seat,team,standard",
        "pro,care,Care,recurring,arrears,3,,month,team,standard",
        "year,licence,Licence,recurring,advance,12,,seat,team,standard",
    ),
    "subscriptions": stories.add("subscriptions", "E1,S6,A1,10", "E1,S7,A2,15"),
    "subscription_events": (
        *stories.FILES["subscription_events"],
        "E1,S6,1,start,2026-01-10,year,2",
        "E1,S7,1,start,2026-01-20,pro,2",
    ),
}
STORY: Mapping[str, Sequence[str]] = {
    "2026-02-01": ("E1,S1,2,change,2026-01-20,,8", "E1,S7,2,change,2026-01-25,,3"),
    "2026-03-01": ("E1,S4,2,pause,2026-02-10,,", "E1,S6,2,change,2026-02-17,,5"),
    "2026-05-01": ("E1,S1,3,change,2026-04-15,pro,3", "E1,S4,3,resume,2026-05-05,,"),
    "2026-06-01": ("E1,S2,2,cancel,2026-05-11,,", "E1,S3,2,change,2026-05-20,,4"),
    "2026-07-01": ("E1,S1,4,change,2026-03-15,,9", "E1,S6,3,cancel,2026-06-30,,"),
    "2026-08-01": ("E1,S7,3,change,2026-04-02,,1", "E1,S4,4,cancel,2026-07-09,,"),
}
"""Subscription events by the month in which they become known; those of July and August reach back."""


def drawn(seed: int) -> dict[str, list[str]]:
    """Changes that a seed makes, some of them known late."""
    random = Random(f"cut-over/{seed}")
    made: dict[str, list[str]] = {}
    for subscription in ("S1", "S2", "S3", "S4", "S6", "S7"):
        for number, month in enumerate(MONTHS[1:], 2):
            if random.random() < 0.4:
                on = date.fromisoformat(month).toordinal() - random.choice((1, 5, 12, 20, 45, 70))
                day = max(date.fromordinal(on), date(2026, 2, 2))
                row = f"E1,{subscription},{number},change,{day},,{random.randint(1, 9)}"
                made.setdefault(month, []).append(row)
    return made


def advance(app: App, folder: Path, month: str, story: Mapping[str, Sequence[str]], billing: bool) -> None:
    """Deliver what became known of a month, and bill it."""
    used = (f"E1,S5,calls,{month}/{n},{month[:8]}{n:02d}T10:00:00+01:00,{n}" for n in range(1, 28))
    files = {"usage": (USAGE, *used), "subscription_events": (EVENT, *story.get(month, ()))}
    assert not [f for f in stories.load(app, stories.deliver(folder, month, **files)).findings if f.level == "error"]
    if billing:
        assert not [f for f in stories.bill(app, month).findings if f.level != "info"]


def run_both(tmp_path: Path, urls: tuple[str, str], cut: str, story: Mapping[str, Sequence[str]]) -> None:
    """Bill a company from the start, and another one from a cut-over on; they must say the same from then on."""
    folders = [tmp_path / "ours", tmp_path / "moved"]
    for folder in folders:
        folder.mkdir()
        stories.write(folder, rules={"pricing/more.yaml": PRICES}, **FILES)
    with stories.opened(folders[0], urls[0]) as ours, stories.opened(folders[1], urls[1]) as moved:
        for app, folder in ((ours, folders[0]), (moved, folders[1])):
            assert not stories.load(app, folder / "data").findings
        for month in MONTHS:
            if month == cut:
                files = cutovers.openings_of(ours, date.fromisoformat(cut))
                report = stories.load(moved, cutovers.deliver(folders[1], "openings", files))
                assert not [finding for finding in report.findings if finding.level == "error"]
            advance(ours, folders[0], month, story, billing=True)
            advance(moved, folders[1], month, story, billing=month >= cut)
        expected = cutovers.billed_from(ours, cut)
        assert len(expected) > 3
        assert cutovers.billed_from(moved, cut) == expected
        assert [str(finding) for found in moved.verify().values() for finding in found] == []


@pytest.mark.parametrize("cut", ["2026-02-01", "2026-04-01", "2026-07-01"])
def test_a_story_goes_on_as_if_it_had_been_billed_here(tmp_path: Path, database_url: str, cut: str) -> None:
    run_both(tmp_path, (f"sqlite:///{tmp_path / 'ours.db'}", database_url), cut, STORY)


@pytest.mark.parametrize("seed", range(2))
def test_drawn_changes_go_on_as_if_they_had_been_billed_here(tmp_path: Path, seed: int) -> None:
    cut = MONTHS[2 + seed]
    run_both(tmp_path, (f"sqlite:///{tmp_path / 'ours.db'}", f"sqlite:///{tmp_path / 'moved.db'}"), cut, drawn(seed))
