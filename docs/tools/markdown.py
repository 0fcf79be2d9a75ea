"""Small pieces of Markdown that all generated pages use."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

ROLE = re.compile(r":[a-z]+:`~?([^`]+)`")
SECTION = re.compile(r"(Attributes|Args|Returns|Raises|Yields):")
ENTRY = re.compile(r"    ([A-Za-z_][\w ,]*): (.*)")


def prose(text: str | None) -> str:
    """A docstring as Markdown: roles and double backquotes become code, the entries of sections a list."""
    text = inspect.cleandoc(text or "").replace(".  ", ". ")
    text = ROLE.sub(lambda match: f"`{match.group(1)}`", text)
    return "\n".join(entries(text.replace("``", "`").splitlines()))


def entries(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a docstring, with the entries of its sections as a list."""
    inside = False
    for line in lines:
        if SECTION.fullmatch(line):
            inside = True
            yield line
            yield ""
        elif inside and (entry := ENTRY.fullmatch(line)):
            yield f"- `{entry.group(1)}`: {entry.group(2)}"
        elif inside and line.startswith("        "):
            yield f"  {line.strip()}"
        else:
            inside = inside and not line
            yield line


def first_sentence(text: str | None) -> str:
    """The first paragraph of a docstring on one line."""
    return " ".join(prose(text).partition("\n\n")[0].split())


def code(value: Any) -> str:
    """A value as code, nothing where there is none."""
    text = str(value).replace("\n", " ")
    return f"`{text}`" if text else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table; columns in which no row has anything are left out."""
    filled = [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in rows]
    kept = [i for i in range(len(head)) if any(row[i] for row in filled)]
    lines = [[head[i] for i in kept], ["---"] * len(kept), *([row[i] for i in kept] for row in filled)]
    return ["| " + " | ".join(line) + " |" for line in lines] if filled else []


def page(title: str, *blocks: Iterable[str]) -> str:
    """A page of blocks of lines, one empty line between them."""
    parts = [f"# {title}", *("\n".join(block) for block in blocks)]
    return "\n\n".join(part for part in parts if part) + "\n"
