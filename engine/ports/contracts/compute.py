"""The contract of the port ``compute`` as tests."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import ClassVar, Final

import pytest

from engine.base.errors import Code, TollbookError, refuse
from engine.ports.compute import engine_of
from engine.ports.contracts.harness import Setup, stage
from engine.ports.hookspecs.compute import Engine

STOPPED: Final = Code("contract.stopped", "What the work of a contract raises.")


def noted(folder: Path, number: int) -> tuple[int, str]:
    """Work that leaves a mark, and gives the square of its number with a text of any script."""
    (folder / f"{number}-{time.monotonic_ns()}").touch()
    return number * number, "Ünï-☃-日本"


def refused_at(last: int, number: int) -> int:
    """Work that is refused for one number."""
    if number == last:
        raise refuse(STOPPED, f"number {number} is refused", mend="nothing")
    return number


class ComputeContract:
    """The contract of engines.  A subclass says how the plug-in is set up."""

    setup: Setup
    port: ClassVar[str] = "compute"

    @pytest.fixture
    def engine(self, tmp_path: Path) -> Engine:
        """The engine, as a run takes it."""
        found = engine_of(stage(self.setup, self.port, tmp_path).host)
        assert found is not None
        return found

    def test_every_number_is_worked_on(self, engine: Engine, tmp_path: Path) -> None:
        """What the work gives comes back whole, in any order; each number has left its mark."""
        marks = tmp_path / "marks"
        marks.mkdir()
        given = list(engine.run(partial(noted, marks), [3, 1, 7, 2]))
        assert dict(given) == dict.fromkeys((9, 1, 49, 4), "Ünï-☃-日本")
        assert {path.name.partition("-")[0] for path in marks.iterdir()} == {"3", "1", "7", "2"}

    def test_nothing_to_do_gives_nothing(self, engine: Engine) -> None:
        """An empty list is worked off at once."""
        assert list(engine.run(abs, [])) == []

    def test_nothing_begins_before_it_is_asked_for(self, engine: Engine, tmp_path: Path) -> None:
        """Making the iterator leaves no mark."""
        engine.run(partial(noted, tmp_path), [1, 2])
        time.sleep(0.05)
        assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []

    def test_what_the_work_raises_is_raised_as_it_is(self, engine: Engine) -> None:
        """With its code, its words and how to mend it; the engine can be used again."""
        with pytest.raises(TollbookError) as caught:
            list(engine.run(partial(refused_at, 2), [1, 2, 3]))
        (finding,) = caught.value.findings
        assert (finding.code, finding.what, finding.mend) == (STOPPED, "number 2 is refused", "nothing")
        assert sorted(engine.run(partial(refused_at, 0), [1, 2])) == [1, 2]
