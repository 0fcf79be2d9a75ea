"""What is done without a configuration, by those who write plug-ins and rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from engine import families
from engine.app.application import App, open_app
from engine.app.authoring_desk import AuthoringDesk
from engine.ports.kit.scaffold import Scaffold, new_plugin
from engine.rulebook.desk import RuleDesk
from engine.runs.plugins.desk import PluginDesk
from engine.runs.plugins.testing import run_fake

__all__ = ["AuthoringDesk", "Scaffold", "new_plugin", "plugin_desk", "rule_desk", "run_fake"]


@contextmanager
def rule_desk(config: Path, overrides: Mapping[str, str], folders: Sequence[Path]) -> Iterator[RuleDesk]:
    """The desk of the rules in some folders, else of those of a configuration.  Where there is no such file, folders that are
    named are looked at with the families as they are shipped, without methods of plug-ins and without books.

    Raises:
        TollbookError: everything that is wrong with the settings, in one go.
    """
    if folders and not config.exists():
        yield RuleDesk(families.ALL, tuple(folders))
        return
    with open_app(config, overrides) as app:
        yield app.rule_desk(folders)


@contextmanager
def plugin_desk(config: Path, overrides: Mapping[str, str], name: str) -> Iterator[PluginDesk]:
    """The desk of the plug-ins of a configuration; where there is no such file and ``name`` is a folder, that of the folder.

    Raises:
        TollbookError: everything that is wrong with the settings, in one go.
    """
    if Path(name).is_dir() and not config.exists():
        yield PluginDesk((), Path.cwd(), lambda: App(config, overrides).books, "")
        return
    with open_app(config, overrides) as app:
        yield app.plugins
