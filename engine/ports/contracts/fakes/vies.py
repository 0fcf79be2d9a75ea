"""VIES as far as single numbers go: registered numbers, request ids, member states that are closed."""

from __future__ import annotations

from typing import Any

from engine.ports.contracts.fakes.serving import Asked, Refused, Service

PATH = "/taxation_customs/vies/rest-api/check-vat-number"
STATES = ("AT", "BE", "DE", "EL", "ES", "FR", "IE", "IT", "NL", "PL", "XI")


class Vies(Service):
    """The exchange.  ``known`` are the numbers with their states in front, ``closed`` states whose register is not there,
    ``day`` is the day of its answers; ``asked`` has what was asked."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.closed: set[str] = set()
        self.asked: list[dict[str, Any]] = []
        self.day, self._ids, self.wrong = "2026-01-02", 0, ""
        super().__init__()

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Route a request."""
        if (asked.method, asked.path) != ("POST", PATH):
            raise Refused(404, {"message": f"there is no {asked.method} {asked.path}"})
        body = asked.body
        self.asked.append(body)
        state, number = body.get("countryCode", ""), body.get("vatNumber", "")
        if self.wrong:
            return 200, _failed(self.wrong)
        if state not in STATES or not number.isalnum():
            return 200, _failed("INVALID_INPUT")
        if state in self.closed:
            return 200, _failed("MS_UNAVAILABLE")
        self._ids += 1
        reference = f"WAPIAAAA{self._ids:08}" if body.get("requesterNumber") else ""
        return 200, {
            "countryCode": state,
            "vatNumber": number,
            "requestDate": f"{self.day}T10:11:12.345Z",
            "valid": state + number in self.known,
            "requestIdentifier": reference,
            "name": "---",
            "address": "---",
            "traderNameMatch": "NOT_PROCESSED",
        }


def _failed(error: str) -> dict[str, Any]:
    return {"actionSucceed": False, "errorWrappers": [{"error": error}]}
