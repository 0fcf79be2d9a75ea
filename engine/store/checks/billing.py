"""Checks of what was billed: no day twice, marks that say how far, and records that name each other by key."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.model.tax_correction import TAX
from engine.store.checks import exact as checks_exact
from engine.store.checks import openings as checks_openings
from engine.store.checks.written import ORPHAN
from engine.store.query import among
from engine.store.reader import Reader
from engine.store.tables import (
    BILLING_MARK,
    INVOICE,
    INVOICE_LINE,
    METADATA,
    PAYER_MARK,
    SERIES,
    SUBSCRIPTION,
    SUBSCRIPTION_EVENT,
    USAGE_EVENT,
    USAGE_REVERSAL,
)

BILLED_TWICE = Code("billing.billed-twice", "Days of a charge, or usage events, that were billed more than once.")
WRONG_MARK = Code("billing.wrong-mark", "A billing mark that cannot be true, or is missing.")

_KEYS: Final = (
    ("account", "payer", "account", ("entity",)),
    ("account", "parent", "account", ("entity",)),
    ("contract", "account", "account", ("entity",)),
    ("contract_line", "contract", "contract", ("entity",)),
    ("subscription", "account", "account", ("entity",)),
    ("subscription", "contract", "contract", ("entity",)),
    ("subscription_event", "payer", "account", ("entity",)),
    ("account", "entity", "entity", ()),
    ("charge", "plan", "plan", ()),
    ("charge", "meter", "meter", ()),
)
"""Records that name another by key: table, column, the other table, and what both share beside the tenant."""


def keyless(reader: Reader, tenant: str) -> list[Finding]:
    """Records that name another record by a key that nobody has."""
    findings: list[Finding] = []
    for child, link, parent, shared in _KEYS:
        one, other = METADATA.tables[child], METADATA.tables[parent].alias("other")
        there = sa.exists().where(
            other.c.tenant == tenant,
            other.c.current,
            other.c.key == one.c[link],
            *(other.c[s] == one.c[s] for s in shared),
        )
        mine = [one.c.tenant == tenant, one.c[link].is_not(None), *([one.c.current] if "current" in one.c else [])]
        absent = reader.connection.execute(
            sa.select(one.c[link]).distinct().where(*mine, ~there).order_by(one.c[link])
        ).scalars()
        findings.extend(
            Finding(
                ORPHAN,
                Where(f"{child}.{link}={key}"),
                f"{child} names {parent} {key!r}, which is not there",
                mend=f"import the {parent}, or correct the {child}",
                subject=f"{parent}/{key}",
            )
            for key in absent
        )
    return findings


def _open_lines(tenant: str) -> Any:
    """Lines that are no credits, of which something is left: amount and what was given back do not cancel out."""
    line, credit = INVOICE_LINE.alias("line"), INVOICE_LINE.alias("credit")
    given = (
        sa.select(credit.c.credits, sa.func.sum(credit.c.amount).label("amount"))
        .where(credit.c.tenant == tenant, sa.literal_column("credit.credits <> 0"))
        .group_by(credit.c.credits)
        .subquery()
    )
    zero = sa.literal(0, line.c.amount.type)
    return (
        sa.select(line)
        .join_from(line, given, given.c.credits == line.c.id, isouter=True)
        .where(
            line.c.tenant == tenant, line.c.credits == 0, line.c.amount + sa.func.coalesce(given.c.amount, zero) != zero
        )
        .subquery("open")
    )


def _recurring_twice(tenant: str) -> sa.Select[Any]:
    """Days of a recurring charge on which charges less credits cover it more than once, or less than not at all.

    A line that bills a difference covers nothing that the line below it does not, nor does one of which no money is left; lines that count instants are looked at by
    :func:`engine.store.checks.exact.counted_twice`.  Payers whom events name are looked at each by itself: where one of them is
    held, what it gives back comes later than what the next one is charged.
    """
    line = INVOICE_LINE.c
    sign = sa.case((line.credits == 0, 1), (checks_exact.brings_again(tenant), 1), else_=-1)
    mine = (
        line.tenant == tenant,
        line.kind == "recurring",
        line.upon == 0,
        ~checks_openings.gives_back_old(line.credits),
        line.credits.not_in(checks_exact.differences(tenant)),
        line.id.not_in(checks_exact.all_given(tenant)),
        line.credits.not_in(checks_exact.all_given(tenant)),
        line.subscription_id.not_in(checks_exact.exact_subscriptions(tenant)),
    )
    fields = (line.subscription_id, line.charge, checks_exact.whose(tenant, line).label("payer"))
    edges = sa.union_all(
        sa.select(*fields, line.service_from.label("day"), sign.label("step")).where(*mine),
        sa.select(*fields, line.service_to.label("day"), (-sign).label("step")).where(*mine),
    ).subquery()
    keys = (edges.c.subscription_id, edges.c.charge, edges.c.payer, edges.c.day)
    steps = sa.select(*keys, sa.func.sum(edges.c.step).label("step")).group_by(*keys).subquery()
    apart = (steps.c.subscription_id, steps.c.charge, steps.c.payer)
    level = sa.func.sum(steps.c.step).over(partition_by=apart, order_by=steps.c.day)
    levels = sa.select(steps.c.subscription_id, steps.c.charge, steps.c.day, level.label("level")).subquery()
    return (
        sa.select(levels.c.subscription_id, levels.c.charge, sa.func.min(levels.c.day).label("day"))
        .where((levels.c.level > 1) | (levels.c.level < 0))
        .group_by(levels.c.subscription_id, levels.c.charge)
    )


def _usage_twice(tenant: str) -> sa.Select[Any]:
    """Stretches of usage that overlap another stretch of their charge."""
    line = _open_lines(tenant)
    payer = checks_exact.whose(tenant, line.c).label("payer")
    fields = (line.c.subscription_id, line.c.charge, line.c.service_from, line.c.service_to, payer)
    stretch = sa.select(*fields).where(line.c.kind == "usage").distinct().subquery()
    reached = sa.func.max(stretch.c.service_to).over(
        partition_by=(stretch.c.subscription_id, stretch.c.charge, stretch.c.payer),
        order_by=(stretch.c.service_from, stretch.c.service_to),
        rows=(None, -1),
    )
    ordered = sa.select(stretch, reached.label("reached")).subquery()
    return sa.select(ordered.c.subscription_id, ordered.c.charge, ordered.c.service_from.label("day")).where(
        ordered.c.service_from < ordered.c.reached
    )


def _events_twice(tenant: str) -> sa.Select[Any]:
    """Lines of one stretch of usage whose ranges of event ids overlap."""
    line = _open_lines(tenant)
    reached = sa.func.max(line.c.usage_to).over(
        partition_by=(
            *(line.c.subscription_id, line.c.plan, line.c.charge, line.c.service_from, line.c.service_to),
            line.c.grouped,
        ),
        order_by=(line.c.usage_after, line.c.id),
        rows=(None, -1),
    )
    ranges = (
        sa.select(
            line.c.subscription_id, line.c.charge, line.c.service_from, line.c.usage_after, reached.label("reached")
        )
        .where(line.c.kind == "usage")
        .subquery()
    )
    return sa.select(ranges.c.subscription_id, ranges.c.charge, ranges.c.service_from.label("day")).where(
        ranges.c.usage_after < ranges.c.reached
    )


def _once_twice(tenant: str) -> sa.Select[Any]:
    """One-time charges that were billed more than once for a day."""
    line = _open_lines(tenant)
    fields = (line.c.subscription_id, line.c.charge, line.c.service_from.label("day"))
    keys = (line.c.subscription_id, line.c.plan, line.c.charge, line.c.service_from, line.c.exact)
    return sa.select(*fields).where(line.c.kind == "one_time").group_by(*keys).having(sa.func.count() > 1)


def _brought_twice(tenant: str) -> sa.Select[Any]:
    """Lines of which more was brought again, after credits on them were voided, than was given back."""
    line, credit = INVOICE_LINE.c, INVOICE_LINE.alias("credit")
    given = (
        sa.select(credit.c.credits, sa.func.sum(credit.c.amount).label("amount"))
        .where(credit.c.tenant == tenant, sa.literal_column("credit.credits <> 0"), credit.c.kind != TAX)
        .group_by(credit.c.credits)
        .subquery()
    )
    same = ((line.amount > 0) & (given.c.amount > 0)) | ((line.amount < 0) & (given.c.amount < 0))
    return (
        sa.select(line.subscription_id, line.charge, line.service_from.label("day"))
        .join_from(INVOICE_LINE, given, given.c.credits == line.id)
        .where(line.tenant == tenant, same)
    )


def no_day_billed_twice(reader: Reader, tenant: str) -> list[Finding]:
    """Net of credits, no day of a recurring charge, no usage and no one-time charge is billed twice."""
    found = [
        (what, row)
        for what, statement in (
            ("days", _recurring_twice(tenant)),
            ("a stretch of usage", _usage_twice(tenant)),
            ("usage events", _events_twice(tenant)),
            ("a one-time charge", _once_twice(tenant)),
            ("what was given back", _brought_twice(tenant)),
        )
        for row in reader.rows(statement)
    ]
    told = [(what, row.subscription_id, row.charge, row.day) for what, row in found]
    told += [("time", *one) for one in checks_exact.counted_twice(reader, tenant)]
    keys = _subscription_keys(reader, {subscription for _, subscription, *_ in told})
    return checks_openings.old_lines_once(reader, tenant) + [
        Finding(
            BILLED_TWICE,
            Where(f"subscription/{keys[subscription]}"),
            f"{what} of charge {charge} of subscription {keys[subscription]} from {day} on: "
            "charges less credits are not exactly one",
            why="a day, and an event, is billed once",
            mend="look at the lines of the subscription; give back what is too much with a credit",
            subject=f"subscription/{keys[subscription]}",
        )
        for what, subscription, charge, day in told
    ]


def marks(reader: Reader, tenant: str) -> list[Finding]:
    """Every subscription that was billed has a mark, and no mark says that events were seen which do not exist."""
    mark, line, taken = BILLING_MARK.c, INVOICE_LINE.c, SUBSCRIPTION.c
    used, back, happened = (
        sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0)).scalar_subquery()
        for table in (USAGE_EVENT, USAGE_REVERSAL, SUBSCRIPTION_EVENT)
    )
    ahead = (
        sa.select(taken.id)
        .join_from(SUBSCRIPTION, BILLING_MARK, mark.subscription_id == taken.id)
        .where(
            taken.tenant == tenant,
            ((mark.usage_seen > used) & (mark.usage_seen > back)) | (mark.events_seen > happened),
        )
    )
    there = sa.exists().where(mark.subscription_id == line.subscription_id)
    named = sa.exists().where(PAYER_MARK.c.subscription_id == line.subscription_id)
    mine = (line.tenant == tenant, line.subscription_id != 0)
    without = sa.select(line.subscription_id).distinct().where(*mine, ~there, ~named)
    found = [
        (what, ident)
        for what, statement in (
            ("has seen events that do not exist", ahead),
            ("is missing, though it was billed", without),
        )
        for ident in reader.connection.execute(statement.order_by(sa.literal_column("1"))).scalars()
    ]
    keys = _subscription_keys(reader, {ident for _, ident in found})
    return [
        Finding(
            WRONG_MARK,
            Where(f"subscription/{keys[ident]}"),
            f"the billing mark of subscription {keys[ident]} {what}",
            mend="restore the mark; without a right one, a run reads too little or too much",
            subject=f"subscription/{keys[ident]}",
        )
        for what, ident in found
    ]


def series_without_documents(reader: Reader, tenant: str, code: Code) -> list[Finding]:
    """Series whose numbers were taken, though no document has them."""
    there = sa.exists().where(
        INVOICE.c.tenant == tenant, INVOICE.c.entity == SERIES.c.entity, INVOICE.c.series == SERIES.c.series
    )
    before = checks_openings.numbered_before(tenant, SERIES.c.entity, SERIES.c.series)
    statement = sa.select(SERIES).where(SERIES.c.tenant == tenant, SERIES.c.next != before + 1, ~there)
    return [
        Finding(
            code,
            Where(f"series/{row.entity}/{row.series}"),
            f"series {row.series} of {row.entity} goes on with {row.next}, but has no documents",
            why="legal numbers have no gaps",
            mend="find the documents that were removed, and restore the books",
            subject=f"series/{row.entity}/{row.series}",
        )
        for row in reader.rows(statement)
    ]


def _subscription_keys(reader: Reader, ids: set[int]) -> dict[int, str]:
    statement = sa.select(SUBSCRIPTION.c.id, SUBSCRIPTION.c.key).where(among(reader.dialect, SUBSCRIPTION.c.id, "ids"))
    known = dict(map(tuple, reader.connection.execute(statement, {"ids": sorted(ids)}))) if ids else {}
    return {ident: known.get(ident, f"#{ident}") for ident in ids}
