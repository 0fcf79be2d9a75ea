"""VAT numbers of the Union by the REST interface of VIES: one question a number, evidence by request id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

import msgspec

from engine.base.tax_ids import in_union
from engine.ports.hookspecs import Context, Permanent, Transient, hookimpl
from engine.ports.hookspecs.http import Web, side_by_side
from engine.ports.hookspecs.tax_id import NotTold, TaxIdAnswer, TaxIdRequest

PATH: Final = "/taxation_customs/vies/rest-api/check-vat-number"
SOURCE: Final = "VIES"
NO_NUMBER: Final = "INVALID_INPUT"
"""What VIES says of what cannot be a number."""
OF_MEMBER: Final = frozenset({"MS_UNAVAILABLE", "TIMEOUT", "MS_MAX_CONCURRENT_REQ", "MS_MAX_CONCURRENT_REQ_TIME"})
"""What it says where the register of one member state does not answer."""
LATER: Final = frozenset({"SERVICE_UNAVAILABLE", "GLOBAL_MAX_CONCURRENT_REQ", "GLOBAL_MAX_CONCURRENT_REQ_TIME"})
"""What it says where nothing can be asked now."""


class Wrapped(msgspec.Struct, frozen=True):
    """One error."""

    error: str = ""


class Checked(msgspec.Struct, frozen=True):
    """The answer of VIES, or its errors."""

    valid: bool | None = None
    requestDate: str = ""
    requestIdentifier: str = ""
    errorWrappers: tuple[Wrapped, ...] = ()


class Vies:
    """The service of the Commission."""

    def __init__(self, context: Context) -> None:
        settings = context.settings
        self.web, self.parallel = Web(settings["url"], settings["wait"]), settings["parallel"]

    @hookimpl
    def registration_check(self, requests: Sequence[TaxIdRequest]) -> list[TaxIdAnswer | NotTold]:
        """What each member state says of its numbers."""
        return side_by_side(self._ask, requests, self.parallel)

    def _ask(self, request: TaxIdRequest) -> TaxIdAnswer | NotTold:
        found = in_union(request.tax_id, request.country)
        if found is None:
            return NotTold(request.key, "it is no number of the European Union")
        prefix, number, country = found
        body = {"countryCode": prefix, "vatNumber": number}
        mine = in_union(request.requester, "")
        if mine is not None:
            body |= {"requesterMemberStateCode": mine[0], "requesterNumber": mine[1]}
        reply = self.web.send("POST", PATH, body=body)
        checked = reply.read(Checked)
        wrong = {one.error for one in checked.errorWrappers}
        if wrong & OF_MEMBER:
            return NotTold(request.key, f"the register of {country} does not answer: {', '.join(sorted(wrong))}")
        if wrong & LATER:
            raise Transient(f"VIES cannot be asked now: {', '.join(sorted(wrong))}")
        if NO_NUMBER in wrong:
            return TaxIdAnswer(request.key, False, country, datetime.now(UTC).date(), "", SOURCE)
        if wrong or checked.valid is None or reply.status >= 300:
            raise Permanent(f"VIES answered {reply.status}: {', '.join(sorted(wrong)) or 'neither valid nor invalid'}")
        try:
            day = date.fromisoformat(checked.requestDate[:10])
        except ValueError:
            raise Permanent(f"VIES answered the day {checked.requestDate!r}") from None
        return TaxIdAnswer(request.key, checked.valid, country, day, checked.requestIdentifier, SOURCE)
