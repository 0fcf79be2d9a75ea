"""Databases for trials: books that were prepared once are copied for each trial, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa


class Ground(Protocol):
    """One kind of database."""

    name: str

    def prepare(self, template: str, build: Callable[[str], None], base: str = "") -> None:
        """Make books that :meth:`copy` copies: ``build`` is given the address of an empty database, or of a copy of others."""

    def copy(self, template: str) -> str:
        """The address of a copy of prepared books."""

    def drop(self, url: str) -> None:
        """Forget a copy."""


@contextmanager
def in_memory(prefix: str) -> Iterator[Path | None]:
    """A folder in memory, where there is one: a killed process, unlike a power cut, loses nothing that it wrote there."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix=prefix, dir=memory) as folder:
        yield Path(folder)


class SqliteGround:
    """SQLite: a file is a set of books."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.folder, self._count = folder, 0
        folder.mkdir(parents=True, exist_ok=True)

    def prepare(self, template: str, build: Callable[[str], None], base: str = "") -> None:
        """See :class:`Ground`."""
        if base:
            shutil.copy(self.folder / f"{base}.db", self.folder / f"{template}.db")
        build(f"sqlite:///{self.folder / template}.db")

    def copy(self, template: str) -> str:
        """See :class:`Ground`."""
        self._count += 1
        path = self.folder / f"{template}-{self._count}.db"
        shutil.copy(self.folder / f"{template}.db", path)
        return f"sqlite:///{path}"

    def drop(self, url: str) -> None:
        """See :class:`Ground`."""
        path = Path(url.removeprefix("sqlite:///"))
        for end in ("", "-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)


class PostgresGround:
    """PostgreSQL: a database made from a template."""

    name = "postgresql"

    def __init__(self, address: str, label: str) -> None:
        """``label`` tells the databases of this process from those of others on the same server."""
        self._address, self._label, self._count = sa.make_url(address), label, 0
        self._admin = sa.create_engine(
            self._address.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
        )
        self._templates: list[str] = []

    def prepare(self, template: str, build: Callable[[str], None], base: str = "") -> None:
        """See :class:`Ground`."""
        name = f"{self._label}_{template}"
        self._do(f"CREATE DATABASE {name}" + (f" TEMPLATE {self._label}_{base} STRATEGY wal_log" if base else ""))
        self._templates.append(name)
        build(self._url(name))

    def copy(self, template: str) -> str:
        """See :class:`Ground`."""
        self._count += 1
        name = f"{self._label}_{template}_{self._count}"
        self._do(f"CREATE DATABASE {name} TEMPLATE {self._label}_{template} STRATEGY wal_log")
        return self._url(name)

    def drop(self, url: str) -> None:
        """See :class:`Ground`."""
        self._do(f"DROP DATABASE {sa.make_url(url).database} WITH (FORCE)")

    def close(self) -> None:
        """Drop what was prepared."""
        for name in self._templates:
            self._do(f"DROP DATABASE {name} WITH (FORCE)")
        self._admin.dispose()

    def _url(self, name: str) -> str:
        return self._address.set(database=name).render_as_string(hide_password=False)

    def _do(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.exec_driver_sql(statement)


@contextmanager
def postgres_ground(address: str, label: str) -> Iterator[PostgresGround]:
    """A ground on a server that is there."""
    ground = PostgresGround(address, label)
    try:
        yield ground
    finally:
        ground.close()
