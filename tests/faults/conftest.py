"""Yards for the fault tests: a company, prepared books on each database, and a nursery; made once for each process of tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.conftest import Databases
from tests.faults.grounds import Ground, SqliteGround, in_memory, postgres_ground
from tests.faults.nursery import Nursery, nursery
from tests.faults.trials import Yard


@pytest.fixture(scope="session")
def _nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with nursery(tmp_path_factory.mktemp("nursery")) as one:
        yield one


@pytest.fixture(scope="session")
def _yards() -> dict[str, Yard]:
    return {}


@pytest.fixture(scope="session")
def _sqlite_ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with in_memory("tollbook-faults-") as memory:
        yield SqliteGround(memory or tmp_path_factory.mktemp("books"))


@pytest.fixture(scope="session")
def _postgresql_ground(_postgresql: Databases) -> Iterator[Ground]:
    with postgres_ground(_postgresql.address, f"faults_{os.getpid()}") as ground:
        yield ground


@pytest.fixture(params=["sqlite", "postgresql"])
def yard(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    _nursery: Nursery,
    _yards: dict[str, Yard],
) -> Yard:
    """The yard on each database."""
    kind: str = request.param
    ground: Ground = request.getfixturevalue(f"_{kind}_ground")
    if kind not in _yards:
        _yards[kind] = Yard(tmp_path_factory.mktemp(f"yard-{kind}"), ground, _nursery)
    return _yards[kind]
