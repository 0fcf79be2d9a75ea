"""The line to an adapter: repeated where that is harmless, refused while it rests, and written down."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from engine.base.errors import TollbookError
from engine.model.outbound import OutboundCall
from engine.model.tax import TaxRequest
from engine.ports.contracts import Notebook, TestClock
from engine.ports.host import AdapterFailed, Host
from engine.ports.masking import Mask
from engine.ports.recording import LARGEST, body_of, digest_of, key_of

Ask = Callable[..., TaxRequest]
TaxHost = Callable[..., Host]

COUNT = "self.n = getattr(self, 'n', 0) + 1\n"
GOOD = "return [self.ok(r) for r in requests]"
SECRETS = "secrets: {token: {variable: ACME_TOKEN, description: A token.}}\n"


def failed(host: Host, *requests: TaxRequest) -> AdapterFailed:
    with pytest.raises(AdapterFailed) as raised:
        host.ask_tax("it", requests)
    return raised.value


def test_a_question_is_asked_again_after_a_failure_that_may_pass(
    tax_host: TaxHost, request_for: Ask, clock: TestClock
) -> None:
    log = Notebook()
    host = tax_host(f"{COUNT}if self.n < 3: raise Transient('busy')\n{GOOD}", recorder=log)
    assert [quote.key for quote in host.ask_tax("it", [request_for("a")])] == ["a"]
    assert clock.pauses == [0.5, 1.0]
    assert [(c.attempt, c.outcome, c.kind) for c in log.calls] == [
        (1, "failed", "transient"),
        (2, "failed", "transient"),
        (3, "answered", ""),
    ]


@pytest.mark.parametrize(
    ("body", "retries", "attempts"),
    [
        ("raise Transient('busy')", 0, 1),
        ("raise Transient('busy')", 2, 3),
        ("raise Transient('busy')", 7, 5),  # the breaker opens first
        ("raise Permanent('no')", 2, 1),
        ("raise Unknown('gone')", 2, 1),
        ("raise KeyError('x')", 2, 1),
        ("return []", 2, 1),
    ],
)
def test_how_often(tax_host: TaxHost, request_for: Ask, body: str, retries: int, attempts: int) -> None:
    log = Notebook()
    error = failed(tax_host(body, more=f", retries: {retries}", recorder=log), request_for("a"))
    assert len(log.calls) == attempts
    assert error.findings[0].why == (f"it was tried {attempts} times" if attempts > 1 else "")


def test_pauses_grow_up_to_a_bound(tax_host: TaxHost, request_for: Ask, clock: TestClock) -> None:
    failed(tax_host("raise Transient('busy')", more=", retries: 6, breaker_failures: 100"), request_for("a"))
    assert clock.pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


def test_an_adapter_that_rests_is_not_called(tax_host: TaxHost, request_for: Ask, clock: TestClock) -> None:
    log = Notebook()
    more = ", retries: 0, breaker_failures: 2, breaker_seconds: 30"
    host = tax_host(f"{COUNT}if self.n < 4: raise Unknown('gone')\n{GOOD}", more=more, recorder=log)
    for _ in range(2):
        assert not failed(host, request_for("a")).refused
    error = failed(host, request_for("a"))
    assert (error.refused, error.kind, error.keys, len(log.calls)) == (True, "transient", (), 2)
    assert str(error) == (
        "adapter it: error: tax_quote was not called: calls have failed since 2026-01-31 12:00:00 UTC, and none is made "
        "until 2026-01-31 12:00:30 UTC [adapter.resting]\n"
        "    mend: look at the failures before it: `tollbook requests list --failed`"
    )
    clock.pause(30)
    assert failed(host, request_for("a")).findings[0].code == "adapter.failed"
    assert failed(host, request_for("a")).refused
    clock.pause(30)
    assert host.ask_tax("it", [request_for("a")])
    assert host.resting("it") is None


def test_what_an_adapter_refuses_is_no_failure_of_it(tax_host: TaxHost, request_for: Ask) -> None:
    host = tax_host("raise Permanent('no such code')", more=", breaker_failures: 1")
    failed(host, request_for("a"))
    assert host.resting("it") is None


def test_calls_that_hang_are_bounded_by_the_breaker(tax_host: TaxHost, request_for: Ask) -> None:
    host = tax_host("time.sleep(4)", timeout=1, more=", breaker_failures: 2")
    for _ in range(5):
        failed(host, request_for("a"))
    hanging = [thread for thread in threading.enumerate() if thread.name == "adapter it"]
    assert len(hanging) <= 2
    for thread in hanging:
        thread.join(10)


def test_what_is_written_down(tax_host: TaxHost, request_for: Ask) -> None:
    log = Notebook()
    host = tax_host(GOOD, batch=2, recorder=log).of_run(7)
    requests = [request_for(key) for key in "abc"]
    host.ask_tax("it", requests)
    first, second = log.calls
    assert (first.adapter, first.port, first.hook, first.items, first.run_id) == ("it", "tax", "tax_quote", 2, 7)
    assert first.plugin == host.versions()["it"]
    assert (first.key, second.key) == (key_of(requests[1::-1]), key_of(requests[2:]))
    assert (first.digest, first.masked) == (digest_of(requests[:2]), False)
    assert first.request[0]["amount"] == "100.00"
    assert first.answer[1] | {"key": "a"} == first.answer[0]


@pytest.mark.parametrize(
    ("body", "outcome", "answer", "error"),
    [
        ("return []", "incomplete", [], "tax_quote gave no answer for 'a'"),
        ("return None", "incomplete", None, "tax_quote answered nothing"),
        (
            "return [object]",
            "incomplete",
            None,
            "tax_quote answered for keys that it was not asked for type without a key; tax_quote gave no answer for 'a'",
        ),
        ("raise KeyError('x')", "failed", None, "tax_quote failed (permanent): KeyError: 'x'"),
    ],
)
def test_what_went_wrong_is_written_down(
    tax_host: TaxHost, request_for: Ask, body: str, outcome: str, answer: Any, error: str
) -> None:
    log = Notebook()
    failed(tax_host(body, recorder=log), request_for("a"))
    (call,) = log.calls
    assert (call.outcome, call.error) == (outcome, error)
    if body != "return [object]":
        assert call.answer == answer


def test_of_an_adapter_that_calls_nobody_no_bodies_are_kept(tax_host: TaxHost, request_for: Ask) -> None:
    log = Notebook()
    tax_host(GOOD, secrets="outbound: false\n", recorder=log).ask_tax("it", [request_for("a")])
    (call,) = log.calls
    assert (call.request, call.answer, call.digest, call.items, call.outcome) == (None, None, "", 1, "answered")


def test_no_secret_is_kept_or_given_on(tax_host: TaxHost, request_for: Ask) -> None:
    log = Notebook()
    body = (
        "t = self.context.secrets['token']\n"
        "return [self.ok(r, jurisdiction='by ' + t) if r.key == 'a' else NoQuote(r.key, 'not with ' + t) for r in requests]"
    )
    host = tax_host(body, secrets=SECRETS, environment={"ACME_TOKEN": "hunter2"}, recorder=log)
    error = failed(host, request_for("a"), request_for("b"))
    assert error.answered[0].jurisdiction == "by ***"
    assert "not with ***" in str(error)
    assert "hunter2" not in str(error) + log.text() + repr(error.answered)
    assert log.calls[0].answer[0]["jurisdiction"] == "by ***"


class Full:
    """A log that takes nothing."""

    def note(self, call: OutboundCall) -> None:
        raise OSError("no space left")


def test_a_call_that_cannot_be_written_down_is_answered_and_said(tax_host: TaxHost, request_for: Ask) -> None:
    host = tax_host(GOOD, recorder=Full()).of_run(1)
    assert len(host.ask_tax("it", [request_for("a")]) + host.ask_tax("it", [request_for("b")])) == 2
    (finding,) = host.noticed()
    assert (finding.code, finding.level, finding.subject) == ("adapter.not-logged", "warning", "adapter/it")
    assert finding.what == "2 calls could not be written into the request log: OSError: no space left"
    assert host.noticed() == []


def test_bodies_that_are_not_kept_whole() -> None:
    large = body_of(["x" * LARGEST], Mask())
    assert (large.data, large.masked) == ({"not kept": f"{LARGEST + 4} bytes"}, True)
    assert body_of("\ud800", Mask()).data == {"not kept": "str, which is no data"}
    assert body_of({"iban": "x"}, Mask()).masked
    assert not body_of({"a": ("x", 1)}, Mask()).masked


def test_an_unknown_adapter_cannot_be_asked_whether_it_rests(tax_host: TaxHost) -> None:
    with pytest.raises(TollbookError, match="there is no adapter 'itt'"):
        tax_host(GOOD).resting("itt")
