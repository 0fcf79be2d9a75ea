"""Where plug-ins are: folders with a ``plugin.yaml``, and entry points of installed distributions.

Looking never runs code of a plug-in; only :func:`load_class` does.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse
from engine.ports.manifest import FILE, Manifest

NOT_FOUND = Code("plugin.not-found", "A plug-in that config.yaml names and that is neither in a folder nor installed.")
DOUBLE = Code("plugin.double", "Two plug-ins of one name.")
BROKEN = Code("plugin.broken", "A plug-in whose code cannot be imported, or whose object cannot be made.")

GROUP: Final = "tollbook.plugins"
"""Entry point group.  An entry point's name is the plug-in's; its value is the package that holds ``plugin.yaml``."""

SHIPPED: Final = Path(__file__).resolve().parents[2] / "plugins"
"""The plug-ins that come with the engine."""


class Found(msgspec.Struct, frozen=True):
    """A plug-in that was found: its folder, and its package if it is an installed one."""

    name: str
    folder: Path
    package: str = ""


def find(name: str, home: Path, where: Where) -> Found:
    """The plug-in that ``config.yaml`` calls ``name``.

    A name with a slash is a folder, relative to ``home``.  Any other name is looked for in ``home/plugins``, among
    the plug-ins that come with the engine, and among the entry points of :data:`GROUP`.

    Raises:
        TollbookError: ``plugin.not-found``, ``plugin.double``, ``plugin.broken``.
    """
    if "/" in name:
        folder = (home / name).resolve()
        if not (folder / FILE).is_file():
            raise refuse(
                NOT_FOUND, f"there is no plug-in in the folder {name!r}", mend=f"it needs a {FILE}", where=where
            )
        return Found(folder.name, folder)
    places = [*dict.fromkeys(folder.resolve() for folder in (home / "plugins", SHIPPED))]
    found = [Found(name, place / name) for place in places if (place / name / FILE).is_file()]
    found += [_installed(point, where) for point in _points() if point.name == name]
    found = list({item.folder: item for item in found}.values())
    if not found:
        raise refuse(
            NOT_FOUND, f"there is no plug-in {name!r}", mend=did_you_mean(name, known_names(places)), where=where
        )
    if len(found) > 1:
        raise refuse(
            DOUBLE,
            f"there are {len(found)} plug-ins {name!r}: " + ", ".join(str(item.folder) for item in found),
            mend="keep one, or name the folder, such as ./plugins/" + name,
            where=where,
        )
    return found[0]


def known_names(folders: Iterable[Path]) -> list[str]:
    """The names of all plug-ins in these folders and of all installed ones."""
    names = {manifest.parent.name for folder in folders for manifest in folder.glob(f"*/{FILE}")}
    return sorted(names | {point.name for point in _points()})


def _points() -> tuple[EntryPoint, ...]:
    """The entry points of :data:`GROUP`: all distributions are looked through again only where a folder of theirs changed."""
    return _points_in(tuple((place, _changed(place)) for place in sys.path))


def _changed(place: str) -> int:
    """When something was last put into a folder, in nanoseconds; 0 where there is none."""
    try:
        return Path(place).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=4)
def _points_in(places: tuple[tuple[str, int], ...]) -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP))


def _installed(point: EntryPoint, where: Where) -> Found:
    package = point.value.partition(":")[0].strip()
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        raise refuse(
            BROKEN,
            f"the entry point {point.name!r} names {point.value!r}, which is no installed package",
            mend=f"its value is the package that holds {FILE}",
            where=where,
        )
    return Found(point.name, Path(places[0]).resolve(), package)


def digest(folder: Path, settings: Mapping[str, Any] = {}, files: Mapping[str, Path] = {}) -> str:
    """12 hex digits of all that an adapter decides by.

    Args:
        folder: that of the plug-in; every file in it counts, but what Python compiled.
        settings: those of the adapter, with defaults.
        files: the files that the settings name, as :func:`files_named` gives them.
    """
    content = hashlib.sha256(json.dumps(settings, sort_keys=True, default=repr).encode())
    own = {f"plugin/{path.relative_to(folder).as_posix()}": path for path in _files(folder)}
    for name, path in sorted({**own, **files}.items()):
        data = path.read_bytes()
        content.update(f"\0{name}\0{len(data)}\0".encode(errors="surrogateescape"))
        content.update(data)
    return content.hexdigest()[:12]


def files_named(settings: Mapping[str, Any], schema: Mapping[str, Any], home: Path) -> dict[str, Path]:
    """The files that settings name, by where they are named: ``settings/table``.

    Every text in a setting that is the path of a file counts, relative to ``home``; those below a folder only where
    the setting says ``reads: true``, and none where it says ``reads: false``.
    """
    found: dict[str, Path] = {}
    for setting, value in settings.items():
        reads = schema.get(setting, {}).get("meta", {}).get("reads")
        for place, text in texts(f"settings/{setting}", value) if reads is not False else ():
            path = os.path.join(home, text)  # noqa: PTH118 - text may be no path, which Path does not forgive
            if os.path.isfile(path):  # noqa: PTH113
                found[place] = Path(path)
            elif reads and text and os.path.isdir(path):  # noqa: PTH112
                found |= {f"{place}/{each.relative_to(path).as_posix()}": each for each in _files(Path(path))}
    return found


def texts(place: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text in a value, with its place."""
    if isinstance(value, str):
        yield place, value
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from texts(f"{place}/{key}", inner)


def _files(folder: Path) -> list[Path]:
    """All files below a folder but what Python compiled."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and "__pycache__" not in path.relative_to(folder).parts
    ]


def load_class(found: Found, manifest: Manifest, where: Where) -> type:
    """The class of a plug-in; imports its module.

    Raises:
        TollbookError: ``plugin.broken``.
    """
    try:
        package = found.package or _as_package(found.folder)
        module = importlib.import_module(f"{package}.{manifest.module}")
    except Exception as error:
        raise refuse(
            BROKEN,
            f"plug-in {found.name!r} cannot be imported: {type(error).__name__}: {error}",
            mend=f"mend {manifest.module}.py in {found.folder}",
            where=where,
        ) from error
    value = vars(module).get(manifest.class_name)
    if isinstance(value, type):
        return value
    own = {name: item for name, item in vars(module).items() if inspect.isclass(item)}
    classes = [name for name, item in own.items() if item.__module__ == module.__name__]
    raise TollbookError(
        Finding(
            BROKEN,
            Where(manifest.file),
            f"plug-in {found.name!r} has no class {manifest.class_name!r} in {manifest.module}.py",
            mend=did_you_mean(manifest.class_name, classes),
        )
    )


def _as_package(folder: Path) -> str:
    """Make a folder importable as a package whose name no other has, so that its modules may import each other."""
    name = f"tollbook_plugin_{folder.name}_{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return name
    init = folder / "__init__.py"
    spec = importlib.util.spec_from_loader(name, None, is_package=True)
    if init.is_file():
        spec = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[str(folder)])
    assert spec is not None
    package: ModuleType = importlib.util.module_from_spec(spec)
    package.__path__ = [str(folder)]
    sys.modules[name] = package
    try:
        if spec.loader is not None:
            spec.loader.exec_module(package)
    except BaseException:
        del sys.modules[name]
        raise
    return name
