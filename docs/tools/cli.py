"""The page of the command line: every verb with its arguments and options."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from typer.main import get_command

from docs.tools.markdown import code, page, prose, table
from engine.cli.main import build

OPTION_HEAD = ("name", "value", "default", "environment", "meaning")
GIVEN_TO_ALL = {"help"}
WORDS = {str: "text", int: "whole number", Path: "path", bool: ""}
DATE = {"%Y": "YYYY", "%m": "MM", "%d": "DD"}


def verbs(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with the words that call it."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name in sorted(inner):
        yield from verbs(inner[name], (*path, name))


def option_rows(command: Any) -> Iterator[tuple[str, ...]]:
    """A row of :data:`OPTION_HEAD` for each argument and option."""
    for parameter in command.params:
        if parameter.name in GIVEN_TO_ALL or parameter.hidden:
            continue
        is_argument = parameter.param_type_name == "argument"
        names = [parameter.name.upper()] if is_argument else [*parameter.opts, *parameter.secondary_opts]
        unsaid = getattr(parameter, "is_flag", False) or parameter.default in (None, "", [])
        meaning = (parameter.help or "") + (" Required." if parameter.required else "")
        yield (
            ", ".join(map(code, names)),
            value(parameter.type_descriptor) + (", repeatable" if parameter.multiple or parameter.nargs == -1 else ""),
            code("" if unsaid else parameter.default),
            code(parameter.envvar or ""),
            meaning,
        )


def value(described: Any) -> str:
    """What a parameter takes, in words; nothing for a flag."""
    kind = described.annotation
    if typing.get_origin(kind) is list:
        (kind,) = typing.get_args(kind)
    if kind is datetime:
        form = described.parameter_info.formats[0]
        for sign, words in DATE.items():
            form = form.replace(sign, words)
        return code(form)
    if typing.get_origin(kind) is Literal:
        return "one of " + ", ".join(map(code, typing.get_args(kind)))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "one of " + ", ".join(code(member.value) for member in kind)
    return WORDS.get(kind, getattr(kind, "__name__", str(kind)))


def text() -> str:
    """The page."""
    root = get_command(build())
    intro = [
        "Results go to stdout, everything else to stderr. Exit 0: done, findings allowed; 1: the input is wrong; 2: it",
        "could not run. Options of `tollbook` itself stand before the verb.",
    ]
    blocks = [["## Options of tollbook"], table(OPTION_HEAD, option_rows(root))]
    for path, command in verbs(root):
        blocks += [[f"## {' '.join(path)}"], [prose(command.help)], table(OPTION_HEAD, option_rows(command))]
    return page("Command line", intro, *blocks)
