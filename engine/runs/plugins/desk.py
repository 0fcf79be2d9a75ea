"""The desk of plug-ins."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.base.errors import TollbookError, refuse
from engine.model.cassette import Cassette
from engine.model.outbound import OutboundCall
from engine.ports.discovery import NOT_FOUND
from engine.ports.loading import Wanted
from engine.runs.plugins.cassette import taped
from engine.runs.plugins.doctor import Diagnosis, examine
from engine.runs.plugins.inventory import PluginRow, installed, row_of
from engine.runs.plugins.testing import Clause, known_plugin, run_contract, tests_of
from engine.store.books import Books


class PluginDesk:
    """What is installed, what is wrong with it, and how it keeps its contracts."""

    def __init__(
        self,
        adapters: Sequence[Wanted],
        home: Path,
        books: Callable[[], Books],
        tenant: str,
    ) -> None:
        self._adapters, self._home, self._books, self._tenant = adapters, home, books, tenant

    def listed(self) -> list[PluginRow]:
        """Every plug-in that is installed or named."""
        return installed(self._adapters, self._home, os.environ)

    def one(self, name: str) -> PluginRow:
        """A plug-in, by its own name or by that of an adapter.

        Raises:
            TollbookError: ``plugin.not-found``.
        """
        plugin = next((adapter.plugin for adapter in self._adapters if adapter.name == name), name)
        row = row_of(plugin, self._adapters, self._home, os.environ)
        if not row.folder and any(finding.code == NOT_FOUND for finding in row.findings):
            what = f"there is no plug-in or adapter {name!r}"
            raise refuse(NOT_FOUND, what, mend=known_plugin(name, self._home))
        return row

    def examined(self, names: Sequence[str], seconds: float) -> list[Diagnosis]:
        """What is wrong with adapters; see :func:`engine.runs.plugins.doctor.examine`."""
        return examine(self._adapters, self._home, os.environ, names, seconds, self._recent)

    def tested(self, name: str, tests: str, fail: str, replay: str) -> list[Clause]:
        """How a plug-in keeps its contract; see :func:`engine.runs.plugins.testing.run_contract`."""
        if replay:
            return run_contract([], self._home, replay=str((Path.cwd() / replay).resolve()))
        plugin = next((adapter.plugin for adapter in self._adapters if adapter.name == name), name)
        if tests:
            return run_contract([tests], Path.cwd(), fail)
        folder = tests_of(plugin, self._home)
        return run_contract([str(folder)], folder.parent, fail)

    def taped(self, adapter: str, limit: int, run: int | None, out: Path) -> Cassette:
        """Write the newest calls of an adapter as a cassette; see :func:`engine.runs.plugins.cassette.taped`."""
        return taped(self._books(), self._tenant, self._adapters, adapter, limit, run, out)

    def _recent(self, adapter: str, count: int) -> list[OutboundCall]:
        """The newest calls of an adapter; none where there are no books yet."""
        try:
            with self._books().reader() as reader:
                return [one.call for one in reader.requests(self._tenant, adapter=adapter, limit=count)]
        except TollbookError:
            return []
