"""The page of settings: everything that ``config.yaml`` may say."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from docs.tools.markdown import code, page, table
from engine.config import REQUIRED, SETTINGS, Setting

HEAD = ("setting", "default", "bound", "meaning")


def rows(settings: Iterator[Setting]) -> Iterator[tuple[str, ...]]:
    """A row of :data:`HEAD` for each setting."""
    for setting in settings:
        default = "has to be given" if setting.default is REQUIRED else code(yaml(setting.default))
        yield code(setting.path), default, setting.bounds(), setting.meaning


def yaml(value: object) -> str:
    """A default as it would be written in the file."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {yaml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(yaml, value)) + "]"
    return str(value)


def section(setting: Setting) -> str:
    """The part of the file that a setting stands in."""
    return setting.path.partition(".")[0].removesuffix("[]")


def text() -> str:
    """The page."""
    intro = [
        "Settings stand in `config.yaml`; `tollbook --config FILE` or the environment variable `TOLLBOOK_CONFIG` names",
        "another file, and `tollbook --set path=value` replaces one setting for one command. A path that ends in `[]`",
        "is a list, and what follows it stands in each of its elements. Everything that is wrong with a file is",
        "reported with its line, in one go.",
    ]
    sections = [[f"## {name}", "", *table(HEAD, rows(settings))] for name, settings in groupby(SETTINGS, section)]
    return page("Settings", intro, *sections)
