"""Why money is where it is, both ways: from a bank entry over the match to what it has settled and its postings, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.base.errors import Code, refuse
from engine.base.money import ZERO, written
from engine.model.cash import CLEARED, ENTRY_KIND, USE_KIND, OpenEntry, Use
from engine.model.direct_debit import FEE
from engine.runs.cash.clearing import is_cleared, payout_name
from engine.runs.explaining.words import Explanation, Step, first, number, rule_of, side, terms_of
from engine.runs.payments.payouts import ENTRY as PAYOUT
from engine.store import tracing
from engine.store.reader import Reader

NO_SUCH_ENTRY = Code("explain.no-such-money", "A bank entry or settlement that the books do not have.")

SETTLEMENT = "settlement"


def explain_bank_entry(reader: Reader, tenant: str, name: str, everything: bool) -> Explanation:
    """Explain a bank entry by its number: what the bank says of it, how it was matched, what it has settled, its postings.

    Raises:
        TollbookError: ``explain.no-such-money``.
    """
    found = reader.bank_entry(tenant, int(name)) if name.isdigit() else None
    if found is None:
        mend = "`tollbook cash show` lists those that are open"
        raise refuse(NO_SUCH_ENTRY, f"there is no bank entry {name!r}", mend=mend)
    entry = found.entry
    steps = [_statement(reader, found)]
    uses = reader.uses(tenant, entry_id=entry.id)
    chosen = tracing.decisions(reader, sorted({use.decision for use in uses if use.decision}))
    release = str(next((decision["release"] for decision in chosen.values()), ""))
    for use in uses:
        steps += _use(reader, tenant, use, entry.currency, chosen, everything)
    for item in reader.work_items(tenant, subjects=(entry.subject,)):
        text = f"item {item.id} is {item.state}{f' as {item.resolution}' if item.resolution else ''}: {item.difference}"
        steps.append(Step("worklist", text, tuple(("trace", line) for line in item.detail.get("trace", ()))))
    steps += _postings(reader, tenant, "journal", entry.parent or entry.id, ENTRY_KIND, everything)
    amount = f"{written(entry.amount, entry.currency)}, {written(found.left, entry.currency)} is left"
    return Explanation(f"bank:{entry.id}", entry.text, amount, release, tuple(steps))


def explain_settlement(reader: Reader, tenant: str, entity: str, key: str, everything: bool) -> Explanation:
    """Explain an act that settles by its key: the bank entry and the match behind it, what it settles, its postings.

    Raises:
        TollbookError: ``explain.no-such-money``.
    """
    rows = reader.settlements(tenant, entity, key=key)
    if not rows:
        mend = "`tollbook account show` lists the settlements of an account"
        raise refuse(NO_SUCH_ENTRY, f"{entity} has no settlement {key!r}", mend=mend)
    head, document = rows[0], rows[0]["document"]
    steps = _behind(reader, tenant, entity, head, everything)
    steps.append(_settled(reader, rows, everything))
    decision = tracing.decisions(reader, [head["decision"]]).get(head["decision"])
    if decision is not None:
        steps.append(Step("rule", rule_of(decision), terms_of(decision)))
    for source in reader.settlements(tenant, entity, source=key):
        steps.append(Step("taken back", f"on {source['day']} by settlement:{entity}/{source['key']}"))
    steps += _postings(reader, tenant, "journal", document, SETTLEMENT, everything)
    text = f"{head['kind'].replace('_', ' ')} of {head['account']} on {head['day']}"
    total = sum((row["amount"] for row in rows), ZERO)
    release = str(decision["release"]) if decision is not None else ""
    return Explanation(f"settlement:{entity}/{key}", text, f"{written(total, head['currency'])}", release, tuple(steps))


def money_of(reader: Reader, tenant: str, head: Mapping[str, Any], everything: bool) -> list[Step]:
    """What has settled a document, act by act; nothing where nothing has."""
    rows = reader.settlements(tenant, head["entity"], item=head["id"])
    if not rows:
        return []
    details = tuple(
        (
            f"settlement:{row['entity']}/{row['key']}",
            f"{row['day']} {row['kind'].replace('_', ' ')} {written(row['amount'], row['currency'])}{_from(reader, tenant, row)}",
        )
        for row in rows
    )
    settled = sum((row["amount"] for row in rows), ZERO)
    return [Step("settled", f"{written(settled, head['currency'])} by {len(rows)} acts", first(details, everything))]


def document_of(reader: Reader, tenant: str, entry: Mapping[str, Any]) -> Step | None:
    """What an entry of money stands for: its settlement, or its bank entry; None of other entries."""
    if entry["kind"] in (SETTLEMENT, FEE):
        rows = reader.settlements(tenant, entry["entity"], document=entry["document"])
        return Step("document", f"settlement:{entry['entity']}/{rows[0]['key']}") if rows else None
    if entry["kind"] == PAYOUT:
        return _paid_out(reader, tenant, entry["document"])
    if entry["kind"] == ENTRY_KIND:
        return Step("document", f"bank:{entry['document']}")
    if entry["kind"] == USE_KIND:
        uses = reader.uses(tenant, document=entry["document"])
        text = ", ".join(f"{use.kind} of bank:{use.entry_id}" for use in uses) or "a certificate of tax withheld"
        return Step("document", text)
    return None


def _paid_out(reader: Reader, tenant: str, ident: int) -> Step | None:
    """A payout with its lines, and the bank entry that was cleared against it."""
    found = reader.payout_by_id(tenant, ident)
    if found is None:
        return None
    lines = tuple(
        (f"{line['kind']} {line['provider_id'] or line['key']}", f"{number(line['gross'])}, fee {number(line['fee'])}")
        for line in reader.lines_of_payout(tenant, ident)
    )
    name = payout_name(found)
    uses = [one for one in reader.uses(tenant, entity=found["entity"], key=name) if one.kind == CLEARED]
    shown = (("at the bank", f"bank:{uses[-1].entry_id}"),) if is_cleared(reader, tenant, found["entity"], name) else ()
    return Step("document", f"{name} of {found['day']}, {len(lines)} lines", (*shown, *lines))


def _from(reader: Reader, tenant: str, row: Mapping[str, Any]) -> str:
    uses = reader.uses(tenant, document=row["document"])
    return f" from bank:{uses[0].entry_id}" if uses else ""


def _statement(reader: Reader, found: OpenEntry) -> Step:
    entry = found.entry
    statement = reader.statement(entry.tenant, entry.statement_id)
    source = f"{statement.kind} {statement.file}, {statement.first_day} to {statement.last_day}" if statement else "?"
    names = ("booked", "value_day", "payer", "payer_account", "remittance", "end_to_end_id", "structured", "bank_ref")
    details = [(name, str(getattr(entry, name))) for name in names if getattr(entry, name)]
    if entry.parent:
        details.append(("gathered in", f"bank:{entry.parent}"))
    return Step("statement", f"{entry.account} of {entry.entity}: {source}", tuple(details))


def _use(
    reader: Reader, tenant: str, use: Use, currency: str, chosen: Mapping[int, Mapping[str, Any]], everything: bool
) -> list[Step]:
    told = use.told if isinstance(use.told, dict) else {}
    steps = []
    decision = chosen.get(use.decision)
    if decision is not None or told.get("trace"):
        rule = rule_of(decision) if decision is not None else "no rule"
        score = f", score {told['score']}" if told.get("score") else ""
        steps.append(Step("match", f"{rule}{score}", tuple(("trace", str(line)) for line in told.get("trace", ()))))
    elif told.get("reason"):
        steps.append(Step("match", f"by {told['by']}: {told['reason']}"))
    words = f"{use.day} {use.kind} {written(use.amount, currency)}"
    words += f" against {use.key}" if use.kind == CLEARED else ""
    words += f" of {use.customer}" if use.customer else f" to {use.other}" if use.other else ""
    details: list[tuple[str, str]] = []
    if use.kind == "applied" and not use.source:
        for key in reader.settled_under(tenant, use.entity, use.key):
            details += [(f"settlement:{use.entity}/{key}", f"{written(row['amount'], row['currency'])} {_numbered(reader, row)}") for row in
                        reader.settlements(tenant, use.entity, key=key)]  # fmt: skip
    elif use.key and use.kind == "applied":
        details.append((f"settlement:{use.entity}/undo/{use.key}", "turns it round"))
    steps.append(Step("taken back" if use.source else "use", words, first(tuple(details), everything)))
    kind = SETTLEMENT if use.kind == "applied" else USE_KIND
    return steps + (_postings(reader, tenant, "postings", use.document, kind, everything) if use.document else [])


def _behind(reader: Reader, tenant: str, entity: str, head: Mapping[str, Any], everything: bool) -> list[Step]:
    """The bank entry whose money an act is, and how it was matched; of what is given up beside it, too."""
    uses = reader.uses(tenant, document=head["document"])
    if not uses:
        parent = head["key"].removeprefix("undo/")
        candidates = [parent.rsplit("/", n)[0] for n in range(3)]
        uses = [use for key in candidates for use in reader.uses(tenant, entity=entity, key=key)][:1]
    steps = []
    for use in uses[:1]:
        found = reader.bank_entry(tenant, use.entry_id)
        if found is not None:
            entry = found.entry
            text = (
                f"bank:{entry.id} of {entry.booked}: {written(entry.amount, entry.currency)} from {entry.payer or '-'}"
            )
            steps.append(Step("money", text))
        chosen = tracing.decisions(reader, [use.decision])
        told = _use(reader, tenant, use, head["currency"], chosen, everything)
        steps += [step for step in told if step.name == "match"]
    return steps


def _settled(reader: Reader, rows: Sequence[Mapping[str, Any]], everything: bool) -> Step:
    details = tuple((_numbered(reader, row), f"{written(row['amount'], row['currency'])}") for row in rows)
    note = f"; {rows[0]['note']}" if rows[0]["note"] else ""
    return Step("settles", f"{len(rows)} items{note}", first(details, everything))


def _numbered(reader: Reader, row: Mapping[str, Any]) -> str:
    if not row["item"]:
        return f"credit of {row['account']}"
    item = reader.item(row["tenant"], row["entity"], row["item"])
    return item.number if item is not None else str(row["item"])


def _postings(reader: Reader, tenant: str, name: str, document: int, kind: str, everything: bool) -> list[Step]:
    rows = reader.entry_of(tenant, document, kind)
    details = tuple((f"posting:{row['entry_id']}/{row['number']}", side(row)) for row in rows)
    return [Step(name, f"{kind} entry of {rows[0]['posting_date']}", first(details, everything))] if rows else []
