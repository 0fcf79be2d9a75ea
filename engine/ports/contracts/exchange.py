"""The contract of the port ``exchange`` as tests: that of ``delivery`` for messages of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from engine.model.effect import Effect
from engine.model.exchange import OUTBOUND
from engine.ports.contracts.delivery import DeliveryContract

DATA: Final[dict[str, Any]] = {name: dict(kind.example) for name, kind in OUTBOUND.items()}


class ExchangeContract(DeliveryContract):
    """The contract of exchange adapters.  A subclass says by ``acts`` what the receiver has got."""

    port: ClassVar[str] = "exchange"
    hook: ClassVar[str] = "exchange_send"

    def effect(self, key: str, **changes: Any) -> Effect:
        """A message of the id of its key: by default an invoice, whose data are changed where it has such fields."""
        kind = changes.pop("message", "invoice")
        data = DATA[kind] | {
            name: value for name, value in changes.items() if name in ("total", "net", "tax", "currency")
        }
        data |= {"purchase_order": changes.get("note")} if kind == "invoice" and changes.get("note") else {}
        head = {"id": f"{kind}/{key}", "kind": kind, "version": OUTBOUND[kind].version, "tenant": "acme"}
        return Effect(key, self.port, kind, {**head, "data": data})

    @pytest.mark.parametrize("kind", OUTBOUND)
    def test_every_kind_of_message_is_accepted(self, tmp_path: Path, kind: str) -> None:
        """And each is an act of its own."""
        made = self.made(tmp_path)
        before = len(self.acts(tmp_path))
        self.accepted(made, self.effect("a", message=kind), self.effect("b", message=kind))
        assert len(self.acts(tmp_path)) == before + 2

    def test_a_kind_that_nobody_knows_is_rejected(self, tmp_path: Path) -> None:
        """It is an answer, and the receiver never sees it."""
        made = self.made(tmp_path)
        sample = self.effect("a")
        strange = Effect("a", self.port, "weather", {**sample.payload, "kind": "weather"})
        (answer,) = self.told(made, strange)
        assert (answer.state, bool(answer.reason), list(self.acts(tmp_path))) == ("rejected", True, [])
