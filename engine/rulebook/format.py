"""The canonical form of rule files: one order of keys, two spaces a level, nothing at the end of a line.

Formatting works on lines and keeps every comment and every value as it is written.  After each step the text is parsed
again; a step that would change what the file says is not taken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from engine.base.document import Document, parse
from engine.base.errors import TollbookError
from engine.rulebook.fileshape import SCHEMA

KEYS: Final = tuple(SCHEMA)
"""The order of the keys at the top of a rule file."""

Step = Callable[[Document, list[str]], list[str]]


def format_rules(content: bytes, file: str) -> str:
    """The canonical form of a rule file; ``file`` names it in messages.

    Raises:
        TollbookError: where it cannot be parsed.
    """
    document = parse(content, file)
    meaning = document.data
    text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    for step in (_indented, _ordered, _tidy):
        changed = "\n".join(step(document, text.split("\n")))
        try:
            after = parse(changed, file)
        except TollbookError:
            continue
        if _same(after.data, meaning):
            document, text = after, changed
    return text


def _same(one: object, other: object) -> bool:
    """Whether two values are written alike: 1.0 is not 1.00, and 1 is not true."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and str(one) == str(other)


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _column(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _indented(document: Document, lines: list[str]) -> list[str]:
    """Two spaces a level, also for lists below a key; lines between go with the key or item that they belong to."""
    layout = document.layout()
    out = list(lines)
    shift = 0
    for number, line in enumerate(lines):
        entry = layout.entries.get(number)
        if entry is not None:
            dashed = entry.content != entry.column
            begin = " " * entry.new + ("-" + " " * (entry.new_content - entry.new - 1) if dashed else "")
            out[number] = begin + line[entry.content :]
            shift = entry.new_content - entry.content
        elif line.strip() and (number in layout.frozen or not _is_comment(line)):
            out[number] = " " * max(0, _column(line) + layout.frozen.get(number, shift)) + line.lstrip(" ")
        elif line.strip():
            below = next((n for n in range(number, len(lines)) if n in layout.entries), None)
            same = below is not None and layout.entries[below].column == _column(line)
            to = layout.entries[below].new if same and below is not None else max(0, _column(line) + shift)
            out[number] = " " * to + line.lstrip(" ")
    return out


def _ordered(document: Document, lines: list[str]) -> list[str]:
    """The keys at the top in the order of :data:`KEYS`, each with the comment lines right above it."""
    keys = document.layout().keys
    if not keys:
        return lines
    starts = {}
    for key, line in keys.items():
        while line > 0 and _is_comment(lines[line - 1]) and not lines[line - 1].startswith(" "):
            line -= 1
        starts[key] = line
    ordered = sorted(keys, key=lambda key: (KEYS.index(key) if key in KEYS else len(KEYS), keys[key]))
    if ordered == list(keys):
        return lines
    last = len(lines)
    while lines[last - 1].startswith("#") or not lines[last - 1].strip():
        last -= 1
    while last < len(lines) and lines[last].strip():
        last += 1
    ends = [*sorted(starts.values())[1:], last]
    parts = {key: lines[start:end] for (key, start), end in zip(starts.items(), ends, strict=True)}
    apart = {key for key, start in starts.items() if start and not lines[start - 1].strip()}
    out = lines[: min(starts.values())]
    for key in ordered:
        part = parts[key]
        while part and not part[-1].strip():
            part = part[:-1]
        out += ([""] if key in apart and out and out[-1].strip() else []) + part
    return out + lines[last:]


def _tidy(document: Document, lines: list[str]) -> list[str]:
    """Nothing at the end of lines, one empty line at most, one line end at the end of the file."""
    frozen = document.layout().frozen
    out: list[str] = []
    for number, line in enumerate(lines):
        if number in frozen:
            out.append(line)
        elif line.strip() or (out and out[-1].strip()):
            out.append(line.rstrip())
    while out and not out[-1].strip():
        out.pop()
    return [*out, ""] if out else []
