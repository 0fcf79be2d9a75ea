"""What a schema cannot say of the settings.

Each check looks at what it understands and passes over the rest: mistakes of form and meaning are said in one go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from engine.base.address import SCHEME
from engine.base.document import Document
from engine.base.errors import Code, Finding, Where, did_you_mean
from engine.config.acts import check_acts
from engine.config.api import check_api
from engine.config.schedule import check_schedule

MISSING_VARIABLE = Code("config.missing-variable", "An environment variable that a setting names and that is not set.")
NO_VARIABLE = Code("config.no-variable", "A ${NAME} in a setting in which the environment is not looked up.")
WRITTEN_SECRET = Code("config.written-secret", "A secret that stands in the file instead of in the environment.")
BAD_URL = Code("config.bad-url", "The address of a database that is neither SQLite nor PostgreSQL.")
NO_FOLDER = Code("config.no-folder", "A folder that a setting names and that is not there.")
DOUBLE_ADAPTER = Code("config.double-adapter", "Two adapters of one name.")
TAKEN_NAME = Code("config.taken-name", "An adapter with a name that stands for something else.")
UNKNOWN_ROLE = Code("config.unknown-role", "A person with a role that the configuration does not have.")

TAKEN: Final[Mapping[str, str]] = {
    "inbox": "puts documents into the customer's inbox in the books",
    "none": "means that nobody is asked or told",
}
"""Names that no adapter may have, and what they stand for."""

SQLITE: Final = "sqlite:///"
POSTGRESQL: Final = re.compile(r"postgresql(\+[a-z0-9]+)?://.")
VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

T = TypeVar("T")


def check(
    document: Document, values: Mapping[str, Any], folder: Path, environment: Mapping[str, str]
) -> Iterator[Finding]:
    """Everything that is wrong with the meaning of settings; ``values`` has the defaults filled in."""
    yield from _url(document, _at(values, str, "database", "url"), environment)
    yield from _folders(document, _at(values, list, "rules", "folders"), folder)
    yield from _adapters(document, _at(values, list, "adapters"))
    yield from _roles(document, _at(values, dict, "people"), _at(values, dict, "roles"))
    yield from check_acts(document, values)
    yield from check_schedule(document, values)
    yield from check_api(document, values, secret_variable)
    yield from _variables(document, document.data, ())


def filled(text: str, environment: Mapping[str, str]) -> str:
    """A text with each ``${NAME}`` replaced by what the environment has for it."""
    return VARIABLE.sub(lambda match: environment.get(match[1], match[0]), text)


def secret_variable(text: Any) -> str:
    """The variable in ``${VARIABLE}``; empty where the secret is anything else."""
    match = VARIABLE.fullmatch(text) if isinstance(text, str) else None
    return match[1] if match else ""


def _at(values: Any, kind: type[T], *path: str) -> T:
    """The value at a path, or an empty one where there is none of the kind."""
    for step in path:
        values = values.get(step) if isinstance(values, dict) else None
    return values if isinstance(values, kind) else kind()


def _url(document: Document, url: str, environment: Mapping[str, str]) -> Iterator[Finding]:
    where = document.where(("database", "url"))
    missing = [variable for variable in dict.fromkeys(VARIABLE.findall(url)) if variable not in environment]
    for variable in missing:
        what = f"database.url needs the environment variable {variable}, which is not set"
        yield Finding(MISSING_VARIABLE, where, what, mend=f"set {variable}")
    whole = filled(url, environment)
    good = POSTGRESQL.match(whole) or (whole.startswith(SQLITE) and whole != SQLITE)
    if url and not good and not missing:
        scheme, mark, _ = whole.partition("://")
        what = f"database.url begins with {scheme + mark if mark and SCHEME.fullmatch(scheme) else 'no scheme'}"
        mend = "write sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/NAME"
        yield Finding(BAD_URL, where, what, mend=mend)


def _folders(document: Document, names: list[Any], home: Path) -> Iterator[Finding]:
    for number, name in enumerate(names):
        if isinstance(name, str) and not (home / name).is_dir():
            where = document.where(("rules", "folders", number))
            yield Finding(NO_FOLDER, where, f"there is no folder {name!r}", mend=f"it would be {home / name}")


def _adapters(document: Document, adapters: list[Any]) -> Iterator[Finding]:
    places: dict[str, Where] = {}
    for number, adapter in enumerate(adapters):
        name = _at(adapter, str, "name")
        where = document.where(("adapters", number, "name"))
        if name in TAKEN:
            why = f"in rules it {TAKEN[name]}"
            yield Finding(TAKEN_NAME, where, f"no adapter may have the name {name!r}", why, "rename it")
        elif name in places:
            why = f"the other stands on line {places[name].line}"
            yield Finding(DOUBLE_ADAPTER, where, f"there are two adapters of the name {name!r}", why, "rename one")
        elif name:
            places[name] = where
        for secret, text in _at(adapter, dict, "secrets").items():
            if not secret_variable(text):
                where = document.where(("adapters", number, "secrets", secret))
                why = "a secret stands in the environment, never in a file"
                mend = f"write {secret}: ${{VARIABLE}}"
                yield Finding(WRITTEN_SECRET, where, f"the secret {secret!r} is written out", why, mend)


def _roles(document: Document, people: dict[str, Any], known: dict[str, Any]) -> Iterator[Finding]:
    for person, roles in people.items():
        for number, role in enumerate(roles if isinstance(roles, list) else ()):
            if isinstance(role, str) and role not in known:
                where = document.where(("people", person, number))
                what = f"{person!r} has the role {role!r}, which is not under roles"
                yield Finding(UNKNOWN_ROLE, where, what, mend=did_you_mean(role, known))


def _variables(document: Document, data: Any, path: tuple[str | int, ...]) -> Iterator[Finding]:
    """A finding for each ``${NAME}`` that stands where nobody looks it up."""
    if path == ("database", "url") or (path[:1] + path[2:] == ("adapters", "secrets")):
        return
    if path[:2] + path[3:] == ("api", "clients", "token"):
        return
    match = VARIABLE.search(data) if isinstance(data, str) else None
    if match:
        what = f"{path[-1] if path else 'the file'} has {match[0]}, which stays as it is"
        why = "the environment is looked up for database.url, secrets of adapters and tokens of clients only"
        yield Finding(NO_VARIABLE, document.where(path), what, why, "write the value")
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, value in pairs:
        yield from _variables(document, value, (*path, step))
