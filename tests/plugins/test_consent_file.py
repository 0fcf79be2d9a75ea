"""Consents from a file and over HTTP: the contract, and what is wrong with files."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from engine.ports.consent_answers import consent_flaws
from engine.ports.contracts import ConsentContract, Fault, Setup
from engine.ports.contracts.consent import Signal
from engine.ports.discovery import SHIPPED
from plugins.consent_file.signals import read


def as_csv(signals: Sequence[Signal]) -> bytes:
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(["account", "channel", "state", "at", "purpose"])
    lines.writerows([s.account, s.channel, _state(s), s.at.isoformat(), s.purpose] for s in signals)
    return text.getvalue().encode()


def _state(one: Signal) -> str:
    return "given" if one.given else "withdrawn"


@pytest.mark.capability("B5.7")
class TestFile(ConsentContract):
    setup = Setup(SHIPPED / "consent_file", {"signals": "consents.csv"}, timeout=1)
    faults = ("refused", "malformed")

    @pytest.fixture(autouse=True)
    def _home(self, tmp_path: Path) -> None:
        self.file = tmp_path / "consents.csv"

    def known(self, home: Path, signals: Sequence[Signal]) -> None:
        (home / "consents.csv").write_bytes(as_csv(signals))

    @contextmanager
    def inject(self, fault: Fault) -> Iterator[None]:
        kept = self.file.read_bytes()
        if fault == "refused":
            self.file.unlink()
        else:
            self.file.write_bytes(kept[:-20])
        yield
        self.file.write_bytes(kept)


@pytest.mark.capability("B5.7")
def test_over_http(tmp_path: Path) -> None:
    """The address is shown the token, and asked anew each time."""
    seen: list[str | None] = []
    bodies = [b"account,channel,state,at\nA1,email,given,2026-03-01T12:00:00Z\n", b""]

    class Register(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            body = bodies.pop(0) if bodies else b""
            self.send_response(200 if body else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    from engine.ports.contracts.harness import ADAPTER, stage
    from engine.ports.failure import AdapterFailed
    from engine.ports.hookspecs.consent import ConsentRequest

    server = ThreadingHTTPServer(("127.0.0.1", 0), Register)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/consents.csv"
        setup = Setup(SHIPPED / "consent_file", {"signals": url}, {"bearer": "s3cret"})
        made = stage(setup, "consent", tmp_path)
        asked = [ConsentRequest("k", "E1", "A1", "email", "dunning")]
        assert made.host.ask(ADAPTER, "consent_ask", asked, consent_flaws)[0].state == "given"
        with pytest.raises(AdapterFailed):
            made.host.ask(ADAPTER, "consent_ask", asked, consent_flaws)
    finally:
        server.shutdown()
        server.server_close()
    assert set(seen) == {"Bearer s3cret"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("account,channel,state\n", "f.csv:1: it is without at"),
        ("account,channel,state,at,why\n", "with why, which nobody knows"),
        ("account,channel,state,at\nA1,fax,given,2026-01-01T00:00:00Z\n", "f.csv:2: channel 'fax'"),
        ("account,channel,state,at\nA1,email,maybe,2026-01-01T00:00:00Z\n", "f.csv:2: state 'maybe'"),
        ("account,channel,state,at\nA1,email,given,2026-01-01\n", "no moment with a zone"),
        ("account,channel,state,at\nA1,email,given\n", "3 cells under 4 columns"),
        ("account,channel,state,at\n,email,given,2026-01-01T00:00:00Z\n", "the account is empty"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"f\.csv") as wrong:
        read(text.encode(), "csv", "f.csv")
    assert said in str(wrong.value)


def test_yaml_and_who_counts() -> None:
    """A refusal counts before a consent of the same moment; an entity's own signal stands beside that of all."""
    text = """
- {account: A1, channel: email, state: given, at: "2026-03-01T12:00:00Z"}
- {account: A1, channel: email, state: withdrawn, at: "2026-03-01T12:00:00Z", source: ticket 7}
- {account: A1, channel: email, entity: E2, state: given, at: "2026-03-02T12:00:00Z"}
"""
    signals = read(text.encode(), "yaml", "f.yaml")
    mine, other = signals.newest("E1", "A1", "email", "dunning"), signals.newest("E2", "A1", "email", "dunning")
    assert mine is not None and not mine.given and mine.source == "ticket 7"
    assert other is not None and other.given
    with pytest.raises(ValueError, match=r"f\.yaml"):
        read(b"- {account: A1}\n", "yaml", "f.yaml")
