"""What a release touched: every run, document and record, with the command that takes each back."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.files import whole
from engine.base.money import ZERO
from engine.store.reader import Reader
from engine.store.tracing_releases import ReleaseTraces

VOID: Final = "tollbook void {number} --date DAY"
_BACK: Final[Mapping[str, str]] = {
    "bill": "tollbook void each of its invoices; tollbook runs abandon {id} where it is not finished",
    "cash-match": "tollbook cash unapply each of its entries",
    "void": "tollbook run bill bills again what it gave back",
    "true-up": "tollbook void each of its documents, then tollbook tax true-up again",
    "memo": "tollbook void its document",
    "dunning": "tollbook void each document of a fee; letters that went out stay",
}
_OTHER: Final = "tollbook runs show {id}"


class Item(msgspec.Struct, frozen=True):
    """Something that the release touched.

    ``kind`` is run, document, rule, match, settlement, dunning step, claim, posting or told; ``what`` names its sort (``bill``,
    ``invoice``, ``applied``, a GL account); ``count`` is above one where rows are added up; ``undo`` is the command that takes it back, empty
    where nothing does.
    """

    kind: str
    key: str
    what: str
    entity: str = ""
    account: str = ""
    day: str = ""
    currency: str = ""
    amount: Decimal = ZERO
    count: int = 1
    run: int = 0
    undo: str = ""


class Total(msgspec.Struct, frozen=True):
    """Items of a kind and sort, counted and added up by currency."""

    kind: str
    what: str
    currency: str
    count: int
    amount: Decimal


class Impact(msgspec.Struct, frozen=True):
    """All that a release touched: totals, rows by table, and every item."""

    release: str
    totals: tuple[Total, ...]
    records: Mapping[str, int]
    items: tuple[Item, ...]


def impact_of(reader: Reader, tenant: str, release: str) -> Impact:
    """What a release touched, in the order in which it would be taken back: what was booked last first within each kind."""
    items = tuple(_items(reader, tenant, release))
    sums: dict[tuple[str, str, str], list[Any]] = defaultdict(lambda: [0, ZERO])
    for item in items:
        known = sums[item.kind, item.what, item.currency]
        known[0] += item.count
        known[1] += item.amount
    totals = tuple(Total(*key, count, amount) for key, (count, amount) in sums.items())
    return Impact(release, totals, dict(ReleaseTraces(reader, tenant, release).records()), items)


def _items(reader: Reader, tenant: str, release: str) -> Iterator[Item]:
    traces = ReleaseTraces(reader, tenant, release)
    for run in reader.runs_by(tenant, release):
        undo = _BACK.get(run["kind"], _OTHER).format(id=run["id"])
        yield Item("run", str(run["id"]), run["kind"], day=run["period"], run=run["id"], undo=undo)
    for one in traces.invoices():
        money = (str(one["invoice_date"]), one["currency"], one["total"])
        undo = VOID.format(number=one["number"])
        yield Item(
            "document", one["number"], one["kind"], one["entity"], one["payer"], *money, run=one["run_id"], undo=undo
        )
    for one in traces.lines():
        rule = f"{one['ruleset']}#{one['rule']}"
        undo = "tollbook rerate --from DAY --accounts '*', once other rules are in force"
        yield Item("rule", rule, one["family"], "", "", "", one["currency"], one["amount"], one["count"], 0, undo)
    for one in traces.matches():
        undo = f"tollbook cash unapply {one['entry_id']}"
        yield _item("match", str(one["entry_id"]), one["kind"], one, "customer", "amount", undo)
    for one in traces.settlements():
        undo = f"tollbook cash undo {one['key']} --entity {one['entity']}" if one["kind"] == "write_off" else ""
        yield _item("settlement", one["key"], one["kind"], one, "account", "amount", undo)
    for one in traces.steps():
        undo = f"tollbook dunning hold {one['account']} --date DAY keeps back further ones"
        yield _item("dunning step", one["step"], one["action"], one, "account", "asked", undo)
    for one in traces.claims():
        undo = VOID.format(number=one["number"]) if one["number"] else ""
        day = {**one, "day": one["until"]}
        yield _item("claim", one["number"] or one["name"], one["kind"], day, "account", "amount", undo)
    for one in traces.postings():
        for side in ("debit", "credit"):
            if one[side]:
                key, count = one["account"], one["count"]
                yield Item("posting", key, side, one["entity"], "", "", one["currency"], one[side], count)
    for one in traces.effects():
        yield Item("told", one["port"], f"{one['kind']} {one['state']}", count=one["count"])


def _item(kind: str, key: str, what: str, row: Mapping[str, Any], account: str, amount: str, undo: str) -> Item:
    money = (str(row["day"]), row["currency"], row[amount])
    return Item(kind, key, what, row["entity"], row[account], *money, run=row["run_id"], undo=undo)


def write_csv(impact: Impact, path: Path) -> None:
    """Every item as a row."""
    with whole(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Item.__struct_fields__)
        for item in impact.items:
            row = msgspec.structs.astuple(item)
            writer.writerow([f"{value:f}" if isinstance(value, Decimal) else value for value in row])
