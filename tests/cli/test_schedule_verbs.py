"""The verbs of the schedule from beginning to end: what is due is queued, run in the name of its person, and listed."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import pytest
import time_machine

from engine.app import App
from engine.cli import main as tollbook
from engine.model.journal import Change
from tests import stories
from tests.unit.runs.test_queue import MONTHLY, POST, at

HAND = ("--as", "ada", "--reason", "from the crontab")


def say(folder: Path, url: str, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[str, str]:
    settings = ("--set", f"database.url={url}", "--set", f"schedule=[{MONTHLY}, {POST}]", "--set", "scheduler.poll=1")
    assert tollbook.run(["--config", str(folder / "config.yaml"), *settings, *words]) == code
    said = capsys.readouterr()
    return said.out, said.err


def test_from_the_crontab(tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    stories.write(tmp_path)

    def verb(*words: str) -> str:
        return say(tmp_path, database_url, capsys, *words)[0]

    verb("import", str(tmp_path / "data"), *HAND)
    with time_machine.travel(at("2026-01-31 12:00:30Z"), tick=False):
        assert verb("scheduler", "once", *HAND) == "nothing is due\n"
        assert verb("work", "--once", *HAND) == ""
    with time_machine.travel(at("2026-02-01 06:00:30Z"), tick=False):
        assert verb("scheduler", "once", *HAND).splitlines() == [
            "queued monthly, due 2026-02-01 05:30 UTC",
            "queued post, due 2026-02-01 06:00 UTC",
        ]
        assert json.loads(verb("scheduler", "once", *HAND, "--json"))["requests"] == []
        shown = json.loads(verb("schedule", "list", "--json"))
        assert shown["waiting"] == 2
        worked = json.loads(verb("work", "--once", *HAND, "--json"))
        assert [(r["schedule"], r["state"]) for r in worked] == [("monthly", "done"), ("post", "done")]
        listed = verb("schedule", "list")
        assert "2026-03-01 05:30" in listed
        assert "0 waiting; enqueued by nobody at present" in listed
        runs = json.loads(verb("runs", "list", "--json"))
        assert (runs[0]["period"], runs[0]["who"], runs[0]["reason"]) == ("2026-02-01", "ada", "monthly bill")


@pytest.mark.on_sqlite
def test_a_failure_is_shown_and_listed(tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    stories.write(tmp_path)
    with time_machine.travel(at("2026-01-31 12:00:30Z"), tick=False):
        say(tmp_path, database_url, capsys, "scheduler", "once", *HAND)
    with time_machine.travel(at("2026-02-01 06:00:30Z"), tick=False):
        say(tmp_path, database_url, capsys, "scheduler", "once", *HAND)
        out, err = say(tmp_path, database_url, capsys, "work", "--once", *HAND)
        assert out.splitlines()[0] == "failed monthly, due 2026-02-01 05:30 UTC"
        assert "[schedule.request-failed]" in err
        assert "tenant acme has no legal entity" in say(tmp_path, database_url, capsys, "schedule", "list")[0]


def test_a_scheduler_beside_another_one_says_who_enqueues(
    tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stories.write(tmp_path)
    with stories.opened(tmp_path, database_url) as app:
        app.enqueue(Change("ada", at("2026-01-31 12:00Z"), "test"), "the other")
    with time_machine.travel(at("2026-01-31 12:00:30Z"), tick=False):
        out, err = say(tmp_path, database_url, capsys, "scheduler", "once", *HAND)
        assert out == ""
        assert "waits: the other enqueues until 12:01:00 UTC [scheduler.waiting]" in err


@pytest.mark.parametrize("verb", ["work", "scheduler run"])
@pytest.mark.on_sqlite
def test_who_stays_leaves_when_told(
    tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """A worker or scheduler that stays ends in order when the system asks it to, and then leaves signals as they were."""
    stories.write(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    name = "work" if verb == "work" else "enqueue"
    whole = getattr(App, name)

    def told(app: App, change: Change, holder: str) -> object:
        threading.Timer(0, os.kill, (os.getpid(), signal.SIGTERM)).start()
        return whole(app, change, holder)

    monkeypatch.setattr(App, name, told)
    say(tmp_path, database_url, capsys, *verb.split(), *HAND)
    assert signal.getsignal(signal.SIGTERM) == before
