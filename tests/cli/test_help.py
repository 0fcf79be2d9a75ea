"""``--help`` at the width of the terminal: nothing of a list of verbs is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from engine.cli.main import build, run


def groups(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every group of verbs, with the words that call it."""
    inner = getattr(command, "commands", None)
    if inner is not None:
        yield path, command
        for name in inner:
            yield from groups(inner[name], (*path, name))


@pytest.mark.parametrize("width", [80, 100, 140])
def test_lists_of_verbs_are_whole(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every line stays within the terminal, and 120 columns at most; the last word of each sentence is there."""
    monkeypatch.setenv("COLUMNS", str(width))
    for path, group in groups(get_command(build())):
        if len(path) == 1 and path[0] in ("revenue", "close", "runs", "account"):
            assert run([*path, "--help"]) == 0
            text = capsys.readouterr().out
            assert max(map(len, text.splitlines())) <= min(width, 120)
            flat = " ".join(text.split())
            for name, verb in group.commands.items():
                said = verb.get_short_help_str(10_000)
                assert f" {name} {said}" in flat and not said.endswith("...")
