"""The comparison: the books against what the auditor has predicted; the first thing that differs is named in a line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.app import App
from tests.payments_simulation.auditor import EXCHANGE, Predicted
from tests.payments_simulation.story import LAST

REALISED, ROUNDED = ("7920", "7930"), ("7900", "7910")
"""GL accounts of exchange differences: what rates have moved, and what rounding leaves.  All others are compared one by one; those that are
not named in a prediction stand at zero."""
CENTS = Decimal("0.50")
"""More than that no rounding of a month leaves."""
STANDS = {"won": "won", "lost": "lost", "warning_closed": "won"}
"""How a dispute ends, by the provider's word for it."""


class Disagreement(Exception):
    """What the books say otherwise than the auditor."""


class Judge:
    """The books at the end of a month."""

    def __init__(self, app: App, predicted: Predicted) -> None:
        self.app, self.predicted = app, predicted

    def judge(self) -> None:
        """Compare everything.

        Raises:
            Disagreement: the differences, and what `verify` says.
        """
        found = [*self.differences(), *self._unsound()]
        if found:
            raise Disagreement("; ".join(found))

    def differences(self) -> list[str]:
        """What the books have otherwise than predicted, a line each."""
        strange, dunned = self.predicted.strange.items(), self._steps()
        heard_later = {key: dunned[key] for key, some in self.predicted.later.items() if dunned.get(key) in some}
        found = [f"{number} was not collected as it should: {left} is open" for number, left in strange]
        pairs: tuple[tuple[str, Mapping[str, Any], Mapping[str, Any]], ...] = (
            ("open of", self.predicted.open, self._open()),
            ("credit of", self.predicted.credit, self._credit()),
            ("payments of", self.predicted.payments, self._payments()),
            ("dunning of", {**self.predicted.steps, **heard_later}, dunned),
            ("GL account", self.predicted.ledger, self._ledger()),
            (
                "dispute of",
                {key: STANDS.get(one, one) for key, one in self.predicted.disputes.items()},
                self._disputes(),
            ),
        )
        return found + [
            f"{what} {key}: expected {_said(wanted.get(key))}, the books have {_said(there.get(key))}"
            for what, wanted, there in pairs
            for key in sorted({*wanted, *there})
            if wanted.get(key) != there.get(key)
        ]

    def _unsound(self) -> list[str]:
        wrong = [f"verify {name}: {one}" for name, found in self.app.verify().items() for one in found]
        tied = self.app.payments.report(LAST)
        cents = sum((amount for code, amount in self._balances().items() if code in ROUNDED), Decimal(0))
        wrong += [f"{cents} is said to be left by rounding"] if abs(cents) > CENTS else []
        return [*wrong, *(f"the provider's report: {one.what}" for one in tied.differences)]

    # What the books say -------------------------------------------------------------------------------------------------

    def _accounts(self) -> list[str]:
        with self.app.books.reader() as reader:
            return sorted(reader.accounts("acme", "E1"))

    def _open(self) -> dict[str, Decimal]:
        shown = [self.app.accounts.shown(key) for key in self._accounts()]
        return {item.number: item.left for one in shown for item in one.items if item.id and item.left}

    def _credit(self) -> dict[str, Decimal]:
        shown = {key: self.app.accounts.shown(key).balances for key in self._accounts()}
        return {key: one.credit for key, some in shown.items() for one in some if one.credit}

    def _payments(self) -> dict[str, list[Decimal]]:
        found: dict[str, list[Decimal]] = defaultdict(list)
        for one in reversed(self.app.payments.listed(limit=10_000)):
            if one.kind == "charge" and one.taken:
                found[one.account].append(one.taken)
        return dict(found)

    def _steps(self) -> dict[str, list[tuple[str, Any]]]:
        shown = {key: self.app.dunning.shown(key, LAST) for key in self._accounts()}
        steps = {
            key: [(step["step"], step["day"]) for one in some for step in one.steps] for key, some in shown.items()
        }
        return {key: some for key, some in steps.items() if some}

    def _disputes(self) -> dict[str, str]:
        return {one.account: one.state for one in self.app.disputes.listed()}

    def _ledger(self) -> dict[str, Decimal]:
        found: dict[str, Decimal] = defaultdict(Decimal)
        for code, amount in self._balances().items():
            found[EXCHANGE if code in (*REALISED, *ROUNDED) else code] += amount
        return {code: amount for code, amount in found.items() if amount}

    def _balances(self) -> dict[str, Decimal]:
        found: dict[str, Decimal] = defaultdict(Decimal)
        for row in self.app.ledger.trial_balance()["E1"]:
            found[row["account"]] += row["functional_amount"]
        return found


def _said(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return ", ".join(" ".join(str(part) for part in one) if isinstance(one, tuple) else str(one) for one in value)
    return str(value)
