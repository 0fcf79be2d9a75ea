"""Legal numbers of a billed partition, taken last, with what stands beside them: codes, and chains of signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from engine.base.errors import Code, refuse
from engine.model.entity import LegalEntity
from engine.model.numbering import (
    ASCENDING,
    FREE,
    Mark,
    Signer,
    chain_text,
    code_text,
    digest,
    entered_text,
    legal_number,
    number_flaw,
    printed_of,
)
from engine.runs.billing import rows
from engine.runs.billing.finish import Issued
from engine.runs.billing.read import Pinned
from engine.store.writer import Writer

SERIES_FULL = Code("numbering.series-full", "A number that is greater than the series of its rule has room for.")

Signers = Mapping[str, Signer]


def numbered(
    signers: Signers, writer: Writer, pinned: Pinned, entity: LegalEntity, issued: Sequence[Issued], first_id: int
) -> tuple[list[rows.Row], list[rows.Row]]:
    """Invoice heads with their legal numbers, and what stands beside these.  Each series stays locked until the commit.

    Raises:
        TollbookError: ``numbering.date-decreases``, ``numbering.series-full``.
    """
    by_series: dict[str, list[tuple[int, Issued]]] = {}
    for n, one in enumerate(issued):
        by_series.setdefault(one.invoice.series, []).append((first_id + n, one))
    heads: list[rows.Row] = []
    marks: list[rows.Row] = []
    for series, members in sorted(by_series.items()):
        dates = FREE if all(one.invoice.rule["dates"] == FREE for _, one in members) else ASCENDING
        first = writer.take_numbers(entity.tenant, entity.key, series, len(members), pinned.on, dates)
        chain = _Chain(signers, writer, pinned, entity, series)
        for sequence, (invoice_id, one) in enumerate(members, first):
            invoice, run_id = one.invoice, pinned.run_id
            number = legal_number(invoice.number_format, series, sequence, pinned.on)
            if sequence > invoice.rule["largest"]:
                raise _full(entity, series, sequence, number, invoice.rule)
            written = (one.rate, one.functional_total, run_id, entity.id)
            heads.append(rows.invoice_row(invoice_id, invoice, sequence, number, *written))
            if invoice.rule["code"] or invoice.rule["chain"]:
                mark = chain.mark(one, sequence, number)
                values = msgspec.structs.astuple(mark)
                marks.append((invoice_id, entity.tenant, entity.key, series, sequence, *values))
    return heads, sorted(marks)


class _Chain:
    """Marks of the documents of one series, one after the other; the series is locked."""

    def __init__(self, signers: Signers, writer: Writer, pinned: Pinned, entity: LegalEntity, series: str) -> None:
        self.signers, self.writer, self.entity, self.series = signers, writer, entity, series
        self.entered = entered_text(pinned.change.at, entity.zone)
        self.previous: str | None = None

    def mark(self, one: Issued, sequence: int, number: str) -> Mark:
        invoice, terms = one.invoice, one.invoice.rule
        code = code_text(terms["code"], terms["codes"][self.series], sequence) if terms["code"] else ""
        if not terms["chain"]:
            return Mark(code)
        if self.previous is None:
            entity = self.entity
            self.previous = self.writer.reader.last_signature(entity.tenant, entity.key, self.series)
        text = chain_text(
            terms["chain"],
            on=invoice.draft.invoice_date,
            entered=self.entered,
            number=number,
            series=self.series,
            sequence=sequence,
            totals=(
                invoice.total,
                invoice.draft.currency,
                one.functional_total,
                self.entity.functional_currency,
            ),
            previous=self.previous,
        )
        signer = terms["signer"] or ""
        self.previous = self.signers[signer].sign(text) if signer else digest(text)
        return Mark(code, signer, self.entered, text, self.previous, printed_of(self.previous, terms["printed"]))


def _full(entity: LegalEntity, series: str, sequence: int, number: str, terms: Mapping[str, object]) -> Exception:
    return refuse(
        SERIES_FULL,
        f"series {series} of {entity.key} has room for {terms['largest']} documents, and {number} would be number {sequence}",
        why=number_flaw(terms, number) or "the rule says how many there may be",
        mend="raise largest in the rule if its format has room for that, or number the documents in another series",
        subject=f"series/{entity.key}/{series}",
    )
