"""Migrations of the tables, shipped with the package and run by the books themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from engine.store import types

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER: Final = Path(__file__).parent
_LOCK: Final = 8_655_266_522


def configuration(connection: sa.Connection) -> Config:
    """Alembic's settings for a connection whose transaction the caller ends."""
    from alembic.config import Config  # here, because it takes a while to import and only migrating needs it

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


NEWEST: Final = max(path.name[1:5] for path in (FOLDER / "versions").glob("r[0-9]*.py"))
"""The revision of the newest migration: files are named after theirs."""


def migrate(connection: sa.Connection) -> None:
    """Bring the tables to the newest version within the running transaction; processes that do so at once queue.

    Books that are at it, as nearly all are, need none of the tools that migrate.
    """
    if _revision(connection) == NEWEST:
        return
    from alembic import command

    if connection.dialect.name == types.POSTGRESQL:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    command.upgrade(configuration(connection), "head")


def _revision(connection: sa.Connection) -> str | None:
    """The revision that the tables are at; None where there are none."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
