"""Each ``x.yaml`` beside this file is refused with the text of ``x.txt``.

A line ``# --set runs.workers=many`` is an option of the command line, ``# environment: A=1`` a variable.  The plug-ins
that some of them name are in ``plugins``.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.base.errors import TollbookError
from engine.config import load
from engine.ports.discovery import SHIPPED
from engine.ports.host import Host

FOLDER = Path(__file__).parent


def messages(path: Path) -> str:
    """What is said about a configuration, with the places of files relative to this folder."""
    text = path.read_text(encoding="utf-8")
    overrides = dict(re.findall(r"^# --set (\S+?)=(.*)$", text, re.MULTILINE))
    environment = dict(re.findall(r"^# environment: (\w+)=(.*)$", text, re.MULTILINE))
    with pytest.raises(TollbookError) as raised:
        config = load(path, overrides, environment)
        Host(config.adapters, config.folder, environment)
    said = "\n".join(map(str, raised.value.findings)) + "\n"
    return said.replace(f"{FOLDER}/", "").replace(f"{SHIPPED}/", "<shipped>/")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_wrong_configuration_is_refused_with_this_text(path: Path) -> None:
    said = messages(path)
    assert said == path.with_suffix(".txt").read_text(encoding="utf-8")
    assert "hunter2" not in said
