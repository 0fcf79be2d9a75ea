"""Which lines of a document are billed for revenue contracts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from engine.model.invoice import Invoice, RatedCharge, Reversible
from engine.model.revenue_contract import Cover, Covered


class Covering:
    """Looks up what a charge bills for; a credit is the contract's whose line it credits."""

    def __init__(self, covers: Sequence[Cover], credited: Mapping[int, Reversible]) -> None:
        self._by_place = {
            (one.subscription, one.agreement, one.charge): Covered(one.contract, one.obligation) for one in covers
        }
        self._credited = {ident: one.covered for ident, one in credited.items() if one.covered is not None}
        self.any = bool(self._by_place or self._credited)

    def of(self, charge: RatedCharge) -> Covered | None:
        """The contract that a charge is billed for; what names the charge wins over all of its subscription or agreement."""
        if not self.any:
            return None
        if charge.credits:
            return self._credited.get(charge.credits)
        for place in _places(charge):
            if place in self._by_place:
                return self._by_place[place]
        return None


def _places(charge: RatedCharge) -> Iterator[tuple[str, str, str]]:
    if charge.subscription:
        yield charge.subscription, "", charge.charge
        yield charge.subscription, "", ""
    if charge.contract:
        yield "", charge.contract, charge.charge
        yield "", charge.contract, ""


class Documented(Protocol):
    """A finished document, and the lines of it that are of contracts."""

    @property
    def invoice(self) -> Invoice: ...
    @property
    def covered(self) -> tuple[tuple[int, Covered], ...]: ...


def covered_rows(issued: Iterable[Documented], first_line: int) -> list[tuple[Any, ...]]:
    """Rows of ``revenue_billed`` for documents whose lines have ids from ``first_line`` on."""
    made: list[tuple[Any, ...]] = []
    for one in issued:
        draft = one.invoice.draft
        for number, covered in one.covered:
            made.append((first_line + number - 1, draft.tenant, draft.entity, covered.contract, covered.obligation))
        first_line += len(one.invoice.lines)
    return made
