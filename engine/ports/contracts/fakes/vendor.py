"""A vendor's system of no name: quotes tax, takes documents once for each key, and fails as it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from engine.ports.contracts.fakes.rates import DIGITS
from engine.ports.contracts.fakes.serving import Asked, Refused, Service

SECRET = "s3cret/Tök+n"
"""A secret that adapters of it may show it; it takes any."""


class Vendor(Service):
    """The service.  ``arrived`` has the number of each document that was new to it."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {}
        self.arrived: list[str] = []
        super().__init__()

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Route a request."""
        work = {"/quotes": self.quotes, "/documents": self.take, "/status": self.status}.get(asked.path)
        if work is None or asked.method != "POST":
            raise Refused(404, {"message": f"there is no {asked.method} {asked.path}"})
        return 200, work(asked.body)

    def quotes(self, body: Any) -> Any:
        """19 % on each line."""
        return {"lines": [self.quote(line) for line in body["lines"]]}

    def quote(self, line: dict[str, Any]) -> dict[str, str]:
        """19 % of a line, in its minor units."""
        unit = Decimal(1).scaleb(-DIGITS.get(line["currency"], 2))
        amount, rate = Decimal(line["net"]), Decimal("0.19")
        net = (amount / (1 + rate)).quantize(unit, ROUND_HALF_UP) if line.get("included") else amount
        tax = amount - net if line.get("included") else (net * rate).quantize(unit, ROUND_HALF_UP)
        return {"id": line["id"], "rate": "0.19", "tax": str(tax), "country": line["country"]}

    def take(self, items: Any) -> Any:
        """Each key once."""
        return [self.taken(item["key"], item["document"]) for item in items]

    def taken(self, key: str, document: Any) -> dict[str, Any]:
        """What becomes of one document."""
        if key not in self.documents:
            self.documents[key] = document
            self.arrived.append(document["number"])
        elif self.documents[key] != document:
            return {"key": key, "state": "rejected", "reason": "the key was used for another document"}
        return {"key": key, "state": "accepted", "evidence": {"receipt": f"R-{document['number']}"}}

    def status(self, items: Any) -> Any:
        """What is known of keys."""
        return [
            self.taken(item["key"], self.documents[item["key"]])
            if item["key"] in self.documents
            else {"key": item["key"], "state": "retry", "reason": "never seen"}
            for item in items
        ]


@contextmanager
def vendor() -> Iterator[Vendor]:
    """The service, running."""
    with Vendor().running() as made:
        yield made
