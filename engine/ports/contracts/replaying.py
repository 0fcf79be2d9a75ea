"""The clauses of a cassette: what was recorded of an adapter is lawful by its contract today, and is answered again the same.

``pytest -p engine.ports.contracts.kit --replay FILE`` runs them; ``tollbook plugins test NAME --replay FILE`` does that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

import msgspec
import pytest

from engine.model.cassette import Cassette, Taped, mark
from engine.model.effect import Effect
from engine.ports.answers import flaws_of, quote_flaws
from engine.ports.consent_answers import consent_flaws
from engine.ports.contracts.harness import ADAPTER, Setup, Stage, stage
from engine.ports.discovery import SHIPPED
from engine.ports.failure import NO_QUOTE, NO_RATE, NOT_TOLD, AdapterFailed
from engine.ports.fx_answers import rate_flaws
from engine.ports.hookspecs import PORTS
from engine.ports.psp_answers import event_flaws, payout_flaws
from engine.ports.receipt_answers import receipts_flaws
from engine.ports.tax_answers import address_flaws, listing_flaws
from engine.ports.tax_id_answers import tax_id_flaws
from engine.ports.usage_answers import batch_flaws

FLAWS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "tax_quote": quote_flaws(ADAPTER),
    "tax_documents": listing_flaws,
    "tax_addresses": address_flaws,
    "consent_ask": consent_flaws,
    "fx_rates": rate_flaws,
    "psp_events": event_flaws,
    "psp_payouts": payout_flaws,
    "registration_check": tax_id_flaws,
    "usage_since": batch_flaws,
    "delivery_receipts": receipts_flaws,
}
"""What judges the answers of hooks that ask; effects are judged by their port."""
ANSWERS: Final = (NO_QUOTE, NO_RATE, NOT_TOLD)
"""Findings that are answers."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each call."""
    if "number" in metafunc.fixturenames:
        calls = _read(Path(metafunc.config.getoption("--replay"))).calls
        names = [f"{place} {call.hook} {call.outcome}" for place, call in enumerate(calls, 1)]
        metafunc.parametrize("number", range(len(calls)), ids=names)


@pytest.fixture
def cassette(pytestconfig: pytest.Config) -> Cassette:
    """What was recorded."""
    return _read(Path(pytestconfig.getoption("--replay")))


@pytest.fixture
def made(pytestconfig: pytest.Config, cassette: Cassette, tmp_path: Path) -> Stage:
    """An adapter that plays it, in a host."""
    file = str(Path(pytestconfig.getoption("--replay")).resolve())
    return stage(Setup(SHIPPED / "cassette", {"file": file}, timeout=20), cassette.port, tmp_path)


class TestCassette:
    """What was recorded."""

    def test_it_is_of_this_contract(self, cassette: Cassette) -> None:
        """The port exists, and its contract has the major version of then."""
        assert cassette.port in PORTS
        assert cassette.contract.partition(".")[0] == str(PORTS[cassette.port].contract)

    def test_call(self, made: Stage, cassette: Cassette, number: int) -> None:
        """The same request has the answer of then, and the host takes it; what failed fails in its class."""
        call = cassette.calls[number]
        before = [one for one in cassette.calls[:number] if one.hook == call.hook]
        for one in before:  # what was asked before in the same way moves the cassette on
            if {mark(item) for item in one.request} & {mark(item) for item in call.request}:
                _asked(made, cassette, one)
        given, failed = _asked(made, cassette, call)
        if call.outcome in ("failed", "timed-out"):
            assert failed is not None, "the call failed then, and is answered now"
            assert failed.kind == (call.kind or "unknown")
            return
        assert failed is None or call.outcome == "incomplete" or _answers(failed), str(failed)
        expected = {str(one.get("key")): _plain(one, cassette.adapter) for one in call.answer or ()}
        assert {key: answer for key, answer in given.items() if expected.get(key) != answer} == {}

    def test_what_it_does_not_have_fails(self, made: Stage, cassette: Cassette) -> None:
        """Permanently, naming the hook and the key."""
        call = cassette.calls[0]
        strange = {**call.request[0], "key": "no such key"}
        with pytest.raises(AdapterFailed) as caught:
            _send(made, cassette, call, [strange])
        assert "has no call of" in str(caught.value) and "no such key" in str(caught.value)


def _asked(made: Stage, cassette: Cassette, call: Taped) -> tuple[dict[str, Any], AdapterFailed | None]:
    """The answers by key, and how the call failed."""
    try:
        answers, failed = _send(made, cassette, call, call.request), None
    except AdapterFailed as error:
        answers, failed = [*error.answered], error
    return {answer.key: _plain(msgspec.to_builtins(answer), ADAPTER) for answer in answers}, failed


def _send(made: Stage, cassette: Cassette, call: Taped, items: list[dict[str, Any]]) -> list[Any]:
    port = PORTS[cassette.port]
    hints = get_type_hints(getattr(port.spec, call.hook))
    ((kind,),) = [get_args(hint) for name, hint in hints.items() if name != "return"]
    sent = [msgspec.convert(item, kind) for item in items]
    if kind is Effect:
        return made.host.status(ADAPTER, sent) if call.hook == port.status else made.host.tell(ADAPTER, sent)
    return made.host.ask(ADAPTER, call.hook, sent, FLAWS.get(call.hook) or flaws_of(cassette.port))


def _plain(answer: Mapping[str, Any], adapter: str) -> dict[str, Any]:
    """An answer without defaults and without the adapter's name, which is another one now."""
    return {
        name: value
        for name, value in answer.items()
        if value not in (None, "", [], {}, False) and not (name == "source" and value == adapter)
    }


def _answers(failed: AdapterFailed) -> bool:
    return all(finding.code in ANSWERS for finding in failed.findings)


def _read(path: Path) -> Cassette:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Cassette)
    except (OSError, msgspec.MsgspecError) as error:
        raise pytest.UsageError(f"error: {path} is no cassette: {error}") from None
