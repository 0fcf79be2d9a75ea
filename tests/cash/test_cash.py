"""Made-up cash problems through the desk: nothing dangerous, and nearly all that may be applied is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.app import match_desk, match_result, write_matches
from engine.base.errors import TollbookError
from engine.receivables.matching.assigning import Assigner
from engine.receivables.matching.judging import Judge
from engine.receivables.matching.matching import prepared
from engine.runs.matching import workers
from engine.runs.matching.files import documents, payments
from engine.runs.matching.scratch import Scratch
from tests.cash.making import make
from tests.cash.scenarios import ALL
from tests.cash.scoring import score

SAMPLE = Path(__file__).parents[3] / "shared" / "cash_sample"


@pytest.mark.capability("A4.2")
@pytest.mark.parametrize("seed", [11, 12])
def test_a_made_up_problem_is_solved_without_a_dangerous_application(tmp_path: Path, seed: int) -> None:
    world = make(seed, 300)
    world.write(tmp_path)
    found = match_desk(()).match(tmp_path)
    write_matches(found.matches, tmp_path / "result.json")
    marks = score(world.truth, json.loads((tmp_path / "result.json").read_text(encoding="utf-8")))
    assert len(ALL) >= 26 and marks["payments"] >= 300
    assert (marks["dangerous"], marks["wrong"]) == (0, [])
    assert marks["auto_of_eligible"] >= 0.95


def test_the_scorer_sees_what_is_wrong() -> None:
    world = make(11, 50)
    wrong = {key: {"status": "auto", "applications": [["I0000001", "1.00"]]} for key in world.truth}
    marks = score(world.truth, wrong)
    assert marks["precision"] == 0 and marks["dangerous"] > 0


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="the shared cash sample is not here")
@pytest.mark.capability("A4.2")
def test_the_shared_sample_is_solved_without_a_mistake(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    write_matches(match_desk(()).match(SAMPLE).matches, result)
    words = [sys.executable, str(SAMPLE / "score.py"), str(SAMPLE / "truth.json"), str(result)]
    marks = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    assert (marks["precision_payments"], marks["dangerous"], marks["auto_match_rate_of_eligible"]) == (1.0, 0, 1.0)
    assert marks["duplicates"]["found"] == 1 and marks["returns"]["right"] == 2


def test_several_processes_find_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(11, 300).write(tmp_path)
    alone = match_desk((), processes=1).match(tmp_path).matches
    monkeypatch.setattr(workers, "WORTH_IT", 10)
    monkeypatch.setattr(workers, "CHUNK", 40)
    assert list(match_desk((), processes=2).match(tmp_path).matches) == list(alone)


def test_a_process_that_is_killed_ends_the_command_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(11, 300).write(tmp_path)
    monkeypatch.setattr(workers, "WORTH_IT", 10)
    mine = os.getpid()
    judged = Judge.plain

    def killed(self: Judge, *words: Any) -> Any:
        if os.getpid() != mine:
            os.kill(os.getpid(), signal.SIGKILL)
        return judged(self, *words)

    monkeypatch.setattr(Judge, "plain", killed)
    with pytest.raises(TollbookError) as caught:
        match_desk((), processes=2).match(tmp_path)
    assert [one.code for one in caught.value.findings] == ["match.worker-lost"]


def test_payments_that_are_settled_in_fewer_steps_come_out_as_others_do(tmp_path: Path) -> None:
    make(11, 300).write(tmp_path)
    desk = match_desk(())
    quick = desk.match(tmp_path).matches
    known, came = documents(tmp_path), payments(tmp_path, Scratch()).entries
    items, judge = prepared(known.candidates, known.parties, known.rates, desk._ask)
    slow = Assigner(items, judge, watch={one.id for one in came.all()}).assign(came)
    assert list(quick) == list(slow)
    assert any(judge.plain(one, [item.open for item in items]) for one in came.all())


def test_a_result_is_written_as_a_library_of_json_writes_it(tmp_path: Path) -> None:
    make(11, 300).write(tmp_path)
    matches = match_desk(()).match(tmp_path).matches
    write_matches(matches, tmp_path / "result.json")
    plain = [f"{json.dumps(key)}: {json.dumps(one, ensure_ascii=False)}" for key, one in match_result(matches).items()]
    assert (tmp_path / "result.json").read_text(encoding="utf-8") == "{\n" + ",\n".join(plain) + "\n}\n"
