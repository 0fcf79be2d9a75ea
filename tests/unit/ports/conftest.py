"""Plug-ins written on the spot, and a host for them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.config import load
from engine.model.tax import TaxRequest
from engine.ports.contracts import TestClock
from engine.ports.host import Host
from engine.ports.recording import Recorder

PREAMBLE = """
from __future__ import annotations
import time
from decimal import Decimal, getcontext
from engine.model.decision import Method
from engine.model.effect import Answer
from engine.model.tax import TaxQuote
from engine.ports.hookspecs import Permanent, Transient, Unknown, hookimpl
from engine.ports.hookspecs.tax import NoQuote
"""

Write = Callable[..., Path]
MakeHost = Callable[..., Host]


@pytest.fixture
def write_plugin(tmp_path: Path) -> Write:
    """Writes a plug-in into ``tmp_path/plugins``, whose class ``It`` has these methods; returns its folder."""

    def write(name: str, methods: str, ports: str = "{tax: 1}", manifest: str = "", folder: Path | None = None) -> Path:
        home = (folder or tmp_path / "plugins") / name
        home.mkdir(parents=True)
        head = f"name: {name}\nversion: 1.2.3\nsummary: A plug-in of a test.\nports: {ports}\nclass: plugin:It\n"
        (home / "plugin.yaml").write_text(head + textwrap.dedent(manifest))
        body = "class It:\n    def __init__(self, context):\n        self.context = context\n\n"
        (home / "plugin.py").write_text(PREAMBLE + body + textwrap.indent(textwrap.dedent(methods), "    "))
        return home

    return write


@pytest.fixture
def clock() -> TestClock:
    """The time that the host goes by."""
    return TestClock()


@pytest.fixture
def make_host(tmp_path: Path, clock: TestClock) -> MakeHost:
    """A host with the adapters of a YAML text."""

    def make(adapters: str, environment: Mapping[str, str] | None = None, recorder: Recorder | None = None) -> Host:
        path = tmp_path / "config.yaml"
        path.write_text("rules: {folders: [.]}\nadapters:\n" + textwrap.indent(textwrap.dedent(adapters), "  "))
        config = load(path, {}, environment or {})
        return Host(config.adapters, config.folder, environment or {}, recorder=recorder, clock=clock)

    return make


@pytest.fixture
def tax_host(write_plugin: Write, make_host: MakeHost) -> Callable[..., Host]:
    """A host whose adapter ``it`` answers ``tax_quote`` with the given body; ``ok(r, **changes)`` is a good quote."""

    def make(
        body: str,
        *,
        batch: int = 500,
        timeout: int = 5,
        secrets: str = "",
        environment: Any = None,
        more: str = "",
        recorder: Recorder | None = None,
    ) -> Host:
        methods = (
            "def ok(self, r, **changes):\n"
            "    fields = dict(key=r.key, rate=Decimal('0.10'), amount=r.amount / 10, category='S')\n"
            "    fields |= dict(jurisdiction='DE', source='it')\n"
            "    return TaxQuote(**{**fields, **changes})\n\n"
            "@hookimpl\ndef tax_quote(self, requests):\n" + textwrap.indent(textwrap.dedent(body), "    ")
        )
        write_plugin("tax_it", methods, manifest=f"batch: {batch}\n{secrets}")
        adapter = f"- {{name: it, port: tax, plugin: tax_it, timeout: {timeout}{more}}}\n"
        return make_host(adapter, environment, recorder)

    return make


def request(key: str, amount: str = "100.00", currency: str = "EUR") -> TaxRequest:
    """A question about a line."""
    return TaxRequest(
        key=key,
        tenant="main",
        entity="acme-de",
        seller_country="DE",
        seller_registered_in=("DE",),
        account="A-1",
        country="DE",
        region=None,
        buyer_tax_id=None,
        exempt=False,
        tax_code="standard",
        tax_point=date(2026, 1, 31),
        currency=currency,
        amount=Decimal(amount),
    )


@pytest.fixture(name="request_for")
def _request_for() -> Callable[..., TaxRequest]:
    """Makes a question about a line."""
    return request
