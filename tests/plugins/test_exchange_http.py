"""The sender of messages keeps the contract of its port, with a receiver on a loopback address that checks signatures."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from engine.ports.contracts import ExchangeContract, Fault, Setup
from engine.ports.contracts.clauses import FAULTS
from engine.ports.contracts.fakes.receiver import SECRET, Receiver, receiver
from engine.ports.discovery import SHIPPED
from engine.ports.failure import AdapterFailed


@pytest.mark.capability("A7.1")
class TestExchangeHttp(ExchangeContract):
    faults = FAULTS
    service: Receiver

    @pytest.fixture(autouse=True)
    def _running(self) -> Iterator[None]:
        with receiver() as self.service:
            plugin, settings = SHIPPED / "exchange_http", {"url": f"{self.service.url}/hooks", "wait": 5}
            self.setup = Setup(plugin, settings, {"signing": SECRET}, timeout=1)
            yield

    def inject(self, fault: Fault) -> AbstractContextManager[Any]:
        return self.service.failing(fault)

    def acts(self, home: Path) -> Collection[Any]:
        return [*self.service.arrived]

    def test_a_receiver_with_another_key_takes_nothing(self, tmp_path: Path) -> None:
        self.service.secret = "another key that signs"
        with pytest.raises(AdapterFailed) as failed:
            self.call(self.made(tmp_path), tmp_path, "a")
        assert (failed.value.kind, self.service.arrived) == ("permanent", [])
