"""Matching and dunning by other rules, on the books as they were before each run."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from tests.golden.test_cash import NAMES, OTHER, billing, codes, day, owed, paid_by, written
from tests.stories import CHANGE

D = Decimal
FEBRUARY = date(2026, 2, 1)


def paid(app: App, folder: Path) -> None:
    """One customer pays all, two pay a little less; the run applies what it may."""
    due = owed(app)
    entries = [
        ("C", f"{due[key][1] - short:.2f}", f"BK{key}", NAMES[key], f"invoice {due[key][0]}")
        for key, short in (("B1", D(0)), ("B2", D("0.30")), ("B3", D("1.20")))
    ]
    paid_by(app, folder, *entries)
    assert {one.state for one in app.cash.match(day(4), CHANGE).entries} == {"applied"}


@pytest.mark.capability("B4.7")
def test_a_wider_tolerance_over_last_months_entries(tmp_path: Path, sqlite_url: str) -> None:
    """Payments that were suggested would be applied, and what is missing given up; the books are as they were."""
    with billing(written(tmp_path), sqlite_url) as app:
        paid(app, tmp_path)
        head = app.chain_head()
        found = app.simulation(sets={"matching/default.tolerance": "0.50"}).simulate(FEBRUARY, FEBRUARY)
        same = app.simulation(sets={"matching/default.tolerance": "0.05"}).simulate(FEBRUARY, FEBRUARY)
        assert app.chain_head() == head and not any(app.verify().values())
    assert found.runs == () and found.matching is not None and found.matching.drift == ()
    assert (found.matching.before.given_up, found.matching.after.given_up) == ({}, {"EUR": D("0.30")})
    (one,) = found.matching.changed
    assert (one.rule, one.other_rule) == ("part", "small-difference")
    assert found.matching.after.expected_wrong < found.matching.before.expected_wrong
    assert same.matching is not None and same.matching.changed == ()


@pytest.mark.capability("B4.7")
def test_a_tolerance_is_tried_proposed_and_watched(tmp_path: Path, sqlite_url: str) -> None:
    """The curve; a value outside the bounds; two persons; in force in the next release; a rate that leaves its band."""
    folder = written(tmp_path)
    with billing(folder, sqlite_url) as app:
        paid(app, tmp_path)
        desk, release = app.tuning, app.rulebook.release
        assert codes(lambda: desk.curve("matching/default", "tolerance", "9", months=None, count=2)) == [
            "rule.out-of-bounds"
        ]
        assert codes(lambda: desk.curve("matching/bank", "tolerance", "1", months=None, count=2)) == [
            "tune.unknown-parameter"
        ]
        found = desk.curve("matching/default", "tolerance", "0.50", months=None, count=2)
        assert [(one.value, one.now, one.asked) for one in found.points] == [
            ("0", False, False), ("0.05", True, False), ("0.5", False, True), ("5", False, False),
        ]  # fmt: skip
        assert [one.money.get("EUR", D(0)) for one in found.points] == [D(0), D(0), D("0.30"), D("1.50")]
        outcome = desk.propose(found, CHANGE, D("0.04"))
        assert outcome.approval is not None and not outcome.done
        number = outcome.approval.id
        assert codes(lambda: app.approvals.approve(number, CHANGE)) == ["approval.same-person"]
        app.approvals.approve(number, OTHER)
    with billing(folder, sqlite_url) as app:
        sheet = app.tuning.sheet("matching/default", "tolerance")
        assert (sheet.written, sheet.overridden, app.rulebook.release == release) == ("0.5", True, False)
        assert app.tuning.watch()[1] == []
        paid_by(app, tmp_path, ("C", "77.77", "BK9", "Nobody Known", "hello"), on=25)
        app.cash.match(day(25), OTHER)
        watched, findings = app.tuning.watch(OTHER)
        assert [len(one.outside) for one in watched] == [1] and [f.code for f in findings] == ["tune.out-of-band"]
        assert [one.subject for one in app.worklist.listed() if one.kind == "tuning"] == ["matching/default.tolerance"]
        assert not any(app.verify().values())


def test_who_may_tune(tmp_path: Path, sqlite_url: str) -> None:
    """A role that the configuration knows has to be one's own."""
    folder = written(tmp_path)
    config = folder / "config.yaml"
    config.write_text(
        config.read_text() + "roles: {operator: [run, import], finance_admin: [run], controller: [approve]}\n"
    )
    with billing(folder, sqlite_url) as app:
        paid(app, tmp_path)
        found = app.tuning.curve("matching/default", "tolerance", "0.50", months=None, count=1)
        with pytest.raises(TollbookError) as refused:
            app.tuning.propose(found, CHANGE)
    assert [finding.code for finding in refused.value.findings] == ["tune.not-theirs"]
