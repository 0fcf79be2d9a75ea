"""The contract of the port ``clearance`` as tests: that of ``delivery``, and what an authority answers beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
import pytest

from engine.model.effect import Answer, Effect
from engine.ports.contracts.clauses import codes
from engine.ports.contracts.delivery import DeliveryContract
from engine.ports.contracts.faults import tampered
from engine.ports.contracts.harness import ADAPTER, Stage, refused
from engine.ports.failure import WRONG_ANSWER
from engine.ports.hookspecs.clearance import PENDING

NAMELESS: Final[tuple[dict[str, Any], ...]] = ({}, {"qr": "x"}, {"authority_id": ""}, {"authority_id": 7})
"""Evidence that does not say what the authority calls a document."""


class ClearanceContract(DeliveryContract):
    """The contract of clearance adapters.  A subclass says by ``acts`` what the authority has got, by ``ruling`` how to have it
    reject or put off what comes."""

    port: ClassVar[str] = "clearance"
    hook: ClassVar[str] = "clearance_submit"

    def ruling(self, state: str) -> AbstractContextManager[Any]:
        """A while in which the authority answers ``rejected`` or ``pending`` to documents that are new to it; what was pending
        is cleared when it ends."""
        raise NotImplementedError(f"{type(self).__name__} has to say by ruling() how the authority is made to answer")

    def effect(self, key: str, **changes: Any) -> Effect:
        """A document to be cleared."""
        made = super().effect(key, **changes)
        return Effect(made.key, "clearance", made.kind, made.payload)

    def asked(self, made: Stage, *effects: Effect) -> list[Answer]:
        """What the adapter knows of keys."""
        return made.host.status(ADAPTER, effects)

    def test_what_is_cleared_has_a_name(self, tmp_path: Path) -> None:
        """Two documents have two names, which stay."""
        made = self.made(tmp_path)
        names = [one["authority_id"] for one in self.accepted(made, self.effect("a"), self.effect("b"))]
        assert len(set(names)) == 2
        assert [one.evidence["authority_id"] for one in self.asked(made, self.effect("a"), self.effect("b"))] == names

    def test_what_is_rejected_stays_so(self, tmp_path: Path) -> None:
        """With its reason, told again or asked for, also once the authority would take it; another key is another try."""
        made = self.made(tmp_path)
        with self.ruling("rejected"):
            (first,) = self.told(made, self.effect("a"))
        assert (first.state, bool(first.reason)) == ("rejected", True)
        assert self.told(made, self.effect("a")) == self.asked(made, self.effect("a")) == [first]
        self.accepted(made, self.effect("a#2"))

    def test_what_is_not_decided_is_asked_for(self, tmp_path: Path) -> None:
        """It is pending until the authority decides, and arrives there once."""
        made = self.made(tmp_path)
        with self.ruling("pending"):
            (told,) = self.told(made, self.effect("a"))
            (asked,) = self.asked(made, self.effect("a"))
            acts = self.acts(tmp_path)
        for answer in (told, asked):
            assert (answer.state, answer.evidence.get(PENDING), bool(answer.reason)) == ("retry", True, True)
        (decided,) = self.asked(made, self.effect("a"))
        assert (decided.state, bool(decided.evidence["authority_id"])) == ("accepted", True)
        assert self.acts(tmp_path) == acts

    def test_a_key_that_was_never_told_is_not_pending(self, tmp_path: Path) -> None:
        """Otherwise it would be waited for, for ever."""
        (answer,) = self.asked(self.made(tmp_path), self.effect("a"))
        assert (answer.state, answer.evidence.get(PENDING)) == ("retry", None)

    @pytest.mark.parametrize("evidence", NAMELESS, ids=str)
    def test_a_clearance_without_a_name_is_none(self, tmp_path: Path, evidence: dict[str, Any]) -> None:
        """The host takes it for unknown."""
        made = self.made(tmp_path)

        def nameless(ask: Callable[[], Any], sent: Sequence[Any]) -> Any:
            return [msgspec.structs.replace(one, evidence=evidence) for one in ask()]

        with tampered(made.host, ADAPTER, self.hook, nameless), refused() as seen:
            made.host.tell(ADAPTER, [self.effect("a")])
        assert codes(seen[0]) == [WRONG_ANSWER]
        self.accepted(made, self.effect("a"))
