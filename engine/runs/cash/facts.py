"""What matching is given: open bank entries as money, open documents as candidates, accounts as parties, rates of the day."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.errors import TollbookError
from engine.base.money import ZERO
from engine.ledger.fx import RateTable
from engine.model.cash import OpenEntry
from engine.model.matching import Candidate, Incoming, Party
from engine.model.settlement import CREDIT, OpenItem
from engine.runs.early_payment import granted
from engine.runs.run import Parts
from engine.store.reader import Reader

_TOKEN: Final = re.compile(r"[A-Z0-9][A-Z0-9./_-]{2,}")


class World(msgspec.Struct):
    """What is known of a legal entity before its money is matched: open documents by id, and the rest as matching takes it;
    accounts by the bank accounts that they have paid from, and by their name."""

    items: dict[int, OpenItem]
    candidates: list[Candidate]
    parties: list[Party]
    rates: dict[str, Decimal]
    learnt: dict[str, list[str]]
    named: dict[str, list[str]]


def incoming(one: OpenEntry) -> Incoming:
    """A bank entry, or what is left of it, as money that came or was taken back."""
    entry = one.entry
    texts = (entry.payer, entry.payer_account, entry.remittance, entry.end_to_end_id, entry.structured)
    return Incoming(str(entry.id), entry.bank_ref, entry.booked, one.left, entry.currency, *texts)


def advised(reader: Reader, entries: Sequence[OpenEntry]) -> list[OpenEntry]:
    """Bank entries of a legal entity with the advices that came apart from them behind their own texts."""
    if not entries:
        return []
    first = entries[0].entry
    told = reader.advices(first.tenant, first.entity, [one.entry for one in entries])
    replace = msgspec.structs.replace
    return [
        replace(
            one,
            entry=replace(one.entry, remittance=" ; ".join(filter(None, (one.entry.remittance, *told[one.entry.id])))),
        )
        if one.entry.id in told
        else one
        for one in entries
    ]


def world(parts: Parts, reader: Reader, entity: str, on: date, money: Iterable[OpenEntry]) -> World:
    """What is open of a legal entity, and who may pay."""
    accounts = reader.open_accounts(parts.tenant, entity)
    found = reader.open_items(parts.tenant, entity, accounts) if accounts else {}
    items = {i.id: i for there in found.values() for i in there if i.id != CREDIT and i.kind != "cash" and i.left}
    agreed = reader.agreed_of(sorted(items))
    early = early_terms(reader, {decision for _, decision in agreed.values()})
    candidates = []
    for item in items.values():
        order, decision = agreed.get(item.id, ("", 0))
        candidates.append(_candidate(item, order, early.get(decision, "")))
    learnt = reader.learnt_accounts(parts.tenant, entity)
    parties = [
        Party(key, name, currency, learnt.get(key, ()), parent or "")
        for key, name, currency, parent in reader.all_accounts(parts.tenant, entity)
    ]
    currencies = {item.currency for item in items.values()} | {one.entry.currency for one in money}
    accounts_of, named = dict[str, list[str]](), dict[str, list[str]]()
    for party in parties:
        named.setdefault(party.name.strip().casefold(), []).append(party.account)
        for account in party.bank_accounts:
            accounts_of.setdefault(account, []).append(party.account)
    return World(items, candidates, parties, _rates(parts, reader, currencies, on), accounts_of, named)


def early_terms(reader: Reader, decisions: Iterable[int]) -> dict[int, str]:
    """The discount for paying early that decisions of invoicing grant, as matching reads it: ``2/10`` is 2 % within 10 days."""
    return {
        ident: f"{(early.discount * 100).normalize():f}/{early.within}"
        for ident, early in granted(reader, decisions).items()
    }


def _candidate(item: OpenItem, order: str, early: str) -> Candidate:
    kind = "invoice" if item.amount > ZERO else "credit_note"
    terms = f"{early if item.amount > ZERO else ''}net{max((item.due - item.on).days, 0)}"
    head = (str(item.id), item.number, kind, item.account, item.on, item.due, item.currency, item.amount, item.left)
    return Candidate(*head, terms, order)  # type: ignore[arg-type]


def _rates(parts: Parts, reader: Reader, currencies: Iterable[str], on: date) -> dict[str, Decimal]:
    """Rates by the two codes joined, of the pairs that lead from one to another."""
    wanted = sorted(set(currencies))
    if len(wanted) < 2:
        return {}
    rates = [one for one in reader.fx_rates(parts.tenant, on, parts.fx_max_age) if one.source == parts.fx_source]
    table, found = RateTable(rates, on), dict[str, Decimal]()
    for base in wanted:
        for quote in wanted:
            if base != quote:
                try:
                    found[f"{base}{quote}"] = table.rate(base, quote).rate
                except TollbookError:
                    continue
    return found


Numbered = Mapping[str, tuple[int, str]]
"""Id and kind of documents by their number."""


def numbered(parts: Parts, reader: Reader, entity: str, money: Iterable[OpenEntry]) -> Numbered:
    """The documents whose whole number stands in the texts of some entries, open or not."""
    words = sorted({token for one in money for token in tokens(one)})
    found = reader.documents_numbered(parts.tenant, entity, words) if words else []
    return {number: (ident, kind) for ident, number, kind in found}


def tokens(one: OpenEntry) -> list[str]:
    """What of the texts of an entry may be the number of a document."""
    text = f"{one.entry.structured} {one.entry.remittance}".upper()
    return sorted({token.rstrip("./-_") for token in _TOKEN.findall(text)})


def already_settled(
    parts: Parts, reader: Reader, entity: str, one: OpenEntry, items: Mapping[int, OpenItem], known: Numbered
) -> list[str]:
    """What a payment names that is not open any more, in words: it was paid, or is void."""
    told = []
    for number in tokens(one):
        ident, kind = known.get(number, (0, ""))
        if not ident or ident in items:
            continue
        rows = reader.settlements(parts.tenant, entity, item=ident)
        kinds = {row["kind"] for row in rows if (row["amount"] < ZERO) == (kind != "credit_note")}
        void = "credit_note" in kinds
        told.append(f"{number} is {'void or credited' if void else 'paid already'}")
    return told
