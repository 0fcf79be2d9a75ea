"""Wallet lots that came over from the system that billed before: which wallet each is in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from engine.base.errors import Finding
from engine.base.money import ZERO
from engine.billing.wallets import moved
from engine.ledger.opening import SOURCE
from engine.model.wallet import PAID, Lot
from engine.runs.intake.formats import Format
from engine.runs.intake.references import Known
from engine.runs.intake.rows import CONTRADICTION, subject_of
from engine.runs.intake.session import Good
from engine.store.writer import Writer
from engine.store.writing.wallets import Act

KIND: Final = "opening_wallets"
"""The kind of file that they come in."""


def wallet_of(values: dict[str, Any]) -> str:
    """The wallet of a lot that came over and names none: one for each account and currency."""
    return values["wallet"] or f"{values['account']}-{values['currency']}"


def flaw(known: Known, form: Format, row: Good) -> Finding | None:
    """What is wrong with the wallet that a lot which came over names."""
    values = row.values
    if not values["wallet"]:
        return None
    place = (values["entity"], values["wallet"])
    wallet = known.find("wallets", [place])[place]
    if (wallet["account"], wallet["currency"]) == (values["account"], values["currency"]):
        return None
    what = f"wallet {values['wallet']!r} is of account {wallet['account']!r} and in {wallet['currency']}"
    why, mend = "a lot is in a wallet of its own account and currency", "name such a wallet, or none"
    return Finding(CONTRADICTION, row.where, what, why, mend, subject=subject_of(form, values))


def open_lots(writer: Writer, tenant: str, rows: Sequence[tuple[int, date, dict[str, Any]]]) -> None:
    """Put lots that came over, by (id, day, values), into their wallets; the lots and their entries are written already."""
    wallets = {(v["entity"], v["wallet"], v["account"], v["currency"]) for _, _, v in rows}
    writer.open_wallets(tenant, wallets)
    states = writer.lock_wallets(tenant, [one[:2] for one in wallets])
    acts = []
    for ident, day, v in rows:
        sums = (v["amount"], v["amount"], v["functional_currency"], v["functional_amount"], ZERO)
        days = (v["granted_on"], v["expires_on"])
        given: tuple[Any, ...] = (ident, v["key"], v["wallet"], PAID, *days, v["priority"], v["currency"], *sums)
        lot = Lot(*given)
        move = (moved("grant", lot, v["amount"]),)
        acts.append(Act(v["entity"], v["wallet"], v["key"], day, move, SOURCE, document=ident))
    writer.move_wallets(tenant, acts, states)
