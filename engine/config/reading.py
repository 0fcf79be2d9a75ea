"""Reading ``config.yaml``: every mistake with its line, in one go.

A setting given by ``--set`` replaces the one in the file before anything is checked, so it passes the same checks; its
mistakes are reported at ``--set PATH``.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.base.document import Document, parse, validate
from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse
from engine.config.api import made_api
from engine.config.checks import SQLITE, check, filled, secret_variable
from engine.config.config import Adapter, Config, Database, Fx, Rules, Runs, Tenant
from engine.config.schedule import Scheduler, made
from engine.config.settings import SETTINGS, schema

NO_FILE = Code("config.no-file", "A configuration file that cannot be read.")
NOT_SETTABLE = Code("config.not-settable", "A --set whose path does not lead to a setting.")

Steps = tuple[str | int, ...]


class Settings(Document):
    """The document of a file whose data were changed by ``--set``: what was given there has its place there."""

    __slots__ = ("_given",)

    def __init__(self, document: Document) -> None:
        super().__init__(document.file, copy.deepcopy(document.data), document._root, document._text)
        self._given: dict[Steps, Where] = {}

    def give(self, steps: Steps, value: Any, where: Where) -> None:
        """Put a value at a path; mappings on the way are made."""
        data = self.data
        for step in steps[:-1]:
            if isinstance(data, dict) and data.get(step) is None:
                data[step] = {}
            data = data[step]
        data[steps[-1]] = value
        self._given[steps] = where

    def _place(self, path: Iterable[str | int]) -> Where | None:
        steps = tuple(path)
        return next((self._given[steps[:n]] for n in range(len(steps), 0, -1) if steps[:n] in self._given), None)

    def where(self, path: Iterable[str | int] = ()) -> Where:
        """The place of a value."""
        steps = tuple(path)
        return self._place(steps) or super().where(steps)

    def where_key(self, path: Iterable[str | int]) -> Where:
        """The place of a key."""
        steps = tuple(path)
        return self._place(steps) or super().where_key(steps)


def load(
    path: Path, overrides: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None
) -> Config:
    """The settings of a file.

    Args:
        path: the file; relative paths in it start in its folder.
        overrides: path of a setting -> its value as written on the command line; ``adapters.NAME.settings.folder``
            leads into the adapter of that name.
        environment: where ``${NAME}`` is looked up; the process's own by default.

    Raises:
        TollbookError: all that is wrong with it (``config.*``, ``document.*``).
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        what = f"the configuration cannot be read: {error.strerror}"
        raise refuse(
            NO_FILE, what, mend="name the file with --config, or go to its folder", where=Where(str(path))
        ) from None
    document = Settings(parse(text, str(path)))
    if document.data is None:
        document.data = {}
    folder = path.resolve().parent
    surroundings = os.environ if environment is None else environment
    findings = _override(document, overrides or {})
    values, wrong = validate(document, schema())
    findings += wrong
    if isinstance(values, dict):
        findings += check(document, values, folder, surroundings)
    if findings:
        raise TollbookError(sorted(findings, key=lambda finding: finding.where))
    return Config(
        folder=folder,
        tenant=Tenant(**values["tenant"]),
        database=Database(_complete(filled(values["database"]["url"], surroundings), folder)),
        rules=Rules(
            tuple((folder / name).resolve() for name in values["rules"]["folders"]), values["rules"]["releases"]
        ),
        adapters=tuple(_adapter(document, number, adapter) for number, adapter in enumerate(values["adapters"])),
        runs=Runs(**values["runs"]),
        fx=Fx(**values["fx"]),
        bank_sources={str(account): kind for account, kind in values["bank_sources"].items()},
        books={name: tuple(entities) for name, entities in values["books"].items()},
        roles={role: frozenset(verbs) for role, verbs in values["roles"].items()},
        people={person: tuple(roles) for person, roles in values["people"].items()},
        approvals={act: tuple(wanted) for act, wanted in values["approvals"].items()},
        approvals_from=values["approvals_from"],
        approvals_off=values["approvals_off"],
        schedule=tuple(map(made, values["schedule"])),
        scheduler=Scheduler(**values["scheduler"]),
        api=made_api(values["api"], secret_variable),
        document=document,
    )


def _complete(url: str, folder: Path) -> str:
    """The address with the whole path of a SQLite file."""
    if not url.startswith(SQLITE):
        return url
    return SQLITE + str((folder / url.removeprefix(SQLITE)).resolve())


def _adapter(document: Document, number: int, values: Mapping[str, Any]) -> Adapter:
    secrets = {name: secret_variable(text) for name, text in values["secrets"].items()}
    return Adapter(**{**values, "secrets": secrets}, document=document, path=("adapters", number))


def _override(document: Settings, overrides: Mapping[str, str]) -> list[Finding]:
    """Put what ``--set`` gives into the document."""
    findings: list[Finding] = []
    for name, text in overrides.items():
        where = Where(f"--set {name}")
        try:
            steps = _steps(document.data, name, where)
            document.give(steps, _value(steps, text, where), where)
        except TollbookError as error:
            findings += error.findings
    return findings


def _steps(data: Any, name: str, where: Where) -> Steps:
    """The way to a setting; the elements of a list go by their name."""
    first, _, rest = name.partition(".")
    by_key = rest and any(setting.path == first for setting in SETTINGS)  # what follows is one key, points and all
    steps: list[str | int] = []
    for part in (first, rest) if by_key else name.split("."):
        if isinstance(data, list):
            names = {item.get("name"): number for number, item in enumerate(data) if isinstance(item, dict)}
            if part not in names:
                what = f"there is nothing of the name {part!r} in {first}"
                raise refuse(NOT_SETTABLE, what, mend=did_you_mean(part, map(str, names)), where=where)
            steps.append(names[part])
            data = data[names[part]]
        elif not part or not isinstance(data, dict | None):
            what = f"{name!r} does not lead to a setting"
            raise refuse(NOT_SETTABLE, what, mend="name one, such as --set runs.workers=2", where=where)
        else:
            steps.append(part)
            data = (data or {}).get(part)
    return tuple(steps)


def _value(steps: Steps, text: str, where: Where) -> Any:
    """A value as written on the command line: a text where the setting is one, YAML anywhere else."""
    path = ".".join("[]" if isinstance(step, int) else step for step in steps).replace(".[]", "[]")
    if any(setting.path == path and setting.rules["type"] == "string" for setting in SETTINGS):
        return text
    return parse(text, where.file).data
