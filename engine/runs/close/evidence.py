"""The evidence of a close: files that say what the month came to and how that was checked, the same to the byte each time.

Files hold what the books have and nothing of the day on which they are asked for; a manifest has the SHA-256 of each.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.errors import Code, refuse
from engine.base.files import whole
from engine.model.approval import APPROVED
from engine.model.close import Month, StepRow
from engine.model.entity import LegalEntity
from engine.runs.close.running import round_of
from engine.runs.close.steps import STEPS
from engine.runs.revenue.reports import Moved, roll_forward
from engine.store import tracing
from engine.store.closing import history, ledger
from engine.store.reader import Reader

NOT_BEGUN = Code("close.not-begun", "Evidence of the close of a month that nobody has begun to close.")
IN_THE_WAY = Code(
    "close.file-there", "Evidence to be written to a place where something else is, or that cannot be written."
)

MANIFEST: Final = "manifest.sha256"
_PAGE: Final = 500
_FIRST_DAY: Final = (1980, 1, 1, 0, 0, 0)
"""The date of every file in a zip archive: the first one that it can hold."""

Pack = Mapping[str, bytes]


def pack(reader: Reader, tenant: str, entity: LegalEntity, month: Month) -> Pack:
    """The files of a month's close by name.

    Raises:
        TollbookError: ``close.not-begun``.
    """
    rows = history.steps(reader, tenant, entity.key, month.first)
    if not rows:
        mend = f"`tollbook close run --entity {entity.key} --month {month}`"
        raise refuse(NOT_BEGUN, f"nobody has begun to close {month} of {entity.key}", mend=mend)
    results = _newest(round_of(rows))
    state = reader.period_state(tenant, entity.key, month.first)
    files = {
        "summary.json": _json({"tenant": tenant, "entity": entity.key, "month": str(month), "period": state}),
        "trial-balance.csv": _trial_balance(reader, tenant, entity, month),
        "roll-forward.csv": _roll_forward(reader, tenant, entity, month),
        "contract-liabilities.csv": _contract_liabilities(reader, tenant, entity, month),
        "journal.csv": _journal(reader, tenant, entity, month),
        "checks.json": _json(results),
        "ties.json": _json([one for one in results.get("checks", ()) if one["code"] in TIES]),
        "waivers.json": _json(history.waivers(reader, tenant, entity.key, month.first)),
        "overrides.json": _json(_approved(reader, tenant, month, rows[-1].at)),
        "periods.json": _json([list(row) for row in history.period_changes(reader, tenant, entity.key, month.first)]),
        "steps.json": _json([{**msgspec.structs.asdict(row), "results": row.results.get("run", 0)} for row in rows]),
        "runs.json": _json(
            [dict(row._mapping) for row in history.posted_runs(reader, tenant, entity.key, month.first, month.last)]
        ),
    }
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    return dict(sorted({**files, MANIFEST: sums.encode()}.items()))


TIES: Final = ("subledger-ties", "posted-otherwise", "bank-statements", "clearing-not-zero", "erp-differences")
"""Checks that compare two sides of the books, or the books with another system."""


def _newest(rows: Sequence[StepRow]) -> dict[str, Any]:
    """What the newest step found that had every check made, or else the newest of all."""
    fresh = {step.name for step in STEPS if step.fresh}
    with_checks = [row for row in rows if row.results.get("made")]
    last = next((row for row in reversed(with_checks) if row.step in fresh), with_checks[-1] if with_checks else None)
    return (
        {} if last is None else {"step": last.step, "at": last.at, **{k: last.results[k] for k in ("made", "checks")}}
    )


def _approved(reader: Reader, tenant: str, month: Month, until: datetime) -> list[dict[str, Any]]:
    """What two persons have done from the month's first day until its close: acts by number, each with its reasons."""
    found = reader.approvals(tenant, APPROVED, limit=1_000_000)
    mine = [one for one in found if one.checked_at and month.first <= one.checked_at.date() and one.checked_at <= until]
    names = ("id", "act", "subject", "maker", "made_at", "reason", "checker", "checked_at", "check_reason", "sha256")
    return [{name: getattr(one, name) for name in names} for one in reversed(mine)]


def _trial_balance(reader: Reader, tenant: str, entity: LegalEntity, month: Month) -> bytes:
    chart = reader.gl_accounts(tenant)
    names = ("account", "currency", "amount", "functional_currency", "functional_amount")
    found = reader.trial_balance(tenant, entity.key, month.last)
    rows = (
        (chart[one.account].name if one.account in chart else "", *(getattr(one, name) for name in names))
        for one in found
    )
    return _csv(("name", *names), rows)


def _roll_forward(reader: Reader, tenant: str, entity: LegalEntity, month: Month) -> bytes:
    moves = ("opening", "debits", "credits", "closing")
    head = ("account", "currency", *moves, "functional_currency", *(f"functional_{move}" for move in moves))
    return _csv(head, map(tuple, ledger.moved(reader, tenant, entity.key, month.first, month.last)))


def _contract_liabilities(reader: Reader, tenant: str, entity: LegalEntity, month: Month) -> bytes:
    moved = roll_forward(reader, tenant, month.first, month.last, entity.key)
    return _csv(Moved.__struct_fields__, map(msgspec.structs.astuple, moved))


def _journal(reader: Reader, tenant: str, entity: LegalEntity, month: Month) -> bytes:
    head = ("entry", "kind", "document", "posting_date", "text", "account", "currency", "amount")
    more = ("functional_currency", "functional_amount", "rate", "rate_source", "rate_on", "line")

    def rows() -> Iterable[tuple[Any, ...]]:
        stream = iter(reader.journal(tenant, entity.key, month.first, month.last))
        while page := list(islice(stream, _PAGE)):
            known = tracing.numbers(reader, [document for _, document, _ in page])
            for ident, document, entry in page:
                mine = (ident, entry.kind, known.get(document, ""), entry.posting_date, entry.text)
                for p in entry.postings:
                    yield (*mine, p.account, p.currency, p.amount, *(getattr(p, name) for name in more))

    return _csv((*head, *more), rows())


def _csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return made.getvalue().encode()


def _json(value: Any) -> bytes:
    made = msgspec.json.encode(msgspec.to_builtins(value), order="sorted")
    return msgspec.json.format(made, indent=1) + b"\n"


def written(files: Pack, place: Path) -> None:
    """Write the files into a new folder, or into an archive where the name ends with ``.zip``.

    Raises:
        TollbookError: ``close.file-there``, ``file.not-writable``.
    """
    if place.exists():
        raise refuse(IN_THE_WAY, f"{place} is there", mend="name a place where nothing is")
    try:
        if place.suffix == ".zip":
            with whole(place) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content in files.items():
                    archive.writestr(zipfile.ZipInfo(name, _FIRST_DAY), content, zipfile.ZIP_DEFLATED)
            return
        place.mkdir(parents=True)
        for name, content in files.items():
            (place / name).write_bytes(content)
    except OSError as error:
        raise refuse(IN_THE_WAY, f"{place} cannot be written: {error.strerror}", mend="name another place") from None
