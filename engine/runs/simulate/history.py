"""What the other side has billed so far, where that is not what the books hold: its own lines stand in for those of the books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.money import ZERO
from engine.billing.billed import Open, service
from engine.model.due import AccountDue, PayerDue, SubscriptionDue, counted_from
from engine.model.invoice import BilledLine, InvoiceLine, RatedCharge, Reversible
from engine.model.journal import FxRate
from engine.runs.billing.finish import Billed, Issued
from engine.runs.simulate.difference import paired

OWN: Final = 2**61
"""Ids from here on are of lines that only the other side has billed."""


class _Own(msgspec.Struct):
    line: InvoiceLine
    rate: FxRate
    net_left: Decimal
    tax_left: Decimal


def line_key(charge: RatedCharge) -> tuple[Any, ...]:
    """What tells which line of the other side is about the same: whose, for what, which days, charged or given back."""
    return (
        charge.account,
        charge.subscription,
        charge.plan,
        charge.charge,
        charge.kind,
        charge.service_from,
        charge.service_to,
        charge.grouped,
        charge.credits != 0,
        charge.upon != 0,
    )


class History:
    """The lines of the other side that differ from those of the books, by payer; ``gone`` are lines that only the books have."""

    def __init__(self) -> None:
        self._ids = OWN
        self._own: dict[int, _Own] = {}
        self.gone: set[int] = set()
        self._more: dict[tuple[str, int], list[int]] = {}
        self._only: defaultdict[tuple[Any, ...], list[int]] = defaultdict(list)
        self.payers: set[str] = set()

    def keep(self, payer: str, billed: Sequence[BilledLine], made: Sequence[Issued]) -> None:
        """Take documents of a payer in place of what a run has ``billed`` to it, by the books."""
        self.payers.add(payer)
        of = {id(line): one for one in made for line in one.invoice.lines}
        lines = [line for one in made for line in one.invoice.lines]
        for old, line in paired(billed, lines, lambda one: line_key(one.charge)):
            if line is None:
                self.gone.add(old.id)
                continue
            ident = old.id if old is not None else self._next()
            self._own[ident] = _Own(line, of[id(line)].rate, line.charge.amount, line.tax.amount)
            self._take_off(line)
            if old is None:
                self._more.setdefault((payer, line.charge.subscription_id), []).append(ident)
                draft = of[id(line)].invoice.draft
                self._only[draft.entity, payer, draft.invoice_date, draft.group].append(ident)

    def _next(self) -> int:
        self._ids += 1
        return self._ids

    def _take_off(self, line: InvoiceLine) -> None:
        credited = self._own.get(line.charge.credits)
        if credited is not None:
            credited.net_left += line.charge.amount
            credited.tax_left += line.tax.amount

    def seen(self, due: PayerDue) -> PayerDue:
        """What is due of a payer as the other side would read it."""
        if due.payer.key not in self.payers:
            return due
        replace = msgspec.structs.replace

        def account(owner: AccountDue) -> AccountDue:
            return replace(owner, subscriptions=tuple(self._seen(due.payer.key, one) for one in owner.subscriptions))

        return replace(due, accounts=tuple(map(account, due.accounts)))

    def _seen(self, payer: str, due: SubscriptionDue) -> SubscriptionDue:
        ident = due.subscription.id
        own = [(n, self._own[n].line.charge) for n in self._more.get((payer, ident), ())]
        shown = {line.id for line in due.billed}
        window = due.window
        first = counted_from([line.charge for line in due.billed] + [charge for _, charge in own], window)

        def looked_at(charge: RatedCharge) -> bool:
            return charge.service_to > min(window, first.get(charge.charge, window)) or charge.credits in shown

        more = [BilledLine(n, charge) for n, charge in own if looked_at(charge)]
        billed = (*(self._line(line) for line in due.billed if line.id not in self.gone), *more)
        return msgspec.structs.replace(due, billed=billed)

    def _line(self, line: BilledLine) -> BilledLine:
        mine = self._own.get(line.id)
        return line if mine is None else BilledLine(line.id, mine.line.charge.priced(mine.line.tax.amount))

    def reversible(self, found: Mapping[int, Reversible], ids: Iterable[int]) -> dict[int, Reversible]:
        """What credits need of billed lines: of the other side's own where it has them, else as ``found`` in the books."""
        made = dict(found)
        for ident in ids:
            own = self._own.get(ident)
            if own is not None:
                line = own.line
                net, tax = line.charge.amount, line.tax
                left = (own.net_left, own.tax_left)
                made[ident] = Reversible(net, tax, line.tax_decision, *left, own.rate)
        return made

    def found(self, held: Billed, ids: Sequence[int]) -> Mapping[int, Reversible]:
        """The same, with what of the lines is in the books as ``held`` there."""
        return self.reversible(held(self.known(ids)), ids)

    def only_theirs(self, head: Mapping[str, Any]) -> list[Open]:
        """The lines that only the other side has on the document of a head, with what is left of them."""
        found = []
        for ident in self._only.get((head["entity"], head["payer"], head["invoice_date"], head["group_key"]), ()):
            own = self._own[ident]
            charge = own.line.charge
            if not charge.credits:
                left = own.net_left + (own.tax_left if charge.tax_included else ZERO)
                line = BilledLine(ident, charge.priced(own.line.tax.amount))
                found.append(Open(line, (service(line),), left, line.charge))
        return found

    def known(self, ids: Iterable[int]) -> list[int]:
        """Those of some ids that are lines of the books."""
        return [ident for ident in ids if ident < OWN]

    @property
    def empty(self) -> bool:
        """Whether the other side has billed what the books hold."""
        return not self.payers and not self._own
