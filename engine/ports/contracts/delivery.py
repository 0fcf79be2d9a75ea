"""The contract of the port ``delivery`` as tests."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
import pytest

from engine.model.effect import Answer, Effect
from engine.ports.contracts.clauses import UNICODE, Contract, codes, in_threads, lawful
from engine.ports.contracts.faults import TELLING, Fault, Tamper, tampered
from engine.ports.contracts.harness import ADAPTER, Stage, refused
from engine.ports.failure import NO_ANSWER, WRONG_ANSWER, AdapterFailed
from engine.ports.hookspecs import Unknown

DOCUMENT: Final[dict[str, Any]] = {
    "number": "DE-1",
    "kind": "invoice",
    "invoice_date": "2026-01-31",
    "due_date": "2026-03-02",
    "currency": "EUR",
    "seller": {"key": "acme-de", "name": "Acme GmbH", "address": "Musterweg 1\n10117 Berlin", "country": "DE"},
    "buyer": {"key": "A-1", "name": "Buyer AG", "address": "Hauptstraße 1\n80331 München", "country": "DE"},
    "lines": [{"number": 1, "text": "Seats", "amount": "100.00", "tax_rate": "0.19", "tax_amount": "19.00"}],
    "taxes": [{"category": "S", "rate": "0.19", "net": "100.00", "tax": "19.00", "jurisdiction": "DE"}],
    "net": "100.00",
    "tax": "19.00",
    "total": "119.00",
}
"""A document as it is sent."""

DOCUMENTS: Final[dict[str, dict[str, Any]]] = {
    "a credit note": {"kind": "credit_note", "net": "-100.00", "tax": "-19.00", "total": "-119.00"},
    "of nothing": {"lines": [], "taxes": [], "net": "0.00", "tax": "0.00", "total": "0.00"},
    "in yen": {"currency": "JPY", "net": "1000", "tax": "100", "total": "1100"},
    "in Kuwaiti dinars": {"currency": "KWD", "net": "10.005", "tax": "0.000", "total": "10.005"},
    "in any script": {"note": " ".join(UNICODE), "purchase_order": UNICODE[0]},
}
"""Documents that differ from the sample in these."""


def _changed(**fields: Any) -> Tamper:
    """The first answer with other fields."""

    def tamper(ask: Callable[[], Any], sent: Sequence[Any]) -> Any:
        first, *rest = ask()
        return [msgspec.structs.replace(first, **fields), *rest]

    return tamper


def _list(change: Callable[[list[Any]], Any]) -> Tamper:
    return lambda ask, sent: change(list(ask()))


BROKEN: Final[dict[str, tuple[Tamper, str]]] = {
    "no known state": (_changed(state="done"), WRONG_ANSWER),
    "rejected without a reason": (_changed(state="rejected", reason=""), WRONG_ANSWER),
    "evidence that is no data": (_changed(evidence={"it": object()}), WRONG_ANSWER),
    "a key that was not told": (_list(lambda given: [*given[1:], Answer("?", "accepted")]), WRONG_ANSWER),
    "one answer twice": (_list(lambda given: [*given, given[0]]), WRONG_ANSWER),
    "one answer missing": (_list(lambda given: given[1:]), NO_ANSWER),
    "nothing": (_list(lambda given: None), NO_ANSWER),
}
"""Answers that leave open what was done, and the code that says so first."""


class DeliveryContract(Contract):
    """The contract of delivery adapters: above all, the same key is the same act, whatever happens on the way."""

    port: ClassVar[str] = "delivery"
    hook: ClassVar[str] = "delivery_send"
    kinds: ClassVar[dict[Fault, tuple[str, ...]]] = TELLING

    def acts(self, home: Path) -> Collection[Any]:
        """What the outside world has got so far: something of its own for each time that a document arrived."""
        raise NotImplementedError(f"{type(self).__name__} has to say by acts() what was delivered")

    def effect(self, key: str, **changes: Any) -> Effect:
        """A document to be delivered, of the same number as its key."""
        number = f"N-{abs(sum((place + 1) * ord(one) for place, one in enumerate(key)))}"
        payload = copy.deepcopy(DOCUMENT) | {"number": number} | changes
        return Effect(key, "delivery", payload["kind"], payload)

    def told(self, made: Stage, *effects: Effect) -> list[Answer]:
        """The answers."""
        try:
            return made.host.tell(ADAPTER, effects)
        except AdapterFailed as error:
            raise AssertionError(lawful(error.findings)) from None

    def accepted(self, made: Stage, *effects: Effect) -> list[dict[str, Any]]:
        """The evidence of documents that are all accepted."""
        answers = self.told(made, *effects)
        assert [(a.key, a.state) for a in answers] == [(e.key, "accepted") for e in effects], answers
        assert all(answer.evidence for answer in answers), "accepted without evidence"
        return [answer.evidence for answer in answers]

    def works(self, made: Stage, home: Path, name: str) -> None:
        """Fail unless the sample is accepted."""
        self.accepted(made, self.effect(name))

    def call(self, made: Stage, home: Path, name: str) -> list[Answer]:
        """Tell the sample."""
        return made.host.tell(ADAPTER, [self.effect(name)])

    def test_the_same_key_twice_is_one_act(self, tmp_path: Path) -> None:
        """It is accepted again with the same evidence, and the outside world has it once."""
        made = self.made(tmp_path)
        first = self.accepted(made, self.effect("a"))
        acts = self.acts(tmp_path)
        assert self.accepted(made, self.effect("a")) == first
        assert self.acts(tmp_path) == acts

    def test_a_key_is_known_after_a_restart(self, tmp_path: Path) -> None:
        """Another object of the plug-in knows what was done."""
        first = self.accepted(self.made(tmp_path), self.effect("a"))
        acts = self.acts(tmp_path)
        assert self.accepted(self.made(tmp_path), self.effect("a")) == first
        assert self.acts(tmp_path) == acts

    def test_two_keys_are_two_acts(self, tmp_path: Path) -> None:
        """Each document arrives."""
        made = self.made(tmp_path)
        seen = [self.acts(tmp_path)]
        for key in ("a", "b"):
            self.accepted(made, self.effect(key))
            seen.append(self.acts(tmp_path))
        assert seen[0] != seen[1] != seen[2] != seen[0]

    def test_a_key_with_another_payload_is_rejected(self, tmp_path: Path) -> None:
        """It stands for what it was used for first."""
        made = self.made(tmp_path)
        self.accepted(made, self.effect("a"))
        acts = self.acts(tmp_path)
        (answer,) = self.told(made, self.effect("a", total="120.00"))
        assert (answer.state, bool(answer.reason)) == ("rejected", True)
        assert self.acts(tmp_path) == acts

    def test_an_answer_that_is_lost_is_had_again(self, tmp_path: Path) -> None:
        """The document arrived, its answer did not: told again, it is accepted and arrives no second time."""
        made = self.made(tmp_path)

        def lost(ask: Callable[[], Any], sent: Sequence[Any]) -> Any:
            ask()
            raise Unknown("the connection broke after sending")

        with tampered(made.host, ADAPTER, self.hook, lost), refused():
            made.host.tell(ADAPTER, [self.effect("a")])
        acts = self.acts(tmp_path)
        self.accepted(made, self.effect("a"))
        assert self.acts(tmp_path) == acts

    @pytest.mark.parametrize("flaw", BROKEN)
    def test_an_answer_that_breaks_the_contract_leaves_it_open(self, tmp_path: Path, flaw: str) -> None:
        """The host takes it for unknown; told again, everything is accepted and nothing arrives twice."""
        tamper, code = BROKEN[flaw]
        made, effects = self.made(tmp_path), [self.effect("a"), self.effect("b")]
        with tampered(made.host, ADAPTER, self.hook, tamper), refused() as seen:
            made.host.tell(ADAPTER, effects)
        (error,) = seen
        assert isinstance(error, AdapterFailed)
        assert (codes(error)[0], error.kind, "a" in error.keys) == (code, "unknown", True)
        acts = self.acts(tmp_path)
        self.accepted(made, *effects)
        assert self.acts(tmp_path) == acts

    def test_what_is_not_understood_is_rejected_alone(self, tmp_path: Path) -> None:
        """One bad document is an answer, no failure; its neighbours arrive."""
        made = self.made(tmp_path)
        bad = Effect("bad", self.port, "invoice", {"number": 7, "lines": "none"})
        answers = self.told(made, self.effect("a"), bad, self.effect("b"))
        assert [answer.state for answer in answers] == ["accepted", "rejected", "accepted"]
        assert answers[1].reason

    @pytest.mark.parametrize("kind", DOCUMENTS)
    def test_every_kind_of_document_is_accepted(self, tmp_path: Path, kind: str) -> None:
        """Credits, nothing, currencies of no and of three digits, any script."""
        self.accepted(self.made(tmp_path), self.effect("a", **DOCUMENTS[kind]))

    def test_keys_are_texts_of_any_script(self, tmp_path: Path) -> None:
        """And come back as they were."""
        self.accepted(self.made(tmp_path), *(self.effect(text) for text in UNICODE))

    def test_answers_may_come_in_any_order(self, tmp_path: Path) -> None:
        """The host sorts them by key."""
        made = self.made(tmp_path)
        with tampered(made.host, ADAPTER, self.hook, _list(lambda given: given[::-1])):
            self.accepted(made, self.effect("a"), self.effect("b"), self.effect("c"))

    def test_a_payload_is_not_changed(self, tmp_path: Path) -> None:
        """Not even the copy that the plug-in gets, which the host may log or send again."""
        made = self.made(tmp_path)
        seen: list[tuple[bytes, bytes]] = []

        def compared(ask: Callable[[], Any], sent: Sequence[Any]) -> Any:
            before = msgspec.json.encode(sent)
            answers = ask()
            seen.append((before, msgspec.json.encode(sent)))
            return answers

        with tampered(made.host, ADAPTER, self.hook, compared):
            self.accepted(made, self.effect("a"))
        assert all(before == after for before, after in seen)

    def test_more_than_a_batch_is_several_calls(self, tmp_path: Path) -> None:
        """No call is larger than ``plugin.yaml`` says, and every document arrives."""
        made = self.made(tmp_path)
        count = min(made.batch, 500) + 1
        seen: list[int] = []

        def counted(ask: Callable[[], Any], sent: Sequence[Any]) -> Any:
            seen.append(len(sent))
            return [Answer(effect.key, "accepted", evidence={"authority_id": "1"}) for effect in sent]

        with tampered(made.host, ADAPTER, self.hook, counted):
            self.accepted(made, *(self.effect(str(n)) for n in range(count)))
        assert (max(seen) <= made.batch, sum(seen)) == (True, count)

    def test_nothing_to_tell_is_no_call(self, tmp_path: Path) -> None:
        """An empty batch never reaches the plug-in."""
        made = self.made(tmp_path)
        assert (made.host.tell(ADAPTER, []), made.log.calls) == ([], [])

    def test_threads_may_tell_at_once(self, tmp_path: Path) -> None:
        """Documents of several threads all arrive."""
        made = self.made(tmp_path)
        in_threads(lambda number: self.accepted(made, *(self.effect(f"{number}-{n}") for n in range(3))))
        acts = self.acts(tmp_path)
        self.accepted(made, *(self.effect(f"{number}-{n}") for number in range(4) for n in range(3)))
        assert self.acts(tmp_path) == acts

    def test_one_key_told_by_threads_at_once_is_one_act(self, tmp_path: Path) -> None:
        """All get the same evidence, and as much arrives as for a key that is told once."""
        made = self.made(tmp_path)
        none = len(self.acts(tmp_path))
        self.accepted(made, self.effect("a"))
        one = len(self.acts(tmp_path))
        evidence = in_threads(lambda number: self.accepted(made, self.effect("b")))
        assert all(given == evidence[0] for given in evidence)
        assert len(self.acts(tmp_path)) - one == one - none

    def test_what_became_of_a_key_can_be_asked(self, tmp_path: Path) -> None:
        """Nothing under a key that was never told; the same evidence under one that was; asking does nothing."""
        made = self.made(tmp_path)
        if not made.host.answers_for(ADAPTER):
            pytest.skip("the plug-in has no delivery_status")
        evidence = self.accepted(made, self.effect("a"))
        acts = self.acts(tmp_path)
        known, unknown = made.host.status(ADAPTER, [self.effect("a"), self.effect("b")])
        assert (known.state, known.evidence) == ("accepted", evidence[0])
        assert (unknown.state, bool(unknown.reason)) == ("retry", True)
        (moved,) = made.host.status(ADAPTER, [self.effect("a", note="the seller has moved")])
        assert (moved.state, moved.evidence) == ("accepted", evidence[0])
        assert self.acts(tmp_path) == acts
