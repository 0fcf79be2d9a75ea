"""What errors of SQLAlchemy and of the drivers mean, in the one shape that errors have here.

Drivers are told apart by names and states, so that psycopg need not be installed where SQLite is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from engine.base.errors import Code, TollbookError, refuse
from engine.store import types

DUPLICATE = Code("store.duplicate", "A row whose natural key is in the books already.")
REFUSED = Code("store.refused", "A row that the database does not take: a missing value, or one of the wrong type.")
WRONG_SHAPE = Code("store.wrong-shape", "A row with more or fewer values than its table has columns.")
UNAVAILABLE = Code("store.unavailable", "The database is gone, full, or held by somebody else for too long.")
NOT_MIGRATED = Code("store.not-migrated", "A database that has no books in it, or books of an older version.")

_ROWS = {"IntegrityError", "DataError", "OverflowError", "TypeError", "ValueError", "AttributeError"}
"""Classes of errors that say that a row is wrong."""


@contextmanager
def translated(name: str = "the books", errors: type[Exception] = sa.exc.StatementError) -> Iterator[None]:
    """A block whose errors about the database, or about rows of the table ``name``, are :class:`TollbookError`.

    ``errors`` are looked at: those of SQLAlchemy alone, or, in a block that does nothing but call a driver, all.
    """
    try:
        yield
    except TollbookError:
        raise
    except errors as error:
        refused = translation(name, error)
        if refused is None:
            raise
        raise refused from error


def translation(name: str, error: Exception) -> TollbookError | None:
    """What an error means; None where it is about neither the database nor rows."""
    if isinstance(error, sa.exc.StatementError):
        cause = error.orig
        if isinstance(cause, TollbookError):
            return cause
        return _of_driver(name, cause) if isinstance(cause, Exception) else None
    return _of_driver(name, error)


def _of_driver(name: str, error: Exception) -> TollbookError | None:
    message = (str(error).strip() or repr(error)).splitlines()[0]
    state = getattr(error, "sqlstate", None) or ""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if state == "23505" or "UNIQUE constraint" in message:
        return _duplicate(name, getattr(getattr(error, "diag", None), "message_detail", None) or message)
    if state in ("42P01", "42703") or message.startswith(("no such table", "no such column", "table ")):
        mend = "run `tollbook init`, which makes the tables or brings them to this version"
        return refuse(NOT_MIGRATED, f"the database is not ready: {message}", mend=mend)
    if state == "22003" or "integer overflow" in message or "too large to convert" in message:
        return refuse(types.TOO_LARGE, f"{name}: {message}", mend="count in a larger unit")
    if "NUL (" in message:
        return with_nul(name)
    if "OperationalError" in kinds or "InterfaceError" in kinds:
        return refuse(
            UNAVAILABLE,
            f"the database gave up: {message}",
            why="a transaction is written whole or not at all",
            mend="see that the database runs, has space and is not held by another program; then do it again",
        )
    if "TypeError" in kinds and "positional argument" in message:
        return refuse(WRONG_SHAPE, f"{name}: {message}", mend="give the values in the order of the table's columns")
    if kinds & _ROWS:
        return refuse(REFUSED, f"{name}: {message}", mend="give the values that the table's columns take")
    return None


def _duplicate(name: str, detail: str) -> TollbookError:
    return refuse(
        DUPLICATE,
        f"{name}: a row is in the books already: {detail}",
        why="natural keys are unique",
        mend="a rerun finds what was written; look it up before writing it again",
    )


def with_nul(name: str) -> TollbookError:
    """The refusal of a text with a NUL character."""
    what = f"{name}: a text has a NUL character"
    return refuse(types.NOT_TEXT, what, why="PostgreSQL cannot hold it", mend="leave it out")
