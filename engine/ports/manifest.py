"""``plugin.yaml``: what a plug-in says of itself, read and checked before any of its code runs.

.. code-block:: yaml

    name: tax_acme               # also the name of its folder or of its entry point
    version: 1.2.0               # part of every release of rules
    summary: Tax rates from Acme.
    ports: {tax: "1.0"}          # port -> version of the contract that it is written for; 1 is 1.0
    class: plugin:Acme           # module beside plugin.yaml, and the class in it
    batch: 200                   # most requests or effects of one call
    files: false                 # whether documents come with the files that rules make of them, such as a PDF
    outbound: true               # whether it calls another system; of one that does not, the request log keeps no bodies
    settings:                    # cerberus schema; every setting has a description, and a default unless it is required
      table: {type: string, required: true, description: File of rates.}
      log: {type: string, default: acme.log, reads: false, description: File that calls are noted in.}
    secrets:                     # name in the plug-in -> environment variable that holds it
      token: {variable: ACME_TOKEN, description: API token.}

A release covers the whole folder of the plug-in, its settings, and the files that they name: every text that is the
path of a file.  ``reads: false`` says that a setting names a file that the plug-in does not read, such as one that it
writes; ``reads: true`` that it reads all files below a folder that is named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.document import Document, Shape, parse, validate
from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean
from engine.ports.hookspecs import PORTS

NO_MANIFEST = Code("plugin.no-manifest", "A folder or package that is named as a plug-in and has no plugin.yaml.")
WRONG_NAME = Code("plugin.wrong-name", "A plugin.yaml whose name is not that of its folder or entry point.")
UNKNOWN_PORT = Code("plugin.unknown-port", "A plugin.yaml that names a port which does not exist.")
CONTRACT_VERSION = Code("plugin.contract-version", "A plug-in for another version of a port's contract.")
BAD_SETTING = Code("plugin.bad-setting", "A setting in plugin.yaml that has no default and is not required.")

SECRET_SETTING = Code("plugin.secret-setting", "A setting in plugin.yaml that is a secret by its name.")

FILE: Final = "plugin.yaml"

_TEXT: Final = {"type": "string", "required": True, "empty": False}
_RULES: Final[Mapping[str, Any]] = {
    "description": _TEXT,
    "type": {"type": ["string", "list"], "required": True},
    "default": {"nullable": True},
    "required": {"type": "boolean"},
    "nullable": {"type": "boolean"},
    "allowed": {"type": "list"},
    "min": {"type": "decimal"},
    "max": {"type": "decimal"},
    "minlength": {"type": "integer"},
    "maxlength": {"type": "integer"},
    "empty": {"type": "boolean"},
    "reads": {"type": "boolean"},
    "regex": {"type": "string"},
    "schema": {"type": "dict", "allow_unknown": True},
    "keysrules": {"type": "dict", "allow_unknown": True},
    "valuesrules": {"type": "dict", "allow_unknown": True},
}
"""The rules that the schema of one setting may have; those of nested schemas are checked when it is compiled."""

_SECRET_NAME: Final = re.compile(r"(?:^|_)(?:password|passphrase|secret|token|api_?key|private_?key|credentials?)$")

_META: Final = ("description", "reads")
"""Rules of a setting that are not for cerberus."""

SCHEMA: Final[Mapping[str, Any]] = {
    "name": {**_TEXT, "regex": "[a-z][a-z0-9_]*"},
    "version": {**_TEXT, "regex": r"[0-9]+\.[0-9]+\.[0-9]+([-+.][0-9A-Za-z.+-]+)?"},
    "summary": _TEXT,
    "ports": {
        "type": "dict",
        "required": True,
        "minlength": 1,
        "valuesrules": {"type": ["integer", "string"], "regex": r"[0-9]+\.[0-9]+"},
    },
    "class": {**_TEXT, "regex": r"[a-z_][a-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*"},
    "batch": {"type": "integer", "min": 1, "max": 100_000, "default": 500},
    "outbound": {"type": "boolean", "default": True},
    "files": {"type": "boolean", "default": False},
    "settings": {"type": "dict", "default": {}, "valuesrules": {"type": "dict", "schema": _RULES}},
    "secrets": {
        "type": "dict",
        "default": {},
        "valuesrules": {
            "type": "dict",
            "schema": {
                "variable": {**_TEXT, "regex": "[A-Z_][A-Z0-9_]*"},
                "description": _TEXT,
                "optional": {"type": "boolean"},
            },
        },
    },
}
"""cerberus schema of ``plugin.yaml``."""


class Secret(msgspec.Struct, frozen=True):
    """A secret that a plug-in needs: the environment variable that holds it by default, what it is, and whether the plug-in
    can do without it; it is then an empty text."""

    variable: str
    description: str
    optional: bool = False


class Manifest(msgspec.Struct, frozen=True):
    """A ``plugin.yaml`` that is in order.

    Attributes:
        name: of the plug-in.
        version: of the plug-in.
        summary: one sentence.
        ports: port -> major and minor version of its contract.
        module: module beside ``plugin.yaml`` that has the class.
        class_name: the class.
        batch: most requests or effects of one call.
        outbound: whether it calls another system.
        files: whether the documents that it is told come with files.
        settings: cerberus schema of the settings; the description of each, and what it reads, is in its ``meta``.
        secrets: name -> where it comes from.
        file: ``plugin.yaml`` as it is named in findings.
    """

    name: str
    version: str
    summary: str
    ports: Mapping[str, tuple[int, int]]
    module: str
    class_name: str
    batch: int
    outbound: bool
    files: bool
    settings: Mapping[str, Any]
    secrets: Mapping[str, Secret]
    file: str


def read_manifest(folder: Path, name: str) -> Manifest:
    """The manifest of the plug-in in ``folder``, which is known as ``name`` by its folder or entry point.

    Raises:
        TollbookError: with everything that is wrong with it.
    """
    path = folder / FILE
    try:
        document = parse(path.read_bytes(), str(path))
    except OSError as error:
        raise TollbookError(
            Finding(
                NO_MANIFEST,
                Where(str(path)),
                f"plug-in {name!r} has no readable {FILE}: {error.strerror}",
                mend=f"a plug-in is a folder with a {FILE} and the module that it names",
            )
        ) from None
    values, findings = validate(document, SCHEMA)
    if findings:
        raise TollbookError(findings)
    settings = {key: _setting(rules) for key, rules in values["settings"].items()}
    findings = [*_name(document, values, name), *_ports(document, values), *_settings(document, settings)]
    if findings:
        raise TollbookError(findings)
    module, _, class_name = values["class"].partition(":")
    return Manifest(
        name=values["name"],
        version=values["version"],
        summary=values["summary"],
        ports={port: version_of(written) for port, written in values["ports"].items()},
        module=module,
        class_name=class_name,
        batch=values["batch"],
        outbound=values["outbound"],
        files=values["files"],
        settings=settings,
        secrets={key: Secret(**secret) for key, secret in values["secrets"].items()},
        file=document.file,
    )


def version_of(written: int | str) -> tuple[int, int]:
    """Major and minor version of a contract as ``plugin.yaml`` has it: ``1`` is ``1.0``."""
    major, _, minor = str(written).partition(".")
    return int(major), int(minor or 0)


def _setting(rules: Mapping[str, Any]) -> dict[str, Any]:
    """A setting's rules as cerberus takes them: its description, and what it reads, are in ``meta``."""
    return {
        **{rule: value for rule, value in rules.items() if rule not in _META},
        "meta": {rule: rules[rule] for rule in _META if rule in rules},
    }


def _name(document: Document, values: Mapping[str, Any], name: str) -> list[Finding]:
    if values["name"] == name:
        return []
    where = document.where(("name",))
    return [
        Finding(
            WRONG_NAME,
            where,
            f"the plug-in calls itself {values['name']!r} and is found as {name!r}",
            mend=f"write name: {name}, or rename its folder or entry point",
        )
    ]


def _ports(document: Document, values: Mapping[str, Any]) -> list[Finding]:
    findings = []
    for port, contract in values["ports"].items():
        if port not in PORTS:
            findings.append(
                Finding(
                    UNKNOWN_PORT,
                    document.where_key(("ports", port)),
                    f"plug-in {values['name']!r} serves the port {port!r}, which does not exist",
                    mend=did_you_mean(port, PORTS),
                )
            )
            continue
        major, minor = version_of(contract)
        if major != PORTS[port].contract or minor > PORTS[port].minor:
            findings.append(
                Finding(
                    CONTRACT_VERSION,
                    document.where(("ports", port)),
                    f"plug-in {values['name']!r} is written for version {contract} of the port {port!r}; "
                    f"this engine has version {PORTS[port].version}",
                    mend=f"hooks {', '.join(PORTS[port].hooks)}: use a version of the plug-in for this engine, "
                    "or bring it up to date",
                )
            )
    return findings


def _settings(document: Document, settings: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    findings = []
    for key, rules in settings.items():
        where = document.where_key(("settings", key))
        if "default" not in rules and not rules.get("required"):
            findings.append(
                Finding(
                    BAD_SETTING,
                    where,
                    f"setting {key!r} has no default",
                    mend="add default: …, or required: true",
                )
            )
        if _SECRET_NAME.search(key):
            why = "a setting stands in config.yaml, in releases and in findings"
            what = f"setting {key!r} is a secret by its name"
            findings.append(Finding(SECRET_SETTING, where, what, why, "declare it under secrets, or name it otherwise"))
        try:
            Shape({key: rules})
        except TollbookError as error:
            findings += [finding.at(where) for finding in error.findings]
    return findings
