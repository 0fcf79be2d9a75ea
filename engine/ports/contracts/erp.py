"""The contract of the port ``erp`` as tests: that of ``delivery``, and what a general ledger answers beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec
import pytest

from engine.model.effect import Answer, Effect
from engine.ports.contracts.clauses import UNICODE, codes
from engine.ports.contracts.delivery import DeliveryContract
from engine.ports.contracts.faults import tampered
from engine.ports.contracts.harness import ADAPTER, Stage, refused
from engine.ports.failure import WRONG_ANSWER

KINDS: Final[dict[str, dict[str, Any]]] = {
    "in yen": {"currency": "JPY", "functional_currency": "JPY", "total": "1100"},
    "in Kuwaiti dinars": {"currency": "KWD", "functional_currency": "KWD", "total": "10.005"},
    "in a foreign currency": {"currency": "USD", "functional": "110.19"},
    "of exchange differences alone": {"currency": "USD", "total": "0.00", "functional": "0.01"},
    "in any script": {"text": " ".join(UNICODE)},
    "of many lines": {"copies": 200},
    "of two days": {"document_date": "2026-01-02"},
}
"""Documents that differ from the sample in these."""

VAGUE: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"document": "1"},
    {"document": "", "debit": "1.00"},
    {"document": "1", "debit": "1,00"},
    {"document": "1", "debit": 1},
)
"""Evidence that does not say what was posted."""


class ErpContract(DeliveryContract):
    """The contract of erp adapters.  A subclass says by ``acts`` what was posted."""

    port: ClassVar[str] = "erp"
    hook: ClassVar[str] = "erp_post"

    def effect(self, key: str, **changes: Any) -> Effect:
        """A document to be posted, of the reference of its key: ``total`` debits and credits, in ``copies``."""
        number = f"N-{abs(sum((place + 1) * ord(one) for place, one in enumerate(key)))}"
        total, copies = changes.pop("total", "119.00"), changes.pop("copies", 1)
        functional = changes.pop("functional", total)
        changes["text"] = changes.pop("note", changes.get("text", "an invoice"))
        both = [("1200", total, functional), ("4000", f"-{total}", f"-{functional}")]
        lines = [{"account": a, "amount": t, "functional": f, "text": ""} for _ in range(copies) for a, t, f in both]
        payload = {
            "entity": "E1",
            "document_type": "SA",
            "posting_date": "2026-01-31",
            "document_date": "2026-01-31",
            "currency": "EUR",
            "functional_currency": "EUR",
            "reference": number,
            "entries": 1,
            "lines": lines,
        }
        return Effect(key, self.port, "SA", payload | changes)

    def asked(self, made: Stage, *effects: Effect) -> list[Answer]:
        """What the adapter knows of keys."""
        return made.host.status(ADAPTER, effects)

    @pytest.mark.parametrize("kind", KINDS)
    def test_every_kind_of_document_is_accepted(self, tmp_path: Path, kind: str) -> None:
        """Currencies of no and of three digits, functional amounts of their own, any script, many lines."""
        made = self.made(tmp_path)
        effect = self.effect("a", **dict(KINDS[kind]))
        (evidence,) = self.accepted(made, effect)
        debit = sum(float(line["amount"]) for line in effect.payload["lines"] if float(line["amount"]) > 0)
        assert float(evidence["debit"]) == pytest.approx(debit)

    def test_more_than_a_batch_is_several_calls(self, tmp_path: Path) -> None:
        """No call is larger than ``plugin.yaml`` says, and every document arrives."""
        made = self.made(tmp_path)
        count = min(made.batch, 500) + 1
        seen: list[int] = []

        def counted(ask: Callable[[], Any], sent: Sequence[Any]) -> Any:
            seen.append(len(sent))
            return [Answer(effect.key, "accepted", evidence={"document": "1", "debit": "1.00"}) for effect in sent]

        with tampered(made.host, ADAPTER, self.hook, counted):
            self.accepted(made, *(self.effect(str(n)) for n in range(count)))
        assert (max(seen) <= made.batch, sum(seen)) == (True, count)

    def test_what_is_off_is_rejected(self, tmp_path: Path) -> None:
        """A document that does not balance is posted nowhere."""
        made = self.made(tmp_path)
        effect = self.effect("a")
        effect.payload["lines"][0]["amount"] = "119.01"
        before = self.acts(tmp_path)
        (answer,) = self.told(made, effect)
        assert (answer.state, bool(answer.reason)) == ("rejected", True)
        assert self.acts(tmp_path) == before

    @pytest.mark.parametrize("evidence", VAGUE, ids=str)
    def test_a_document_without_number_and_debits_is_none(self, tmp_path: Path, evidence: dict[str, Any]) -> None:
        """The host takes it for unknown."""
        made = self.made(tmp_path)

        def vague(ask: Callable[[], Any], sent: Sequence[Any]) -> Any:
            return [msgspec.structs.replace(one, evidence=evidence) for one in ask()]

        with tampered(made.host, ADAPTER, self.hook, vague), refused() as seen:
            made.host.tell(ADAPTER, [self.effect("a")])
        assert codes(seen[0]) == [WRONG_ANSWER]
        self.accepted(made, self.effect("a"))
