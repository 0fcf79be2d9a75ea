"""A tax authority on a loopback address: clears documents, rejects them, puts them off, and fails as it is told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from engine.ports.contracts.fakes.vendor import Vendor


class Authority(Vendor):
    """The service.  ``state`` is what it answers to documents that are new to it; ``twice`` has it say everything two times;
    ``arrived`` has the number of each document that it was sent under a new key, ``requests`` the keys of each request."""

    def __init__(self) -> None:
        self.state, self.reason, self.twice = "cleared", "the tax number of the buyer is not known", False
        self.replies: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, list[str]]] = []
        super().__init__()

    @contextmanager
    def ruling(self, state: str) -> Iterator[None]:
        """A while in which it answers so; what is pending then is cleared as it ends."""
        self.state = state
        try:
            yield
        finally:
            self.state = "cleared"
            self.decide()

    def decide(self) -> None:
        """Clear what is pending."""
        for key, reply in self.replies.items():
            if reply["state"] == "pending":
                self.replies[key] = self.cleared(key)

    def cleared(self, key: str) -> dict[str, Any]:
        """What it answers for a document that it clears."""
        name = hashlib.sha256(key.encode()).hexdigest()
        qr = f"https://authority.test/{name[:8]}"
        return {"key": key, "state": "cleared", "id": name, "qr": qr, "at": "2026-02-01T09:00:00Z"}

    def take(self, items: Any) -> Any:
        """Each key once."""
        asked = items["items"]
        self.requests.append(("documents", [item["key"] for item in asked]))
        return self.said([self.taken(item["key"], item["document"]) for item in asked])

    def taken(self, key: str, document: Any) -> dict[str, Any]:
        """What becomes of one document."""
        if key not in self.documents:
            self.documents[key] = document
            self.arrived.append(document["number"])
            other = {"key": key, "state": self.state, "reason": self.reason if self.state == "rejected" else ""}
            self.replies[key] = self.cleared(key) if self.state == "cleared" else other
        elif self.documents[key] != document:
            return {"key": key, "state": "rejected", "reason": "the key was used for another document"}
        return self.replies[key]

    def status(self, items: Any) -> Any:
        """What is known of keys."""
        keys = [item["key"] for item in items["items"]]
        self.requests.append(("status", keys))
        return self.said([self.replies.get(key, {"key": key, "state": "unknown"}) for key in keys])

    def said(self, replies: list[dict[str, Any]]) -> dict[str, Any]:
        """The answer to one request."""
        return {"items": replies * (2 if self.twice else 1)}


@contextmanager
def authority() -> Iterator[Authority]:
    """The service, running."""
    with Authority().running() as made:
        yield made
