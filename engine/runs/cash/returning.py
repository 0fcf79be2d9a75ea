"""Money of a bank entry that goes back in part: what it has paid is open again as far as that, by the allocation that was made.

What was not used of the entry goes first, then the documents that the return names, then those that were paid last.  What stays
applied is applied anew, with what still is given up beside it, so that every use of the entry is still one act.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import ZERO, round_to
from engine.model.cash import Application, OpenEntry, Pay
from engine.model.decision import Decision
from engine.model.entity import LegalEntity
from engine.model.settlement import CREDIT
from engine.receivables.matching.looking import NOT_PROVIDED
from engine.receivables.matching.twice import LONGEST_RETURN
from engine.runs.cash.facts import tokens
from engine.runs.cash.giving_up import Asker, Judge, taken_back
from engine.runs.cash.moves import Cashier, Judged
from engine.runs.cash.till import Used
from engine.runs.run import Parts
from engine.store.reader import Reader
from engine.store.writer import Writer

NOT_A_RETURN = Code("cash.not-a-return", "A bank entry that cannot take back another one, or more than is there of it.")


class Standing(msgspec.Struct):
    """What a bank entry has paid and stands: (document, amount) in the order in which it was paid, the credit of accounts with the
    customer, and what was given up beside (document, reason, amount), without what credits of the document have taken back of it."""

    pays: list[tuple[int, Decimal]]
    kept: Decimal
    customer: str
    offs: list[tuple[int, str, Decimal]]


def original_of(reader: Reader, tenant: str, back: OpenEntry) -> OpenEntry | None:
    """The entry of which another one takes a part back: the only larger one that it names, by end-to-end id or the bank's reference."""
    entry = back.entry
    named = {"end_to_end_id": [entry.end_to_end_id]} if entry.end_to_end_id.upper() not in NOT_PROVIDED else {}
    named["bank_ref"] = [token for token in tokens(back) if len(token) >= 6 and any(c.isdigit() for c in token)]
    found = {}
    for column, values in named.items():
        for value in values:
            for one in reader.entries_with(tenant, entry.entity, **{column: value}, currency=entry.currency):
                days = (entry.booked - one.entry.booked).days
                if one.entry.amount > -entry.amount and 0 <= days <= LONGEST_RETURN:
                    found[one.entry.id] = one
    return next(iter(found.values())) if len(found) == 1 else None


def give_back(
    parts: Parts, writer: Writer, entity: LegalEntity, on: date, original: OpenEntry, back: OpenEntry,
    first: Sequence[int] = (),
) -> Used:  # fmt: skip
    """Take as much back of an entry as another one says; of the documents those ``first`` are open again before others.

    Raises:
        TollbookError: ``cash.not-a-return``, ``cash.partly-taken-back``, ``settlement.over-settled``, ``ledger.period-closed``.
    """
    reader, tenant, amount = writer.reader, parts.tenant, -back.left
    there = _standing(reader, tenant, original)
    total = sum((paid for _, paid in there.pays), ZERO) + there.kept + original.left
    _check(reader, tenant, original, back, total)
    need = amount - original.left
    if need > ZERO:
        Cashier(parts, writer, entity, on).take_back(original, ("applied",))
        original = writer.lock_entry(tenant, original.entry.id)
    till = Cashier(parts, writer, entity, on)
    till.net(original, back, "returned")
    if need > ZERO:
        rest = _without(there, need, first)
        if rest.pays or rest.kept:
            judged = _judged(parts, reader, entity, on, rest)
            pays = tuple(Pay(item, paid) for item, paid in rest.pays)
            told = {"returned": f"{amount.normalize():f}", "by": "run"}
            used = sum((paid for _, paid in rest.pays), ZERO)
            wanted = Application(original.entry.id, pays, used, rest.customer, rest.kept, told=told)
            Cashier(parts, writer, entity, on).apply(wanted, judged)
    legs = [(item, paid - dict(rest.pays).get(item, ZERO)) for item, paid in there.pays] if need > ZERO else []
    numbers = {item: found.number for item, _ in legs if (found := reader.item(tenant, entity.key, item))}
    told_ = tuple((numbers.get(item, "credit"), part, ZERO) for item, part in legs if part)
    left = writer.lock_entry(tenant, original.entry.id).left
    return Used(original.entry.id, "returned", "", original.entry.currency, told_, left)


def _check(reader: Reader, tenant: str, original: OpenEntry, back: OpenEntry, total: Decimal) -> None:
    entry = original.entry
    why = ""
    if back.left >= ZERO or entry.amount <= ZERO:
        why = "a return is money that went out, of money that came"
    elif back.entry.currency != entry.currency:
        why = f"it is in {back.entry.currency}, and the other in {entry.currency}"
    elif back.entry.booked < entry.booked:
        why = f"it was booked on {back.entry.booked}, and the other on {entry.booked}"
    elif -back.left > total:
        why = f"{round_to(total, entry.currency):f} {entry.currency} of the other is applied or not used, and it is {-back.left:f}"
    elif any(
        (item := reader.item(tenant, entry.entity, ident)) is not None and item.currency != entry.currency
        for ident, _ in _standing(reader, tenant, original).pays
        if -back.left < total
    ):
        why = "the other has paid documents in another currency, of which no part is taken back by itself"
    if why:
        what = f"{back.entry.text} cannot take back {entry.text}"
        mend = "`tollbook cash show` shows both; `tollbook cash unapply` takes all of an application back"
        raise refuse(NOT_A_RETURN, what, why=why, mend=mend, subject=back.entry.subject)


def _standing(reader: Reader, tenant: str, original: OpenEntry) -> Standing:
    entry = original.entry
    uses = reader.uses(tenant, entry_id=entry.id)
    gone = {use.source for use in uses}
    found = Standing([], ZERO, "", [])
    for use in uses:
        if use.kind != "applied" or use.source or use.id in gone:
            continue
        found.customer = use.customer
        for key in reader.settled_under(tenant, entry.entity, use.key):
            for row in reader.settlements(tenant, entry.entity, key=key):
                if key != use.key:
                    stands = -row["amount"] - taken_back(reader, tenant, entry.entity, [key])
                    found.offs += [(row["item"], row["note"], stands)] if stands else []
                elif row["item"] == CREDIT:
                    found.kept -= row["amount"]
                else:
                    found.pays.append((row["item"], -row["amount"]))
    return found


def _without(there: Standing, need: Decimal, first: Sequence[int]) -> Standing:
    """What stays once as much is taken back: of credit first, then of documents that are named, then of the last ones."""
    taken = min(need, there.kept)
    kept, need = there.kept - taken, need - taken
    left = list(there.pays)
    order = sorted(range(len(left)), key=lambda place: (left[place][0] not in first, -place))
    touched = set()
    for place in order:
        item, paid = left[place]
        part = min(need, paid)
        if part:
            left[place], need = (item, paid - part), need - part
            touched.add(item)
    pays = [(item, paid) for item, paid in left if paid]
    return Standing(pays, kept, there.customer, [one for one in there.offs if one[0] not in touched])


def _judged(parts: Parts, reader: Reader, entity: LegalEntity, on: date, rest: Standing) -> Judged:
    """What was given up beside money that stays: a rule lets the run do so again, or somebody has to.

    Raises:
        TollbookError: ``cash.not-a-return``.
    """
    judge, made = Judge(parts, reader, entity, Asker("run"), on), []
    for ident, reason, amount in rest.offs:
        item = reader.item(parts.tenant, entity.key, ident)
        assert item is not None
        account = reader.accounts(parts.tenant, entity.key, [item.account])[item.account]
        decision: Decision = judge.decide(account, item, reason, amount)
        if decision.terms["decision"] != "allow":
            what = f"{amount:f} {item.currency} of {item.number} were given up as {reason} with the money that stays"
            mend = "`tollbook cash unapply`, then apply what stays by hand"
            raise refuse(NOT_A_RETURN, what, why="no rule lets a run do that again", mend=mend)
        pay = next(Pay(each, paid) for each, paid in rest.pays if each == ident)
        made.append((pay, reason, amount, decision))
    return made
