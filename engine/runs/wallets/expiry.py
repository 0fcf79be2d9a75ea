"""The expiry run: what has expired in wallets is taken out of them, and what was paid for it is booked as the rules say.

It goes through lots that still have something in them, some at a time; what it has taken out is not there any more when it
looks again.  So it can be broken off anywhere, and the same run again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import msgspec

from engine.billing.wallets import moved
from engine.ledger.fx import RateTable
from engine.ledger.posting import determine
from engine.ledger.wallets import AGAINST, Occasion
from engine.model.entity import LegalEntity
from engine.model.journal import Change
from engine.model.wallet import Lot, WalletFacts
from engine.runs.billing.run import report_of
from engine.runs.run import Parts, Report
from engine.runs.wallets.moves import book
from engine.runs.wallets.voucher_expiry import expire_vouchers
from engine.store.writer import Writer
from engine.store.writing.wallets import Act, State

TOGETHER = 500
"""Lots of one transaction."""


def run_expire(parts: Parts, on: date, change: Change) -> Report:
    """Take out of all wallets what has expired on the day ``on``, and book single-purpose vouchers that have; the entries are
    dated that day.

    Raises:
        TollbookError: ``ledger.period-closed``, ``fx.no-rate``, ``rule.no-answer``.
    """
    tenant, rules = parts.tenant, parts.rules
    with parts.books.writer(change, tenant=tenant) as writer:
        writer.store_release(tenant, rules.release, rules.files, rules.overrides, rules.plugins)
        writer.store_decisions(rules.decisions())
        run = writer.lock_run(writer.start_run(tenant, "expire", on.isoformat(), "all", rules.release).id)
    if run.state == "done":
        return msgspec.structs.replace(report_of(parts, run.id), repeated=True)
    lots, after = 0, ("", "")
    while True:
        with parts.books.reader() as reader:
            due = reader.expired(tenant, on, TOGETHER, after)
            entities = reader.entities(tenant)
            rates = reader.fx_rates(tenant, on, parts.fx_max_age)
        if not due:
            break
        table = RateTable([rate for rate in rates if rate.source == parts.fx_source], on)
        with parts.books.writer(change, run.id, tenant) as writer:
            after = (due[-1][0], due[-1][1].wallet)
            lots += _expire(parts, writer, on, entities, table, {(entity, lot.wallet) for entity, lot in due})
    vouchers = 0
    while True:
        with parts.books.writer(change, run.id, tenant) as writer:
            made = expire_vouchers(parts, writer, on, TOGETHER)
        if not made:
            break
        vouchers += made
    counts = {"lots": lots} | ({"vouchers": vouchers} if vouchers else {})
    with parts.books.writer(change, run.id, tenant) as writer:
        if writer.lock_run(run.id).state == "running":
            writer.finish_run(run.id, {"counts": counts})
    return report_of(parts, run.id)


def _expire(
    parts: Parts,
    writer: Writer,
    on: date,
    entities: Mapping[str, LegalEntity],
    table: RateTable,
    wallets: set[tuple[str, str]],
) -> int:
    """Take out what has expired in some wallets; how many lots that were."""
    tenant, decide = parts.tenant, parts.rules.decide
    states: Mapping[tuple[str, str], State] = writer.lock_wallets(tenant, wallets)
    acts, now = [], dict(states)
    for entity, key in sorted(wallets):
        found = writer.reader.purse(tenant, entity, key)
        if found is None:
            continue
        purse = found[0]
        for lot in purse.lots:
            if lot.expires_on > on:
                continue
            facts = WalletFacts(entity, purse.account, purse.wallet, lot.expires_on)
            decision = decide("wallets", facts, lot.expires_on)
            move = moved("expire", lot, -lot.left, decision=decision.id)
            act = Act(entity, key, _key(lot, now[entity, key]), on, (move,))
            now[entity, key] = State(now[entity, key].balance, now[entity, key].version + 1)
            rate = table.rate(lot.currency, entities[entity].functional_currency)
            accounts = determine(decide, entity, lot.currency, on)
            text = f"lot {lot.key} of wallet {key} expired on {lot.expires_on}"
            occasion = Occasion(tenant, entity, purse.account.country, on, text, rate, accounts)
            acts.append((act, AGAINST[decision.terms["expired"]], occasion))
    book(writer, tenant, acts, states)
    return len(acts)


def _key(lot: Lot, state: State) -> str:
    """A lot that something was given back to after it had expired expires again."""
    return f"expire/{lot.key}/{state.version}"
