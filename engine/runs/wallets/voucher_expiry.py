"""What becomes of single-purpose vouchers that nobody redeems: what is left of the sale is earned (breakage), its tax stays due.

The sale of such a voucher was the supply, so its tax is not given back (Directive 2006/112/EC, article 30b).
"""

from __future__ import annotations

from datetime import date

from engine.base.errors import Code, refuse
from engine.ledger.posting import Side, determine, entry
from engine.runs.accounts.memo_moves import nothing_runs
from engine.runs.billing import rows
from engine.runs.run import Parts
from engine.store import tables as t
from engine.store.reader import Reader
from engine.store.reading.advances import BREAKAGE, is_broken, vouchers_expired
from engine.store.writer import Writer

EXPIRED = Code("voucher.expired", "A credit on a voucher that has expired and whose rest is earned.")


def expire_vouchers(parts: Parts, writer: Writer, on: date, limit: int) -> int:
    """Book some vouchers that have expired on a day, dated that day; how many.

    Raises:
        TollbookError: ``run.unfinished``, ``ledger.period-closed``, ``rule.no-answer``.
    """
    tenant, reader = parts.tenant, writer.reader
    if not vouchers_expired(reader, tenant, on, 1):
        return 0
    writer.roll_up_usage(tenant)  # bill runs that start wait here
    nothing_runs(reader, tenant)
    due = vouchers_expired(reader, tenant, on, limit)
    made = []
    for row, left in due:
        (payer,) = reader.accounts(tenant, row.entity, [row.payer]).values()
        accounts = determine(parts.rules.decide, row.entity, row.currency, on)
        sides = (
            Side("contract_liability", payer.country, row.product, left.net_left, row.id),
            Side("breakage", payer.country, row.product, -left.net_left, row.id),
        )
        text = f"voucher {row.number} expired on {row.expires_on}"
        made.append((row.document, entry(tenant, row.entity, BREAKAGE, on, text, sides, left.rate, accounts)))
    first = writer.take_ids("entry", len(made))
    heads = [rows.entry_row(first + n, one, document, writer.run_id) for n, (document, one) in enumerate(made)]
    writer.append(t.ENTRY, heads)
    postings = (row for n, (_, one) in enumerate(made) for row in rows.posting_rows(first + n, one, 1))
    writer.append(t.POSTING, list(postings))
    return len(made)


def refuse_expired(reader: Reader, document: int, number: str) -> None:
    """Refuse to give back a voucher that has expired.

    Raises:
        TollbookError: ``voucher.expired``.
    """
    if is_broken(reader, document):
        mend = "grant credit to the account instead, with `tollbook account grant`"
        raise refuse(EXPIRED, f"voucher {number} has expired", why="what was left of it is earned", mend=mend)
