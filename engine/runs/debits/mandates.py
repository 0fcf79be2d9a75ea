"""The desk of mandates: who has given leave to collect, how each mandate stands, and what people change of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse
from engine.model.direct_debit import SepaMandate, Use
from engine.model.journal import Change
from engine.receivables.mandates import Standing, standing
from engine.runs.accounts.memo_desk import account_of
from engine.runs.intake.mandate_rows import mandate as flaws_of
from engine.runs.run import Parts
from engine.store.reader import Reader

UNKNOWN = Code("mandate.unknown", "A mandate that the books do not have.")
SEVERAL = Code("mandate.several", "A mandate of which several legal entities have one, where none is named.")
THERE = Code("mandate.exists", "A mandate to be added whose reference the books have.")
FIXED = Code("mandate.fixed", "A change of a mandate that only another signature can make.")

AMENDABLE: Final = ("debtor_name", "iban", "bic", "creditor_id", "final")
"""Fields that an amendment may change."""
_SUGGESTED: Final = 500


class MandateView(msgspec.Struct, frozen=True):
    """A mandate as people see it on a day, with what was presented under it."""

    mandate: SepaMandate
    standing: Standing
    uses: tuple[Use, ...]


class MandateDesk:
    """What people do with mandates."""

    def __init__(self, parts: Callable[[], Parts]) -> None:
        self._parts = parts

    def listed(self, today: date, entity: str = "", account: str = "") -> list[MandateView]:
        """Mandates in order of their reference, each as it stands today."""
        parts = self._parts()
        with parts.books.reader() as reader:
            found = reader.mandates(parts.tenant, entity, account)
            return [_view(reader, parts.tenant, one, today) for one in found]

    def shown(self, reference: str, today: date, entity: str = "") -> MandateView:
        """A mandate as it stands today.

        Raises:
            TollbookError: ``mandate.unknown``, ``mandate.several``.
        """
        parts = self._parts()
        with parts.books.reader() as reader:
            return _view(reader, parts.tenant, mandate_of(reader, parts.tenant, reference, entity), today)

    def add(self, given: Mapping[str, Any], change: Change, entity: str = "") -> SepaMandate:
        """Add a mandate that was signed; the same one again changes nothing.

        Raises:
            TollbookError: ``mandate.unfit``, ``mandate.exists``, ``account.unknown``, ``account.several``.
        """
        parts = self._parts()
        plain = {"bic": "", "creditor_id": "", "replaces": "", "last_collected": None, "final": False}
        values: dict[str, Any] = {**plain, "cancelled_on": None, "confirmed_on": None, **given}
        with parts.books.reader() as reader:
            values["entity"] = account_of(reader, parts.tenant, values["account"], entity).entity
            there = reader.mandates(parts.tenant, values["entity"], reference=values["reference"])
        _check(values)
        if there and any(getattr(there[0], name) != value for name, value in values.items()):
            what = f"{values['entity']} has a mandate {values['reference']!r} of {there[0].account}"
            mend = "amend that one, or use the reference of the new signature"
            raise refuse(THERE, what, why="a reference is given once", mend=mend)
        return self._put(values, change)

    def amend(
        self, reference: str, given: Mapping[str, Any], change: Change, today: date, entity: str = ""
    ) -> SepaMandate:
        """Change a mandate as its debtor has told us; its bank is told with the next collection.

        Raises:
            TollbookError: ``mandate.unfit``, ``mandate.fixed``, ``mandate.unknown``, ``mandate.several``.
        """
        wrong = [name for name in given if name not in AMENDABLE]
        if wrong or not given:
            what = f"{', '.join(wrong)} of mandate {reference}" if wrong else f"nothing of mandate {reference}"
            mend = f"change {', '.join(AMENDABLE)}; for anything else cancel it and have another one signed"
            raise refuse(FIXED, what, why="only what a debtor may amend is changed", mend=mend)
        return self._changed(reference, {**given, "confirmed_on": today}, change, entity)

    def confirm(self, reference: str, change: Change, today: date, entity: str = "") -> SepaMandate:
        """Say that a mandate is good all the same, after a collection under it came back.

        Raises:
            TollbookError: ``mandate.unknown``, ``mandate.several``.
        """
        return self._changed(reference, {"confirmed_on": today}, change, entity)

    def cancel(self, reference: str, change: Change, on: date, entity: str = "") -> SepaMandate:
        """Let a mandate end: nothing is collected that would be due on that day or after it.

        Raises:
            TollbookError: ``mandate.unknown``, ``mandate.several``.
        """
        return self._changed(reference, {"cancelled_on": on}, change, entity)

    def _changed(self, reference: str, given: Mapping[str, Any], change: Change, entity: str) -> SepaMandate:
        parts = self._parts()
        with parts.books.reader() as reader:
            there = mandate_of(reader, parts.tenant, reference, entity)
        values = {name: value for name, value in msgspec.structs.asdict(there).items() if name not in ("id", "tenant")}
        values |= given
        _check(values)
        return self._put(values, change)

    def _put(self, values: dict[str, Any], change: Change) -> SepaMandate:
        parts = self._parts()
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            writer.put("mandates", [values])
            return writer.reader.mandates(parts.tenant, values["entity"], reference=values["reference"])[0]


def mandate_of(reader: Reader, tenant: str, reference: str, entity: str = "") -> SepaMandate:
    """A mandate by its reference.

    Raises:
        TollbookError: ``mandate.unknown``, ``mandate.several``.
    """
    found = reader.mandates(tenant, entity, reference=reference)
    if len(found) > 1:
        what = f"{', '.join(one.entity for one in found)} have a mandate {reference!r}"
        raise refuse(SEVERAL, what, mend="name the legal entity")
    if not found:
        near = [one.reference for one in reader.mandates(tenant, entity)[:_SUGGESTED]]
        mend = did_you_mean(reference, near) or "`tollbook mandate list` shows those that there are"
        raise refuse(UNKNOWN, f"there is no mandate {reference!r}", mend=mend)
    return found[0]


def _check(values: dict[str, Any]) -> None:
    place = Where(f"mandate/{values['reference']}")
    findings = [Finding(code, place, what, why, mend) for code, what, why, mend in flaws_of(values)]
    if findings:
        raise TollbookError(findings)


def _view(reader: Reader, tenant: str, mandate: SepaMandate, today: date) -> MandateView:
    uses = reader.mandate_uses(tenant, mandate.entity, [mandate.reference]).get(mandate.reference, [])
    versions = reader.mandate_versions(use.version for use in uses)
    return MandateView(mandate, standing(mandate, uses, today, versions=versions), tuple(uses))
