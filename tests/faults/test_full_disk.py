"""A disk that is full in the middle of the work: a clear error, nothing half written, and the work goes on when there is space.

The disk is a small tmpfs of the test's own, so that the error is the system's ENOSPC; where nothing may be mounted, these
tests are skipped, and a limit on the size of files (EFBIG) shows the same for SQLite.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.faults import by_key
from tests.faults.grounds import Ground, SqliteGround
from tests.faults.nursery import Child, Nursery
from tests.faults.trials import BILL, PERSON, SCENARIOS, Yard, lapse, refused, unfinished

BILLED, IMPORTED = SCENARIOS[0], SCENARIOS[2]


class Disk:
    """A small file system."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._filler = folder, folder / "filler"

    def fill(self, leave: int) -> None:
        """Leave so many bytes free."""
        free = shutil.disk_usage(self.folder).free
        with self._filler.open("wb") as file:
            file.write(b"x" * max(free - leave, 0))

    def clear(self) -> None:
        """Give the space back."""
        self._filler.unlink()


@pytest.fixture
def disk() -> Iterator[Disk]:
    """A disk of 48 MB that anybody may read and write."""
    with tempfile.TemporaryDirectory(prefix="tollbook-disk-") as name:
        Path(name).chmod(0o755)
        inside = Path(name) / "disk"
        inside.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=48m,mode=0777", "tmpfs", str(inside)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no mount")
        if done.returncode:
            pytest.skip(f"no disk of its own can be mounted: {done.stderr.strip()}")
        try:
            yield Disk(inside)
        finally:
            subprocess.run(["umount", str(inside)], check=True)


@pytest.fixture(scope="module")
def sqlite_yard(tmp_path_factory: pytest.TempPathFactory, _nursery: Nursery, _sqlite_ground: Ground) -> Yard:
    return Yard(tmp_path_factory.mktemp("yard-disk"), SqliteGround(tmp_path_factory.mktemp("books")), _nursery)


def stopped(child: Child, url: str) -> None:
    """The command could not run, says why in one error, and how to go on where a run has begun."""
    assert child.wait() == 2, child.said()
    said = child.said()
    assert "[store.unavailable]" in said or "[store.cannot-open]" in said, said
    assert said.count("error:") == 1, said
    assert "Traceback" not in said
    for run in unfinished(url):
        assert f"tollbook runs resume {run}" in said


@pytest.mark.capability("A1.2")
@pytest.mark.parametrize("leave", [0, 60_000, 250_000, 500_000])
def test_sqlite_on_a_full_disk(sqlite_yard: Yard, disk: Disk, leave: int) -> None:
    """A bill run: at its start, or after some partitions."""
    prepared = sqlite_yard.ground.copy("ready")
    path = disk.folder / "books.db"
    shutil.copy(prepared.removeprefix("sqlite:///"), path)
    url = f"sqlite:///{path}"
    disk.fill(leave)
    child = sqlite_yard.start(url, BILL)
    assert child.wait() == 2, child.said()
    disk.clear()
    stopped(child, url)
    assert refused(url) == []
    sqlite_yard.run(url, sqlite_yard.words_to_go_on(url, BILLED))
    assert by_key.differences(sqlite_yard.life(BILLED).books, sqlite_yard.books(url)) == []
    assert by_key.gaps(url) == []


@pytest.mark.parametrize("scenario", [BILLED, IMPORTED], ids=lambda scenario: scenario.name)
def test_sqlite_with_a_limit_on_files(sqlite_yard: Yard, scenario) -> None:
    """The system refuses to let a file grow (EFBIG); with room again the work goes on."""
    url = sqlite_yard.ground.copy(scenario.template)
    size = Path(url.removeprefix("sqlite:///")).stat().st_size
    child = sqlite_yard.start(url, scenario.words, limit=max(size // 4, 100_000) if scenario is BILLED else 150_000)
    stopped(child, url)
    assert refused(url) == []
    sqlite_yard.run(url, sqlite_yard.words_to_go_on(url, scenario))
    assert by_key.differences(sqlite_yard.life(scenario).books, sqlite_yard.books(url)) == []
    sqlite_yard.ground.drop(url)


@pytest.mark.parametrize("leave", [0, 100_000, 400_000])
def test_postgresql_whose_tables_fill_their_disk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _nursery: Nursery, disk: Disk, leave: int
) -> None:
    """Tables lie in a tablespace on the small disk: a table that cannot grow is refused by the server (53100)."""
    ground = request.getfixturevalue("_postgresql_ground")
    yards: dict[str, Yard] = request.getfixturevalue("_yards")
    if "postgresql" not in yards:
        yards["postgresql"] = Yard(tmp_path_factory.mktemp("yard-postgresql"), ground, _nursery)
    yard = yards["postgresql"]
    url = yard.ground.copy("ready")
    expected = yard.life(BILLED).books
    with _moved_to(url, disk):
        disk.fill(leave)
        child = yard.start(url, BILL)
        assert child.wait() == 2, child.said()
        disk.clear()
        stopped(child, url)
        assert "No space left on device" in child.said()
        yard.run(url, yard.words_to_go_on(url, BILLED))
        assert by_key.differences(expected, yard.books(url)) == []
        assert [*by_key.gaps(url), *refused(url)] == []


class _moved_to:
    """A database whose tables are in a tablespace on a disk, until both are dropped."""

    def __init__(self, url: str, disk: Disk) -> None:
        self.url, self.disk = sa.make_url(url), disk
        self.name = f"small_{os.getpid()}_{disk.folder.parent.name.replace('-', '_').lower()}"

    def _do(self, *statements: str) -> None:
        admin = self.url.set(drivername="postgresql+psycopg", database="postgres")
        engine = sa.create_engine(admin, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def __enter__(self) -> None:
        place = self.disk.folder / "tables"
        place.mkdir()
        engine = sa.create_engine(self.url.set(drivername="postgresql+psycopg"), poolclass=sa.NullPool)
        with engine.connect() as connection:
            data = Path(connection.exec_driver_sql("SHOW data_directory").scalar_one())
        if not data.exists():
            pytest.skip("the server runs on another machine")
        owner = data.stat()
        os.chown(place, owner.st_uid, owner.st_gid)
        place.chmod(0o700)
        self._do(
            f"CREATE TABLESPACE {self.name} LOCATION '{place}'",
            f"ALTER DATABASE {self.url.database} SET TABLESPACE {self.name}",
        )

    def __exit__(self, *_: object) -> None:
        self._do(f"DROP DATABASE {self.url.database} WITH (FORCE)", f"DROP TABLESPACE {self.name}")


def answered(said: str) -> dict[str, Any]:
    """The JSON that a command printed after what it said to people."""
    answer: dict[str, Any] = json.loads(said[said.index("{\n") :])
    return answer


def test_documents_on_a_full_disk(sqlite_yard: Yard, disk: Disk) -> None:
    """What the disk refuses is tried again; what was delivered is not, and every file is whole."""
    url = sqlite_yard.ground.copy("billed")
    out = disk.folder / "invoices"
    words = ("--set", f"adapters.delivery_file.settings.folder={out}", "deliver", "--json", *PERSON)
    disk.fill(200_000)
    first = answered(sqlite_yard.run(url, words))
    assert first["counts"]["accepted"] > 0
    assert first["counts"]["retry"] > 0
    disk.clear()
    lapse(url)
    second = answered(sqlite_yard.run(url, words))
    assert second["counts"] == {"accepted": first["counts"]["retry"], "retry": 0, "rejected": 0}
    pages = [path for path in out.rglob("*.html") if path.is_file()]
    assert len(pages) == 43
    assert all(path.read_text(encoding="utf-8").rstrip().endswith("</html>") for path in pages)
    sqlite_yard.ground.drop(url)
