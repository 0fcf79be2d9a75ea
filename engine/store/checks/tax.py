"""Checks of tax: corrections agree with the lines that carry them, and parts by jurisdiction with the tax of their line."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.model.tax_correction import TAX
from engine.store.session import Session
from engine.store.tables import INVOICE_LINE, TAX_CORRECTION, TAX_DETAIL

PARTS_DIFFER = Code("tax.parts-differ", "Parts of a tax by jurisdiction that do not add up to the tax of their line.")
NOT_TIED = Code("tax.not-tied", "A correction of tax and the documents that do not agree with it.")


def tax_ties(session: Session, tenant: str) -> list[Finding]:
    """Every correction of tax is on the one document that it names, and every line that corrects tax has a correction."""
    return [*_carried(session, tenant), *_without(session, tenant)]


def _carried(session: Session, tenant: str) -> Iterator[Finding]:
    """Corrections with a document, of which that has not exactly one line with their difference."""
    one, line = TAX_CORRECTION.c, INVOICE_LINE.c
    lines = (
        sa.select(sa.func.count())
        .where(line.invoice_id == one.document, line.credits == one.line_id, line.kind == TAX)
        .where(line.credits != 0, line.tax_amount == one.after - one.before)
        .where(~line.tax_included | (line.amount == one.before - one.after))
        .scalar_subquery()
    )
    statement = (
        sa.select(one.line_id, one.invoice, one.document, one.before, one.after)
        .where(one.tenant == tenant, one.document != 0, lines != 1)
        .order_by(one.id)
    )
    for row in session.rows(statement):
        what = f"the tax of line {row.line_id} of {row.invoice} went from {row.before} to {row.after}"
        yield _not_tied(f"{what}, which document {row.document} does not carry once", f"tax-correction/{row.line_id}")


def _without(session: Session, tenant: str) -> Iterator[Finding]:
    """Lines that correct tax without a correction that names their document."""
    one, line = TAX_CORRECTION.c, INVOICE_LINE.c
    known = sa.exists().where(one.line_id == line.credits, one.document == line.invoice_id)
    statement = sa.select(line.id, line.invoice_id).where(line.tenant == tenant, line.kind == TAX, ~known)
    for row in session.rows(statement.order_by(line.id)):
        yield _not_tied(f"line {row.id} of document {row.invoice_id} corrects tax for no reason", f"line/{row.id}")


def _not_tied(what: str, subject: str) -> Finding:
    return Finding(
        NOT_TIED,
        Where(subject),
        what,
        "a correction, its line and its posting are written in one transaction, and never change",
        "find what changed one, and restore the books",
        subject=subject,
    )


def tax_parts(reader: Session, tenant: str) -> list[Finding]:
    """Where a line's tax is known by jurisdiction, the parts add up to it, and belong to a line that is there."""
    part, line = TAX_DETAIL.c, INVOICE_LINE.c
    sums = (
        sa.select(part.line_id, sa.func.sum(part.amount).label("parts"))
        .where(part.tenant == tenant)
        .group_by(part.line_id)
        .subquery()
    )
    statement = (
        sa.select(sums.c.line_id, sums.c.parts, line.tax_amount)
        .join_from(sums, INVOICE_LINE, line.id == sums.c.line_id, isouter=True)
        .where(line.tax_amount.is_(None) | (line.tax_amount != sums.c.parts))
        .order_by(sums.c.line_id)
    )
    return [
        Finding(
            PARTS_DIFFER,
            Where(f"invoice_line/{row.line_id}"),
            f"the parts of the tax of line {row.line_id} add up to {row.parts}, the line says {row.tax_amount}",
            mend="an invoice never changes; find what changed it, and restore the books",
            subject=f"invoice_line/{row.line_id}",
        )
        for row in reader.rows(statement)
    ]
