"""A server on each database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.server import Client, Running, company, running


@pytest.fixture
def server(tmp_path: Path, database_url: str) -> Iterator[Running]:
    """A server over the small company, with its own limits."""
    with running(company(tmp_path), database_url) as one:
        yield one


@pytest.fixture
def erp(server: Running) -> Client:
    """A client that may send."""
    return server.client()
