"""What a contract gives up: warned of by name in one minor version, refused in the next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from engine.base.errors import TollbookError
from engine.ports.hookspecs import PORTS, Deprecated
from engine.ports.host import Host
from engine.ports.manifest import version_of

Write = Callable[..., Path]
MakeHost = Callable[..., Host]

OLD = """
@hookimpl
def tax_quote(self, requests):
    return []

@hookimpl
def tax_documents(self, requests):
    return []
"""
BARE = "@hookimpl\ndef tax_quote(self):\n    return []\n"


def aged(monkeypatch: pytest.MonkeyPatch, minor: int, *deprecated: Deprecated) -> None:
    """The port tax in a later version of its contract."""
    later = msgspec.structs.replace(PORTS["tax"], minor=minor, deprecated=deprecated)
    monkeypatch.setitem(PORTS, "tax", later)  # type: ignore[arg-type]


def host(write: Write, make: MakeHost, methods: str = OLD, ports: str = "{tax: 1}") -> Host:
    write("old", methods, ports=ports)
    return make("- {name: it, port: tax, plugin: old}")


HOOK = Deprecated("tax_documents", 3, "tax_status with a key")
ARGUMENT = Deprecated("tax_quote", 3, "the context", argument="requests")


@pytest.mark.parametrize(
    ("one", "thing"),
    [
        (HOOK, "the hook 'tax_documents'"),
        (ARGUMENT, "the argument 'requests' of the hook 'tax_quote'"),
    ],
)
def test_an_old_plug_in_is_warned_of_and_then_refused(
    write_plugin: Write, make_host: MakeHost, monkeypatch: pytest.MonkeyPatch, one: Deprecated, thing: str
) -> None:
    aged(monkeypatch, 3, one)
    made = host(write_plugin, make_host)
    (warning,) = made.noticed()
    assert (warning.code, warning.level) == ("plugin.deprecated", "warning")
    assert warning.what == f"plug-in 'old' has {thing}, which version 1.3 of the port 'tax' gives up"
    assert (warning.why, warning.mend) == ("version 1.4 refuses it", f"use {one.instead}")
    assert warning.where.file.endswith("plugin.py") and warning.where.line
    assert made.noticed() == []
    aged(monkeypatch, 4, one)
    with pytest.raises(TollbookError) as caught:
        make_host("- {name: it, port: tax, plugin: old}")
    (finding,) = caught.value.findings
    assert (finding.code, finding.mend) == ("plugin.given-up", f"use {one.instead}")
    assert thing in finding.what and "1.4" in finding.what


def test_who_does_without_is_neither_warned_of_nor_refused(
    write_plugin: Write, make_host: MakeHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    aged(monkeypatch, 3, ARGUMENT, HOOK)
    assert host(write_plugin, make_host, BARE).noticed() == []


@pytest.mark.parametrize(
    ("written", "minor", "good"),
    [("1", 0, True), ("1", 4, True), ('"1.4"', 4, True), ('"1.5"', 4, False), ("2", 4, False), ('"0.9"', 4, False)],
)
def test_a_plug_in_of_an_earlier_minor_version_is_taken(
    write_plugin: Write, make_host: MakeHost, monkeypatch: pytest.MonkeyPatch, written: str, minor: int, good: bool
) -> None:
    aged(monkeypatch, minor)
    if good:
        assert host(write_plugin, make_host, ports=f"{{tax: {written}}}").adapters("tax") == ("it",)
        return
    with pytest.raises(TollbookError) as caught:
        host(write_plugin, make_host, ports=f"{{tax: {written}}}")
    assert [finding.code for finding in caught.value.findings] == ["plugin.contract-version"]


@pytest.mark.parametrize("written", ["1.4", '"1"', '"one"', "[1]", '"1.4.2"'])
def test_a_version_is_a_whole_number_or_a_text_of_two(write_plugin: Write, make_host: MakeHost, written: str) -> None:
    """``1.4`` without quotes is a number of YAML, in which 1.10 would be 1.1."""
    with pytest.raises(TollbookError) as caught:
        host(write_plugin, make_host, ports=f"{{tax: {written}}}")
    assert caught.value.findings[0].where.file.endswith("plugin.yaml")


def test_versions_are_read() -> None:
    assert [version_of(written) for written in (1, "1.0", "2.10")] == [(1, 0), (1, 0), (2, 10)]
