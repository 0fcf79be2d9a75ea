"""The desk of subscriptions: what is done with those that exist."""

from __future__ import annotations

from datetime import date
from functools import cached_property

from engine.model.journal import Change
from engine.runs.approvals import Approvals, Outcome
from engine.runs.run import Parts, PartsOn
from engine.runs.subscriptions import aligning, amending, contracts, renewals, rerate, showing


class SubscriptionDesk:
    """Subscriptions of one tenant."""

    def __init__(self, parts: PartsOn, approvals: Approvals, by: rerate.PartsOf) -> None:
        """``by`` gives the parts with the rules of a release that the books have."""
        self._of, self._approvals, self._by = parts, approvals, by

    @cached_property
    def _parts(self) -> Parts:
        return self._of()

    def rerating(self, since: date, accounts: str, rules: Parts | None = None) -> rerate.Rerating:
        """What re-rating comes to; see :func:`engine.runs.subscriptions.rerate.rerating`."""
        return rerate.rerating(rules or self._parts, self._by, since, accounts)

    def rerate(
        self, since: date, accounts: str, change: Change, rules: Parts | None = None
    ) -> tuple[rerate.Rerating, Outcome]:
        """Order that accounts be rated again from a day on, or propose that.

        Raises:
            TollbookError: ``rerate.never-billed``, ``rerate.other-rules``, ``rerate.no-difference``.
        """
        if rules is not None:
            rerate.refuse_other(rules, self._parts)
        found = self.rerating(since, accounts)
        return found, self._approvals.act("rerate", rerate.ordered(found), change)

    def renewals(self, on: date, change: Change | None = None) -> renewals.Renewals:
        """What renews and ends by a day; done where a change says who does it."""
        parts = self._of(on=on)
        return renewals.renew(parts, on, change) if change else renewals.renewals(parts, on)

    def alignment(self, account: str, anchor_day: int, since: date, change: Change | None = None) -> aligning.Alignment:
        """Subscriptions of an account brought to one anchor day; done where a change says who does it."""
        if change is None:
            return aligning.aligning(self._parts, account, anchor_day, since)
        return aligning.align(self._parts, account, anchor_day, since, change)

    def show(self, key: str, on: date, entity: str = "") -> showing.Shown:
        """A subscription as it stands on a day."""
        return showing.shown(self._parts, key, on, entity)

    def amend(self, wanted: amending.Amendment, change: Change) -> amending.Amended:
        """Write an amendment; see :func:`engine.runs.subscriptions.amending.amend`."""
        return amending.amend(self._parts, wanted, change)

    def contract(self, key: str, entity: str = "") -> contracts.ShownContract:
        """A contract as it stands, and who has agreed what."""
        return contracts.shown(self._parts, key, entity)

    def amend_contract(self, wanted: contracts.ContractAmendment, change: Change) -> contracts.AmendedContract:
        """Write an amendment of a contract; see :func:`engine.runs.subscriptions.contracts.amend`."""
        return contracts.amend(self._parts, wanted, change)
