"""What others were invoiced for a subscription, where events name payers: it stays with them, and is not charged again.

Each payer owes the days that it pays for and gives nothing back but its own lines.  A one-time charge that another payer was
invoiced for is billed; so are days of a line of another payer which the proration rule does not give back.  What an old system
billed before a cut-over belongs to the payer of the account.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from engine.base.period import Period
from engine.billing.billed import Open, open_lines, service
from engine.billing.netting import Value
from engine.billing.opened import Opened
from engine.billing.timeline import Stint
from engine.model.due import SubscriptionDue
from engine.model.invoice import BilledLine


def once_elsewhere(due: SubscriptionDue) -> list[Open]:
    """The open one-time lines on invoices of other payers."""
    return open_lines([one for one in due.elsewhere if one.charge.kind == "one_time"]) if due.elsewhere else []


def beside(
    due: SubscriptionDue, served: Iterable[Stint], opened: Opened, lines: Sequence[BilledLine], value: Value
) -> Opened:
    """What an old system billed, as far as it is the payer's to give back, with the days that are kept of recurring ``lines`` on
    invoices of other payers.  Stints, lines and values count time in the same way."""
    if due.paying is None:
        return opened
    taken = defaultdict[str, list[Period]](list, {key: list(days) for key, days in opened.taken.items()})
    mine = [stint.days for stint in served if due.pays(stint.payer)]
    for one in open_lines([line for line in lines if line.charge.kind == "recurring"]):
        charge, whole = one.line.charge, service(one.line)
        for days in (both for there in one.days for own in mine if (both := there.meet(own))):
            worth = value(charge.plan, charge.charge, Period(charge.cycle_from, charge.cycle_to), whole, days)
            if not worth.credit and (worth.keeps_unused or days != whole):
                taken[charge.charge].append(days)
    return Opened(() if due.named else opened.lines, {key: tuple(days) for key, days in taken.items()})
