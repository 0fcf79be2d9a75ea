"""A bill run on Dask comes to the books of the local pool; an engine that is lost leaves a run that goes on without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.base.errors import TollbookError
from tests import stories
from tests.faults.by_key import differences, gaps, snapshot

DASK = "  - {name: cluster, port: compute, plugin: compute_dask, settings: {workers: 2}}\n"
LOST = """
from engine.ports.hookspecs import Transient, hookimpl
from engine.ports.hookspecs.compute import Engine


class Lost:
    def __init__(self, context):
        pass

    @hookimpl
    def compute_engine(self):
        return Engine(self._run)

    def _run(self, work, numbers):
        yield work(numbers[0])
        raise Transient("nobody answers any more")
"""


def company(folder: Path, adapter: str = "") -> Path:
    """A company, with one more adapter."""
    folder.mkdir()
    stories.write(folder)
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("adapters:\n", f"adapters:\n{adapter}"))
    return folder


@pytest.mark.capability("A1.1")
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_dask_and_the_local_pool_make_the_same_books(tmp_path: Path, database_url: str, sqlite_url: str) -> None:
    """Row by row, by natural key; the engine is no part of the release."""
    releases = []
    for name, adapter, url in (("local", "", sqlite_url), ("dask", DASK, database_url)):
        folder = company(tmp_path / name, adapter)
        with stories.opened(folder, url, runs__partition_size="1") as app:
            stories.load(app, folder / "data")
            stories.bill(app, "2026-02-01")
            releases.append(app.rulebook.release)
    assert differences(snapshot(sqlite_url), snapshot(database_url)) == []
    assert gaps(database_url) == []
    assert releases[0] == releases[1]


def test_an_engine_that_is_lost_leaves_a_run_that_goes_on(tmp_path: Path, sqlite_url: str) -> None:
    """What was done stays; without the engine the run is finished by this process."""
    folder = company(tmp_path / "lost", "  - {name: lost, port: compute, plugin: ./lost}\n")
    (folder / "lost").mkdir()
    (folder / "lost" / "plugin.py").write_text(LOST)
    (folder / "lost" / "plugin.yaml").write_text(
        'name: lost\nversion: 1.0.0\nsummary: Lost.\nports: {compute: "1.0"}\nclass: plugin:Lost\n'
    )
    with stories.opened(folder, sqlite_url, runs__partition_size="1") as app:
        stories.load(app, folder / "data")
        with pytest.raises(TollbookError, match="nobody answers any more") as caught:
            stories.bill(app, "2026-02-01")
        assert [finding.code for finding in caught.value.findings] == ["run.worker-lost"]
        with app.books.reader() as reader:
            states = [one.state for one in reader.partitions(app.runs()[0].id)]
        assert states.count("done") == 1 and len(states) > 1
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("  - {name: lost, port: compute, plugin: ./lost}\n", ""))
    with stories.opened(folder, sqlite_url, runs__partition_size="1") as app:
        app.resume(app.runs()[0].id, stories.CHANGE)
        assert app.runs()[0].state == "done"
    assert gaps(sqlite_url) == []
