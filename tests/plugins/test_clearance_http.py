"""The clearance client keeps the contract of its port, faults of a real service on a loopback address included."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from engine.ports.contracts import ClearanceContract, Fault, Setup
from engine.ports.contracts.clauses import FAULTS
from engine.ports.contracts.fakes.authority import Authority, authority
from engine.ports.contracts.fakes.vendor import SECRET
from engine.ports.discovery import SHIPPED


@pytest.mark.capability("A3.4")
class TestClearanceHttp(ClearanceContract):
    faults = FAULTS
    service: Authority

    @pytest.fixture(autouse=True)
    def _running(self) -> Iterator[None]:
        with authority() as self.service:
            plugin, settings = SHIPPED / "clearance_http", {"url": f"{self.service.url}/", "wait": 5}
            self.setup = Setup(plugin, settings, {"bearer": SECRET}, timeout=1)
            yield

    def inject(self, fault: Fault) -> AbstractContextManager[Any]:
        return self.service.failing(fault)

    def acts(self, home: Path) -> Collection[Any]:
        return [*self.service.arrived]

    def ruling(self, state: str) -> AbstractContextManager[Any]:
        return self.service.ruling(state)
