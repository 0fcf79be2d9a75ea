"""Adapters of a real service on a loopback address keep the contracts of their ports, faults of the service included."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from engine.ports.contracts import DeliveryContract, Fault, Setup, TaxContract
from engine.ports.contracts.clauses import FAULTS
from engine.ports.contracts.fakes.vendor import SECRET, Vendor, vendor

HERE = Path(__file__).parent


class OfVendor:
    """What both have: the service, which is new for each test."""

    faults = FAULTS
    service: Vendor

    def inject(self, fault: Fault) -> AbstractContextManager[Any]:
        return self.service.failing(fault)


class TestHttpTax(OfVendor, TaxContract):
    @pytest.fixture(autouse=True)
    def _running(self) -> Iterator[None]:
        with vendor() as self.service:
            self.setup = Setup(HERE / "http_tax", {"url": self.service.url}, {"token": SECRET}, timeout=1)
            yield


@pytest.mark.capability("A1.2")
class TestHttpDelivery(OfVendor, DeliveryContract):
    @pytest.fixture(autouse=True)
    def _running(self) -> Iterator[None]:
        with vendor() as self.service:
            self.setup = Setup(HERE / "http_delivery", {"url": self.service.url}, {"password": SECRET}, timeout=1)
            yield

    def acts(self, home: Path) -> Collection[Any]:
        return [*self.service.arrived]
