"""What plug-ins provide: methods for families of rules, and kinds of files; asked for once, when the host loads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.model.decision import Method
from engine.model.numbering import Signer
from engine.ports.answers import format_flaws, kind_flaws, method_flaws, signer_flaws
from engine.ports.calling import Line, bounded
from engine.ports.failure import AdapterFailed
from engine.ports.hookspecs.bank import Kind
from engine.ports.hookspecs.einvoice import Format

DOUBLE_METHOD = Code("plugin.double-method", "Two plug-ins that provide a method of one name for one family.")
DOUBLE_FORMAT = Code("plugin.double-format", "Two plug-ins that provide a kind of file of one name.")

Flaws = Callable[[str, str, Any], list[Finding]]


def provided(
    lines: Iterable[Line],
) -> tuple[Mapping[str, Mapping[str, Method]], Mapping[str, Format], Mapping[str, Kind]]:
    """The methods that plug-ins add, by family and name; the kinds of files that they write and read, by name.

    Raises:
        TollbookError: with all that is wrong with any of them.
    """
    methods: dict[str, dict[str, Method]] = {}
    formats: dict[str, Format] = {}
    kinds: dict[str, Kind] = {}
    owner: dict[tuple[str, ...], str] = {}
    findings: list[Finding] = []
    known = list(lines)
    for name, answer in _asked(known, "methods", "provide_methods", method_flaws, findings):
        for family, named in answer.items():
            for method, value in named.items():
                if _mine(owner, ("method", family, method), name, findings):
                    methods.setdefault(family, {})[method] = value
    for name, answer in _asked(known, "einvoice", "einvoice_formats", format_flaws, findings):
        for kind, value in answer.items():
            if _mine(owner, ("format", kind), name, findings):
                formats[kind] = value
    for name, answer in _asked(known, "bank", "bank_kinds", kind_flaws, findings):
        for kind, value in answer.items():
            if _mine(owner, ("kind", kind), name, findings):
                kinds[kind] = value
    if findings:
        raise TollbookError(findings)
    return methods, formats, kinds


def signers_of(lines: Iterable[Line]) -> Mapping[str, Signer]:
    """The keys that plug-ins sign with, by adapter.

    Raises:
        TollbookError: with all that is wrong with any of them.
    """
    findings: list[Finding] = []
    found = dict(_asked(list(lines), "signing", "signing_signer", signer_flaws, findings))
    if findings:
        raise TollbookError(findings)
    return found


def _asked(
    lines: Iterable[Line], port: str, hook: str, flaws: Flaws, findings: list[Finding]
) -> Iterable[tuple[str, Any]]:
    """What the adapters of a port answer, by adapter; what is wrong goes to ``findings``."""
    for line in lines:
        if line.adapter.port != port:
            continue
        try:
            answer = bounded(line.adapter, hook, {}, line.mask)
        except AdapterFailed as failed:
            findings += failed.findings
            continue
        found = flaws(line.adapter.name, hook, answer)
        findings += found
        if not found:
            yield line.adapter.name, answer


def _mine(owner: dict[tuple[str, ...], str], key: tuple[str, ...], adapter: str, findings: list[Finding]) -> bool:
    """Whether an adapter is the first one that provides something; if not, that is a finding."""
    other = owner.setdefault(key, adapter)
    if other == adapter:
        return True
    if key[0] == "method":
        code, what = DOUBLE_METHOD, f"the method {key[2]!r} of the family {key[1]!r}"
    else:
        code, what = DOUBLE_FORMAT, f"the kind of file {key[1]!r}"
    findings.append(
        Finding(
            code,
            Where(f"adapter {adapter}"),
            f"{what} is also provided by adapter {other!r}",
            mend=f"remove one of the adapters, or rename the {key[0]}",
        )
    )
    return False
