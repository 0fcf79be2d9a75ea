"""Cassettes: what an adapter was answered is answered again without it, and what is not on them fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.base.errors import TollbookError
from engine.model.cassette import Cassette, Taped
from engine.model.effect import Effect
from engine.ports.contracts import Setup
from engine.ports.contracts.fakes.provider import DECLINED, GOOD, SECRET, TOKEN, Provider
from engine.ports.contracts.harness import ADAPTER, Stage, refused, stage
from engine.ports.contracts.psp import PspContract
from engine.ports.discovery import SHIPPED
from engine.ports.failure import AdapterFailed
from engine.ports.kit.scaffold import new_plugin
from engine.ports.psp import described
from engine.runs.plugins.cassette import _taped
from engine.runs.plugins.testing import run_contract

OF = PspContract()
OF.token = GOOD


def effects() -> list[Effect]:
    """A payment, one that is declined, one of a key that a number of a card stands in."""
    return [OF.effect("a"), OF.effect("b", DECLINED), OF.effect("c")]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cassette of a payment provider: told, asked before and after, broken off."""
    home = tmp_path_factory.mktemp("recorded")
    plugin = new_plugin("psp", "psp_acme", home).plugin
    with Provider().running() as service:
        setup = Setup(plugin, {"url": service.url}, {"api_key": TOKEN, "signing": SECRET}, timeout=20)
        made = stage(setup, "psp", home)
        made.host.status(ADAPTER, effects()[:1])
        with service.failing("busy"), refused():
            made.host.tell(ADAPTER, [OF.effect("busy")])
        made.host.tell(ADAPTER, effects())
        made.host.status(ADAPTER, effects()[:1])
    calls = tuple(_taped(call) for call in made.log.calls)
    cassette = Cassette(1, ADAPTER, "psp_acme", "psp", "1.0", calls)
    path = home / "psp.json"
    path.write_bytes(msgspec.json.encode(cassette))
    return path


@pytest.fixture
def played(recorded: Path, tmp_path: Path) -> Iterator[Stage]:
    yield stage(Setup(SHIPPED / "cassette", {"file": str(recorded)}, timeout=20), "psp", tmp_path)


def test_the_answers_are_those_of_then(played: Stage) -> None:
    """In their order: what was not known before is known afterwards."""
    (before,) = played.host.status(ADAPTER, effects()[:1])
    told = played.host.tell(ADAPTER, effects())
    (after,) = played.host.status(ADAPTER, effects()[:1])
    assert (before.state, after.state) == ("retry", "accepted")
    assert [one.state for one in told] == ["accepted", "rejected", "accepted"]
    assert told[0].evidence == after.evidence and told[1].evidence["code"] == "insufficient_funds"
    assert [one.method for one in described(played.host)[ADAPTER].capabilities] == ["card"]


@pytest.mark.parametrize(
    ("effect", "kind", "said"),
    [
        (OF.effect("busy"), "transient", "as on the cassette"),
        (OF.effect("a", amount="120.00"), "permanent", "has no call of psp_charge with the item 'a' as it was asked"),
        (OF.effect("z"), "permanent", "has no call of psp_charge with the item 'z'"),
    ],
)
def test_what_failed_fails_again_and_what_is_not_there_fails(
    played: Stage, effect: Effect, kind: str, said: str
) -> None:
    with refused() as seen:
        played.host.tell(ADAPTER, [effect])
    assert isinstance(seen[0], AdapterFailed)
    assert seen[0].kind == kind and said in str(seen[0])


def test_what_was_masked_is_found_by_its_key(tmp_path: Path) -> None:
    item: dict[str, Any] = {"key": "a", "port": "delivery", "kind": "invoice", "payload": {"iban": "***"}}
    call = Taped(
        "delivery_send", [item], [{"key": "a", "state": "accepted", "evidence": {"x": 1}}], "answered", "", True
    )
    (tmp_path / "c.json").write_bytes(msgspec.json.encode(Cassette(1, "it", "x", "delivery", "1.0", (call,))))
    made = stage(Setup(SHIPPED / "cassette", {"file": "c.json"}, timeout=20), "delivery", tmp_path)
    (answer,) = made.host.tell(ADAPTER, [Effect("a", "delivery", "invoice", {"iban": "the real one"})])
    assert (answer.state, answer.evidence) == ("accepted", {"x": 1})


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"cassette": 2, "calls": []}'])
def test_what_is_no_cassette_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(TollbookError, match="is no cassette"):
        stage(Setup(SHIPPED / "cassette", {"file": "c.json"}), "tax", tmp_path)


def test_the_contract_runs_against_it_offline(recorded: Path) -> None:
    """A clause for each call; one that was tampered with is caught."""
    clauses = run_contract([], recorded.parent, replay=str(recorded))
    assert {one.outcome for one in clauses} == {"kept"}
    assert len(clauses) == 6
    cassette = msgspec.json.decode(recorded.read_bytes(), type=Cassette)
    told = cassette.calls[2]
    assert told.answer is not None
    wrong = [{**told.answer[0], "evidence": {**told.answer[0]["evidence"], "amount": "999.00"}}, *told.answer[1:]]
    calls = (*cassette.calls[:2], msgspec.structs.replace(told, answer=wrong), *cassette.calls[3:])
    bad = recorded.with_name("bad.json")
    bad.write_bytes(msgspec.json.encode(msgspec.structs.replace(cassette, calls=calls)))
    broken = [one for one in run_contract([], recorded.parent, replay=str(bad)) if one.outcome == "broken"]
    assert [one.clause for one in broken] == ["call: 3 psp_charge answered"]
    assert "999.00" in broken[0].said
