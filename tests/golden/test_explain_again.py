"""Matches, write-offs, steps of dunning and holds explained: with near misses, and why a rule that somebody names did not answer."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.app import Explanation
from engine.cli import main as tollbook
from tests import stories
from tests.golden.test_cash import NAMES, billing, codes, day, owed, paid_by, written
from tests.stories import CHANGE

D = Decimal


def lines(found: Explanation) -> list[str]:
    return [f"{step.name}: {step.text} {' '.join(map(' '.join, step.details))}" for step in found.steps]


def test_a_match_and_what_was_given_up_with_it(
    tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is short by 2 cents is given up, by 30 stays open: which rule was how near, asked again as the books were then."""
    with billing(written(tmp_path), database_url) as app:
        due = owed(app)
        given = (("B1", D("0.02")), ("B2", D("0.30")))
        entries = [("C", f"{due[k][1] - s:.2f}", f"BK{k}", NAMES[k], f"invoice {due[k][0]}") for k, s in given]
        paid_by(app, tmp_path, *entries)
        done = app.cash.match(day(4), CHANGE)
        small, large = sorted(done.entries, key=lambda one: one.amount)
        assert (small.rule, large.rule) == ("small-difference", "part")
        head = app.chain_head()
        told, short = lines(app.explain(f"bank:{small.entry}")), lines(app.explain(f"bank:{large.entry}"))
        missed = app.why_not(f"bank:{large.entry}", "small-difference")[1]
        assert app.chain_head() == head
        key = next(one["key"] for one in app.accounts.shown("B1").settlements if one["kind"] == "write_off")
        given_up = lines(app.explain(f"settlement:E1/{key}"))
    assert any(
        one.startswith("matching asked: 1 document by number, payer name, short 0.02: rule small-difference")
        for one in told
    )
    assert any(one.startswith("writeoff asked: difference of 0.02 EUR: rule ") for one in told)
    assert any(one.startswith("writeoff asked: difference of 0.02 EUR") for one in given_up)
    near = next(one for one in short if one.startswith("matching asked"))
    assert "rule part of matching/default" in near and "0.3 is 0.25 over tolerance 0.05" in near
    (answer,) = {one.reason for one in missed.answers}
    assert answer == "not met" and any("over tolerance" in part.near for one in missed.answers for part in one.parts)
    config = ["--config", str(tmp_path / "config.yaml"), "--set", f"database.url={database_url}"]
    page = tmp_path / "match.html"
    words = ["explain", f"bank:{large.entry}", "--why-not", "small-difference", "--html", str(page), "--json"]
    capsys.readouterr()
    assert tollbook.run([*config, *words]) == 0
    assert json.loads(capsys.readouterr().out)["answers"][0]["reason"] == "not met"
    assert "over tolerance" in page.read_text()


def test_a_step_of_dunning_and_what_stands_against_the_next(tmp_path: Path, sqlite_url: str) -> None:
    """The rule that was asked, what it cost, and a hold with its days and its reason; of an account that there is not, a refusal."""
    stories.write(tmp_path)
    with stories.opened(tmp_path, sqlite_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01")
        assert app.dunning.run(date(2026, 3, 12), CHANGE).counts["steps"] > 0
        app.dunning.hold("A1", CHANGE, reason="a call", on=date(2026, 3, 13), until=date(2026, 3, 20))
        head = app.chain_head()
        told = lines(app.explain("dunning:E1/A1"))
        one = app.explain("dunning:E1/A1/nothing")
        missed = app.why_not("dunning:E1/A1", "consumers")[1]
        assert codes(lambda: app.explain("dunning:E1/NOBODY")) == ["explain.no-such-account"]
        assert app.chain_head() == head
    assert any(line.startswith("hold: hold") and "until 2026-03-20; a call" in line for line in told)
    assert any(line.startswith("step: ") and "rule " in line for line in told)
    assert any(line.startswith("dunning asked: rule ") for line in told)
    assert one.text == "0 steps were taken" and {each.reason for each in missed.answers} == {"not met"}
