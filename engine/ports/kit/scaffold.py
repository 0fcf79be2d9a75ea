"""A new plug-in from the templates of its port: a package that works, with the tests of its contract."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Final

import msgspec

from engine.base.errors import Code, TollbookError, did_you_mean, refuse
from engine.ports.discovery import SHIPPED, known_names
from engine.ports.hookspecs import PORTS
from engine.ports.manifest import UNKNOWN_PORT

BAD_NAME = Code("kit.bad-name", "A name that a new plug-in cannot have.")
EXISTS = Code("kit.exists", "A new plug-in whose folder is there already.")
NO_FOLDER = Code("kit.no-folder", "A folder for a new plug-in that is a file, or that cannot be written.")

TEMPLATES: Final = Path(__file__).with_name("templates")
LONGEST: Final = 40
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")

FILES: Final[Mapping[str, str]] = {
    "README.md": "common/README.md",
    "pyproject.toml": "common/pyproject.toml",
    "{name}/__init__.py": "",
    "{name}/py.typed": "",
    "{name}/plugin.yaml": "{port}/plugin.yaml",
    "{name}/plugin.py": "{port}/plugin.py",
    "tests/test_contract.py": "{port}/test_contract.py",
}
"""Each file of a new plug-in -> its template; a file without one is empty, or has the summary in it."""


class Scaffold(msgspec.Struct, frozen=True):
    """A plug-in that was made: its project's folder, the folder of its ``plugin.yaml`` below it, and all files."""

    port: str
    name: str
    folder: Path
    plugin: Path
    files: tuple[str, ...]


def new_plugin(port: str, name: str, into: Path) -> Scaffold:
    """Make a plug-in in a new folder of its name, and what is missing of the folder ``into``; all of the plug-in, or nothing.

    Raises:
        TollbookError: ``plugin.unknown-port``, ``kit.bad-name``, ``kit.exists``, ``kit.no-folder``.
    """
    if port not in PORTS:
        why = f"the ports are {', '.join(sorted(PORTS))}"
        raise refuse(UNKNOWN_PORT, f"there is no port {port!r}", why=why, mend=did_you_mean(port, PORTS))
    _check_name(name)
    if into.exists() and not into.is_dir():
        raise refuse(NO_FOLDER, f"{str(into)!r} is a file, not a folder", mend="name another with --into")
    folder = into / name
    if folder.exists():
        raise refuse(
            EXISTS,
            f"{str(folder)!r} is there already",
            why="nothing that exists is written over",
            mend="choose another name, or another folder with --into",
        )
    if importlib.util.find_spec(name) is not None:
        why = "there is a Python module of this name already"
        raise refuse(BAD_NAME, f"a plug-in cannot be called {name!r}", why=why, mend="choose another")
    texts = rendered(port, name)
    part = into / f".{name}.part"
    try:
        shutil.rmtree(part, ignore_errors=True)
        for file, text in texts.items():
            path = part / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        part.rename(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        what = f"{str(folder)!r} cannot be written: {error.strerror}"
        raise refuse(NO_FOLDER, what, mend="name another folder with --into") from None
    return Scaffold(port, name, folder, folder / name, tuple(texts))


def rendered(port: str, name: str) -> dict[str, str]:
    """The files of a new plug-in -> their texts."""
    spec = PORTS[port]
    values = {
        "name": name,
        "dashed": name.replace("_", "-"),
        "upper": name.upper(),
        "class_name": "".join(part.capitalize() for part in name.split("_")),
        "port": port,
        "contract": spec.version,
    }
    for part in ("summary", "about", "adapter.yaml"):
        suffix = "" if "." in part or part == "summary" else ".md"
        values[part.partition(".")[0]] = _filled(f"{port}/{part}{suffix}", values).strip("\n")
    values["wire"] = _template("common/wire.md") if spec.verb != "provide" else ""
    texts = {}
    for file, template in FILES.items():
        path = file.format(name=name)
        text = _filled(template.format(port=port), values) if template else ""
        texts[path] = f'"""{values["summary"]}"""\n' if path.endswith("__init__.py") else _tidy(path, text)
    return texts


def _filled(template: str, values: Mapping[str, str]) -> str:
    return Template(_template(template)).substitute(values)


def _template(name: str) -> str:
    return (TEMPLATES / f"{name}.tmpl").read_text(encoding="utf-8")


def _tidy(path: str, text: str) -> str:
    """A text without blank lines that empty values have left behind."""
    lines = text.rstrip().split("\n")
    if path.endswith(".md"):
        lines = [line for place, line in enumerate(lines) if line.strip() or lines[place - 1 : place] != [""]]
    return "\n".join(lines) + "\n" if text else ""


def _check_name(name: str) -> None:
    """Refuse a name that a plug-in and its package cannot have."""

    def bad(why: str, mend: str = "") -> TollbookError:
        return refuse(BAD_NAME, f"a plug-in cannot be called {name!r}", why=why, mend=mend or "such as tax_acme")

    if not _NAME.fullmatch(name) or len(name) > LONGEST:
        raise bad(f"a name is lower-case letters, digits and _, begins with a letter, and is {LONGEST} long at most")
    if keyword.iskeyword(name) or name == "tests":
        raise bad("it is a word of Python, or the folder of its tests")
    if name in known_names([SHIPPED]):
        raise bad("there is a plug-in of this name already", "choose another")
