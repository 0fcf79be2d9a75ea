"""Acts that may need two persons: what each relies on, what it is about, and how it is done.

An act is named by the configuration (``engine.config.ACTS``) and done here.  What it does it does through the writer
that it is given, in the transaction in which a second person approves it: so it is done once, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Code, refuse
from engine.runs.accounts import memo_moves
from engine.runs.accounts.settlement_moves import move, moved
from engine.runs.billing.run import abandon, unfinished
from engine.runs.cash import acts as cash
from engine.runs.close import acts as closing
from engine.runs.further_books import acts as further
from engine.runs.payments import refunding
from engine.runs.releases import acts as releases
from engine.runs.revenue import facts as early
from engine.runs.reviewing import condition_waiving as waiving
from engine.runs.reviewing import draft_approving as drafting
from engine.runs.run import Parts
from engine.runs.subscriptions import rerate
from engine.runs.tune import acts as tuning
from engine.runs.wallets.moves import Grant, grant_lot, unknown
from engine.store import tracing
from engine.store.reader import Reader
from engine.store.writer import Writer

NEEDLESS = Code("approval.needless", "A proposal of what is so already.")

Arguments = Mapping[str, Any]
"""What an act is done to, as JSON values."""


def asks_nobody(given: Arguments) -> bool:
    """Whether an act needs two persons by itself, that is not about rules."""
    return False


def nobody_special(given: Arguments) -> Sequence[str]:
    """The roles of the second person of an act for which the configuration alone says that."""
    return ()


def no_amounts(reader: Reader, tenant: str, given: Arguments) -> Mapping[str, Decimal]:
    """What an act is about that is not about money."""
    return {}


class Doing(msgspec.Struct, frozen=True):
    """How an act is done.

    Attributes:
        subject: natural key of what it acts on, from its arguments.
        text: what it does, in words that follow "to".
        relies: the state of the world that the decision for the act rests on, as JSON values; raises TollbookError
            where the act is not possible now.
        perform: does it; False where nothing was left to do.
        amounts: the money that it is about, by currency.
        asks: whether a rule wants two persons for it, whatever the configuration says.
        second: roles, one of which the second person has to have beside what the configuration says; none: no more than that.
        works: in the place of ``perform``, where the rules and adapters of the day are needed to do it.
    """

    subject: Callable[[Arguments], str]
    text: Callable[[Arguments], str]
    relies: Callable[[Reader, str, Arguments], Mapping[str, Any]]
    perform: Callable[[Writer, str, Arguments], bool] | None
    amounts: Callable[[Reader, str, Arguments], Mapping[str, Decimal]] = no_amounts
    asks: Callable[[Arguments], bool] = asks_nobody
    works: Callable[[Parts, Writer, Arguments], bool] | None = None
    second: Callable[[Arguments], Sequence[str]] = nobody_special

    def do(self, parts: Callable[[], Parts], writer: Writer, tenant: str, given: Arguments) -> bool:
        """Do it; False where nothing was left to do."""
        if self.works is not None:
            return self.works(parts(), writer, given)
        assert self.perform is not None
        return self.perform(writer, tenant, given)


def _period(given: Arguments) -> str:
    return "/".join(given[name] for name in ("entity", "month", "book") if given.get(name))


def _books(given: Arguments) -> str:
    return f"{given['entity']} in book {given['book']!r}" if given.get("book") else str(given["entity"])


def _month(given: Arguments) -> date:
    return date.fromisoformat(f"{given['month']}-01")


def _state_other_than(wanted: str) -> Callable[[Reader, str, Arguments], Mapping[str, Any]]:
    """What opening or closing a period relies on: that it is not so already."""

    def relies(reader: Reader, tenant: str, given: Arguments) -> Mapping[str, Any]:
        if given.get("book"):
            return further.month_relies(reader, tenant, given, wanted)
        if wanted != "closed":
            further.refuse_opening(reader, tenant, given["entity"], _month(given))
        state = reader.period_state(tenant, given["entity"], _month(given))
        if state == wanted:
            what = f"{given['month']} is {_STATED[wanted]} in the books of {given['entity']}"
            raise refuse(NEEDLESS, what, mend="nothing is left to do", subject=f"period/{_period(given)}")
        return {"state": state}

    return relies


_STATED: Final = {"open": "open", "soft": "closed softly", "closed": "closed"}


def _close(writer: Writer, tenant: str, given: Arguments) -> bool:
    if given.get("book"):
        return further.set_month(writer, tenant, given, "closed")
    return writer.close_period(tenant, given["entity"], _month(given))


def _open(writer: Writer, tenant: str, given: Arguments) -> bool:
    if given.get("book"):
        return further.set_month(writer, tenant, given, "open")
    further.refuse_opening(writer.reader, tenant, given["entity"], _month(given))
    return closing.reopen(writer, tenant, given)


def _soft_close(writer: Writer, tenant: str, given: Arguments) -> bool:
    further.refuse_opening(writer.reader, tenant, given["entity"], _month(given))
    return writer.soft_close_period(tenant, given["entity"], _month(given))


def _run_as_it_is(reader: Reader, tenant: str, given: Arguments) -> Mapping[str, Any]:
    run = unfinished(reader, given["run"])
    states = [partition.state for partition in reader.partitions(run.id)]
    billed = f"{states.count('done')} of {len(states)}"
    return {"period": run.period, "scope": run.scope, "release": run.release, "partitions": billed}


def _invoiced(reader: Reader, tenant: str, given: Arguments) -> Mapping[str, Decimal]:
    rows = tracing.money(reader, given["run"])["currency"]
    return {currency: net + tax for currency, _, _, net, tax in rows}


def _abandon(writer: Writer, tenant: str, given: Arguments) -> bool:
    abandon(writer, given["run"])
    return True


def _granted(given: Arguments) -> str:
    return f"{given['entity']}/{given['wallet']}/{given['key']}"


def _not_granted(reader: Reader, tenant: str, given: Arguments) -> Mapping[str, Any]:
    """What a grant relies on: that the wallet is there, and the lot is not."""
    if reader.purse(tenant, given["entity"], given["wallet"]) is None:
        raise unknown(reader, tenant, given["wallet"])
    if reader.lot_named(tenant, given["entity"], given["key"]) is not None:
        what = f"lot {given['key']} of {given['entity']} is granted"
        raise refuse(NEEDLESS, what, mend="nothing is left to do", subject=f"wallet-lot/{given['key']}")
    return {"lot": ""}


def _grant(writer: Writer, tenant: str, given: Arguments) -> bool:
    return not grant_lot(writer, tenant, msgspec.convert(given, Grant)).known


def _credit(reader: Reader, tenant: str, given: Arguments) -> Mapping[str, Decimal]:
    return {given["booking"]["rate"]["base"]: Decimal(given["amount"])}


def _settles(given: Arguments) -> str:
    return f"{given['entity']}/{given['account']}/{given['key']}"


def _settling(given: Arguments) -> str:
    asked = moved(given)
    return f"book a {asked.kind.replace('_', ' ')} of {asked.amount:f} {asked.currency} of account {asked.account}"


def _not_settled(reader: Reader, tenant: str, given: Arguments) -> Mapping[str, Any]:
    """What a settlement relies on: that it is not in the books."""
    if reader.settlements(tenant, given["entity"], key=given["key"]):
        what = f"{given['key']} of {given['entity']} is in the books"
        raise refuse(NEEDLESS, what, mend="nothing is left to do", subject=f"settlement/{given['key']}")
    return {"settled": False}


def _settled_amount(reader: Reader, tenant: str, given: Arguments) -> Mapping[str, Decimal]:
    asked = moved(given)
    return {asked.currency: asked.amount}


ACTS: Final[Mapping[str, Doing]] = {
    "soft-close-period": Doing(
        _period,
        lambda given: f"close {given['month']} of {given['entity']} to all but adjustments",
        _state_other_than("soft"),
        _soft_close,
    ),
    "close-period": Doing(
        _period, lambda given: f"close {given['month']} of {_books(given)}", _state_other_than("closed"), _close
    ),
    "open-period": Doing(
        _period,
        lambda given: f"open {given['month']} of {_books(given)} again",
        _state_other_than("open"),
        _open,
    ),
    further.ACT: Doing(further.subject, further.text, further.relies, further.perform, further.amounts),
    "rerate": Doing(rerate.subject, rerate.text, rerate.relies, rerate.perform, rerate.amounts),
    "tune": Doing(tuning.subject, tuning.text, tuning.relies, tuning.perform, asks=lambda given: True),
    "grant-credit": Doing(
        _granted,
        lambda given: f"grant {given['amount']} {given['booking']['rate']['base']} to wallet {given['wallet']}",
        _not_granted,
        _grant,
        _credit,
    ),
    "waive-finding": Doing(*(closing.subject, closing.text, closing.relies, closing.waive), asks=closing.always),
    "waive-condition": Doing(waiving.subject, waiving.text, waiving.relies, waiving.perform),
    "approve-draft": Doing(drafting.subject, drafting.text, drafting.relies, drafting.perform, drafting.amounts),
    **{
        name: Doing(
            *(memo_moves.subject, memo_moves.text, memo_moves.relies, None, memo_moves.amounts),
            asks=lambda given: bool(given["two"]),
            works=memo_moves.works,
        )
        for name in ("credit-memo", "debit-memo")
    },
    **{
        name: Doing(
            _settles, _settling, _not_settled, lambda w, t, given: not move(w, t, moved(given)).known, _settled_amount
        )
        for name in ("account-credit", "pay-out", "write-off")
    },
    "payment-refund": Doing(
        *(refunding.subject, refunding.text, refunding.relies, refunding.perform, refunding.amounts)
    ),
    **{
        name: Doing(
            *(cash.subject, cash.text, cash.relies, None, cash.amounts, cash.asks),
            works=cash.works,
        )
        for name in ("apply-cash", "send-back", "give-up")
    },
    early.ACT: Doing(
        *(early.subject, early.text, early.relies, None, early.amounts, early.asks),
        works=early.works,
    ),
    releases.AGREE: Doing(
        *(releases.agree_subject, releases.agree_text, releases.agree_relies, releases.agree),
        asks=lambda given: True,
        second=releases.agree_roles,
    ),
    releases.START: Doing(releases.start_subject, releases.start_text, releases.start_relies, releases.start),
    releases.BACK: Doing(releases.start_subject, releases.back_text, releases.start_relies, releases.back),
    "abandon-run": Doing(
        lambda given: f"{given['run']}", lambda given: f"give up run {given['run']}", _run_as_it_is, _abandon, _invoiced
    ),
}
"""Every act by its name in the configuration."""
