"""Writing ``config.yaml``: values of one's own, comments from the table of settings."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

from engine.base.document import parse
from engine.base.errors import TollbookError
from engine.config.settings import REQUIRED, SETTINGS, Setting

WIDTH: Final = 120

HEAD: Final = (
    "Settings of Tollbook. A setting that does not stand here has its default. The comments are made from the table in "
    "engine/config/settings.py. Any setting can be replaced for one command: tollbook --set runs.workers=2 VERB."
)


def document(values: Mapping[str, Any] | None = None) -> str:
    """The text of a ``config.yaml`` with every setting, and a comment on its meaning, default and bound.

    ``values`` are those of a file as it is parsed; what is not in them has its default.
    """
    given = values or {}
    lines = [*_comment(HEAD, 0)]
    section = ""
    for setting in SETTINGS:
        head, _, name = setting.path.rpartition(".")
        if head.endswith("[]"):
            outer, _, inner = head.removesuffix("[]").rpartition(".")
            if head != section:
                lines += ["", *_list(head, inner, given.get(outer, {}) if outer else given, 2 if outer else 0)]
        elif head:
            lines += [] if head == section else ["", f"{head}:"]
            lines += [*_explained(setting, 2), *_entry(name, given.get(head, {}).get(name, setting.default), 2)]
        else:
            lines += ["", *_explained(setting, 0), *_entry(name, given.get(name, setting.default), 0)]
        section = head
    return "\n".join(lines) + "\n"


def _list(head: str, name: str, given: Mapping[str, Any], indent: int) -> Iterator[str]:
    """A list of mappings: the comments of all its settings, then its elements."""
    lead = " " * indent
    for setting in SETTINGS:
        section, _, key = setting.path.rpartition(".")
        if section == head:
            yield from _explained(setting, indent, f"{key}: ")
    elements = given.get(name, [])
    if not elements:
        yield f"{lead}{name}: []"
        return
    yield f"{lead}{name}:"
    for element in elements:
        lines = [line for key, value in element.items() for line in _entry(key, value, indent + 4)]
        yield f"{lead}  - " + lines[0].lstrip()
        yield from lines[1:]


def _explained(setting: Setting, indent: int, label: str = "") -> Iterator[str]:
    default = REQUIRED if setting.default is REQUIRED else _flow(setting.default)
    yield from _comment(f"{label}{setting.meaning}", indent, "  " if label else "")
    yield from _comment(("  " if label else "") + f"Default: {default}. Bound: {setting.bounds()}.", indent)


def _comment(text: str, indent: int, inner: str = "") -> list[str]:
    lead = " " * indent + "# "
    inside = lead + inner
    whole = textwrap.TextWrapper(WIDTH, lead, inside, break_long_words=False, break_on_hyphens=False)
    return whole.wrap(text)


def _entry(key: str, value: Any, indent: int) -> Iterator[str]:
    """A key and its value, on lines of its own where it is a mapping."""
    lead = " " * indent + _flow(key)
    if isinstance(value, Mapping) and value:
        yield f"{lead}:"
        for name, inner in value.items():
            yield from _entry(name, inner, indent + 2)
    else:
        yield f"{lead}: {_flow(value)}"


def _flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        return value if _is_plain(value) else json.dumps(value, ensure_ascii=False)
    return (
        {True: "true", False: "false", None: "null"}[value]
        if value is None or value is True or value is False
        else str(value)
    )


def _is_plain(text: str) -> bool:
    """Whether YAML reads a text as itself without quotes, inside brackets too."""
    if not re.fullmatch(r"[A-Za-z0-9_./~$][A-Za-z0-9_./:~$@%+ -]*", text) or text.endswith((":", " ")) or ": " in text:
        return False
    try:
        return bool(parse(f"[{text}]", "").data == [text])
    except TollbookError:
        return False
