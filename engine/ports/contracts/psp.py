"""The contract of the port ``psp``, as tests."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
import pytest

from engine.model.effect import Answer, Effect
from engine.model.payment import CHARGE, REFUND
from engine.ports.contracts.clauses import Contract, codes, in_threads, lawful
from engine.ports.contracts.delivery import BROKEN
from engine.ports.contracts.faults import TELLING, Fault, tampered
from engine.ports.contracts.harness import ADAPTER, Stage, refused
from engine.ports.failure import AdapterFailed
from engine.ports.hookspecs.psp import PENDING, EventRequest, Events
from engine.ports.psp import described
from engine.ports.psp_answers import event_flaws

REQUEST: Final[dict[str, Any]] = {
    "reference": "pay",
    "entity": "acme-de",
    "account": "A-1",
    "day": "2026-01-31",
    "amount": "119.00",
    "currency": "EUR",
    "method": {"key": "m", "entity": "acme-de", "account": "A-1", "kind": "card", "token": "", "customer": "c"},
    "items": [{"number": "DE-1", "amount": "119.00"}],
    "first_attempt": "2026-01-31",
}
"""A payment as it is told."""


def _evidence(**changes: Any) -> Callable[[Callable[[], Any], Sequence[Any]], Any]:
    """Answers whose evidence says something else."""

    def tamper(ask: Callable[[], Any], sent: Sequence[Any]) -> Any:
        return [msgspec.structs.replace(one, evidence={**one.evidence, **changes}) for one in ask()]

    return tamper


MONEY: Final = {
    "another currency": _evidence(currency="USD", state="succeeded", amount="119.00"),
    "more than was told": _evidence(state="succeeded", amount="119.01", currency="EUR"),
    "less than a minor unit": _evidence(state="succeeded", amount="118.999", currency="EUR"),
    "no amount": _evidence(state="succeeded", amount=None, currency="EUR"),
    "no name of it": _evidence(provider_id=""),
    "a state that is none": _evidence(state="done"),
}
"""Answers about other money than was told."""


class PspContract(Contract):
    """The contract of payment providers: above all, the same key takes money once, whatever happens on the way.

    Attributes:
        token: what the provider calls a method that pays.
        declined: what it calls one that is declined, with the code of that.
    """

    port: ClassVar[str] = "psp"
    hook: ClassVar[str] = "psp_charge"
    kinds: ClassVar[dict[Fault, tuple[str, ...]]] = TELLING
    token: ClassVar[str]
    declined: ClassVar[tuple[str, str]] = ("", "")
    method: ClassVar[str] = "card"

    def acts(self, home: Path) -> Collection[Any]:
        """What the provider has done so far: something of its own for each time that money was taken or given back."""
        raise NotImplementedError(f"{type(self).__name__} has to say by acts() what was done")

    def message(self, good: bool) -> tuple[bytes, Mapping[str, str]]:
        """A message of the provider that tells of the newest payment: signed as it should be, or not."""
        pytest.skip("message() gives none")

    def effect(self, key: str, token: str = "", **changes: Any) -> Effect:
        """A payment to be taken."""
        payload = copy.deepcopy(REQUEST) | {"reference": key} | changes
        payload["method"] |= {"token": token or self.token, "kind": self.method}
        return Effect(key, "psp", CHARGE, payload)

    def back(self, key: str, paid: Answer, amount: str) -> Effect:
        """A refund of a payment."""
        names = ("entity", "account", "currency")
        payload = {name: REQUEST[name] for name in names} | {"reference": key, "payment": paid.key, "amount": amount}
        payload |= {"provider_id": paid.evidence["provider_id"], "method": self.effect(paid.key).payload["method"]}
        return Effect(key, "psp", REFUND, payload)

    def told(self, made: Stage, *effects: Effect) -> list[Answer]:
        """The answers."""
        try:
            return made.host.tell(ADAPTER, effects)
        except AdapterFailed as error:
            raise AssertionError(lawful(error.findings)) from None

    def accepted(self, made: Stage, *effects: Effect) -> list[Answer]:
        """The answers to effects that are all accepted."""
        answers = self.told(made, *effects)
        assert [(a.key, a.state) for a in answers] == [(e.key, "accepted") for e in effects], answers
        return answers

    def works(self, made: Stage, home: Path, name: str) -> None:
        """Fail unless the sample is accepted."""
        self.accepted(made, self.effect(name))

    def call(self, made: Stage, home: Path, name: str) -> list[Answer]:
        """Tell the sample."""
        return made.host.tell(ADAPTER, [self.effect(name)])

    def test_it_says_what_it_can_do(self, tmp_path: Path) -> None:
        """And says the same again."""
        made = self.made(tmp_path)
        first = described(made.host)[ADAPTER]
        assert self.method in {one.method for one in first.capabilities}
        assert described(made.host)[ADAPTER] == first

    def test_the_same_key_twice_is_one_payment(self, tmp_path: Path) -> None:
        """By another object of the plug-in too; another key is another payment."""
        made = self.made(tmp_path)
        (first,) = self.accepted(made, self.effect("a"))
        acts = [*self.acts(tmp_path)]
        assert len(acts) == 1
        for host in (made, self.made(tmp_path)):
            (again,) = self.accepted(host, self.effect("a"))
            assert again.evidence["provider_id"] == first.evidence["provider_id"]
        assert [*self.acts(tmp_path)] == acts
        self.accepted(made, self.effect("b"))
        assert len(self.acts(tmp_path)) == 2

    def test_one_key_told_by_threads_at_once_is_one_payment(self, tmp_path: Path) -> None:
        """However many tell it."""
        made = self.made(tmp_path)
        in_threads(lambda _: self.told(made, self.effect("a")))
        assert len(self.acts(tmp_path)) == 1

    def test_a_key_with_another_payload_is_rejected(self, tmp_path: Path) -> None:
        """What was taken under it stays."""
        made = self.made(tmp_path)
        self.accepted(made, self.effect("a"))
        acts = [*self.acts(tmp_path)]
        (answer,) = self.told(made, self.effect("a", amount="120.00"))
        assert (answer.state, bool(answer.reason)) == ("rejected", True)
        assert [*self.acts(tmp_path)] == acts

    @pytest.mark.parametrize("kind", [CHARGE, REFUND])
    def test_an_answer_that_is_lost_is_found_by_its_key(self, tmp_path: Path, kind: str) -> None:
        """It was done and its answer did not arrive: asked by its key, the provider says so, and nothing is done again."""
        made = self.made(tmp_path)
        effect = self.effect("a")
        if kind == REFUND:
            (paid,) = self.accepted(made, effect)
            effect = self.back("r", paid, "19.00")
        (unknown,) = made.host.status(ADAPTER, [effect])
        assert (unknown.state, unknown.evidence.get(PENDING)) == ("retry", None)

        def lost(ask: Callable[[], Any], sent: Sequence[Any]) -> Any:
            ask()
            raise TimeoutError("no answer came")

        hook = {CHARGE: "psp_charge", REFUND: "psp_refund"}[kind]
        with tampered(made.host, ADAPTER, hook, lost), refused() as seen:
            made.host.tell(ADAPTER, [effect])
        assert isinstance(seen[0], AdapterFailed)
        assert (seen[0].kind, "a" in seen[0].keys or "r" in seen[0].keys) == ("unknown", True)
        acts = [*self.acts(tmp_path)]
        (found,) = made.host.status(ADAPTER, [effect])
        assert (found.state, bool(found.evidence["provider_id"])) == ("accepted", True)
        assert [*self.acts(tmp_path)] == acts

    @pytest.mark.parametrize("flaw", [*BROKEN])
    def test_an_answer_that_breaks_the_contract_leaves_it_open(self, tmp_path: Path, flaw: str) -> None:
        """The host takes it for unknown; told again, everything is accepted and nothing is taken twice."""
        tamper, code = BROKEN[flaw]
        made, effects = self.made(tmp_path), [self.effect("a"), self.effect("b")]
        with tampered(made.host, ADAPTER, self.hook, tamper), refused() as seen:
            made.host.tell(ADAPTER, effects)
        (error,) = seen
        assert isinstance(error, AdapterFailed)
        assert (codes(error)[0], error.kind) == (code, "unknown")
        acts = [*self.acts(tmp_path)]
        self.accepted(made, *effects)
        assert [*self.acts(tmp_path)] == acts

    @pytest.mark.parametrize("flaw", [*MONEY])
    def test_an_answer_about_other_money_is_no_answer(self, tmp_path: Path, flaw: str) -> None:
        """Another currency, or more than was told, is never taken for the payment."""
        made = self.made(tmp_path)
        with tampered(made.host, ADAPTER, self.hook, MONEY[flaw]), refused() as seen:
            made.host.tell(ADAPTER, [self.effect("a")])
        assert isinstance(seen[0], AdapterFailed)
        assert (seen[0].kind, seen[0].answered) == ("unknown", ())

    def test_a_decline_is_an_answer(self, tmp_path: Path) -> None:
        """With its code, alone; its neighbours are taken."""
        token, code = self.declined
        if not token:
            pytest.skip("declined names no method")
        made = self.made(tmp_path)
        effects = [self.effect("a"), self.effect("b", token), self.effect("c")]
        answers = self.told(made, *effects)
        assert [answer.state for answer in answers] == ["accepted", "rejected", "accepted"]
        assert (answers[1].evidence["state"], answers[1].evidence["code"]) == ("failed", code)

    def test_what_is_not_understood_is_rejected_alone(self, tmp_path: Path) -> None:
        """One bad payload is an answer, no failure."""
        made = self.made(tmp_path)
        bad = Effect("bad", "psp", CHARGE, {"reference": 7, "amount": "much", "currency": "EUR"})
        answers = self.told(made, self.effect("a"), bad, self.effect("b"))
        assert [answer.state for answer in answers] == ["accepted", "rejected", "accepted"]

    def test_no_more_is_given_back_than_came(self, tmp_path: Path) -> None:
        """In parts, each once; what goes beyond is rejected."""
        made = self.made(tmp_path)
        (paid,) = self.accepted(made, self.effect("a"))
        if paid.evidence["state"] != "succeeded":
            pytest.skip("the money comes later")
        first = self.accepted(made, self.back("r1", paid, "100.00"))
        assert self.accepted(made, self.back("r1", paid, "100.00"))[0].evidence == first[0].evidence
        (over,) = self.told(made, self.back("r2", paid, "19.01"))
        assert (over.state, bool(over.reason)) == ("rejected", True)
        self.accepted(made, self.back("r3", paid, "19.00"))

    def test_only_signed_messages_are_believed(self, tmp_path: Path) -> None:
        """The same message is the same events; one that is not signed is refused and says nothing."""
        made = self.made(tmp_path)
        (paid,) = self.accepted(made, self.effect("a"))
        heard = [self._heard(made, *self.message(good=True)) for _ in range(2)]
        assert heard[0].events == heard[1].events
        assert (heard[0].refused, [one.key for one in heard[0].events]) == ("", ["a"])
        assert [one.provider_id for one in heard[0].events] == [paid.evidence["provider_id"]]
        bad = self._heard(made, *self.message(good=False))
        assert (bool(bad.refused), bad.events) == (True, ())

    def _heard(self, made: Stage, body: bytes, headers: Mapping[str, str]) -> Events:
        lower = {name.lower(): value for name, value in headers.items()}
        found: Events = made.host.ask(ADAPTER, "psp_events", [EventRequest("m", body, lower)], event_flaws)[0]
        return found
