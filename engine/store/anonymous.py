"""A copy of the books without anybody in it: what billing looks at, with keys hashed and names, addresses and ids replaced."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from engine.base.errors import Code, refuse
from engine.store import bulk
from engine.store import tables as t
from engine.store.asof_masters import VERSIONED, ids_of
from engine.store.books import Books, open_books

EXISTS: Final = Code("simulate.export-exists", "An anonymised copy of the books that would replace a file.")

KEPT: Final = (
    "entity", "account", "plan", "charge", "meter", "contract", "contract_line", "subscription", "subscription_event",
    "subscription_term", "attribute_value", "coupon", "index_value", "milestone", "exemption", "tax_code", "tax_correction",
    "gl_account", "fx_rate", "usage_event", "usage_day", "usage_reversal", "late_usage", "watermark", "billing_mark",
    "payer_mark", "opening_mark", "opening_line", "billed_through", "invoice", "invoice_line", "run", "partition", "release",
    "rule_file", "decision", "purchase_order", "accounting_period", "draft", "memo", "audit",
)  # fmt: skip
"""Tables that are copied: those that bill runs read.  No other one is, such as bank entries, letters or calls; of the audit only
when runs began and which versions of masters came to be, by their ids."""

_LINKS: Final = frozenset(
    {"account", "payer", "parent", "subscription", "contract", "purchase_order", "record", "invoice"}
)
"""Columns that hold the key of a customer, or of what it has."""
_KEYS: Final = frozenset({"account", "contract", "subscription", "subscription_event", "usage_event", "usage_reversal",
                          "late_usage", "milestone", "opening_line", "memo"})  # fmt: skip
"""Tables whose own key may say who it is."""
_BLANK: Final = frozenset({"address", "city", "postcode", "legal_id", "legal_scheme", "endpoint", "endpoint_scheme",
                           "contact_name", "contact_phone", "contact_email", "reference", "reason", "buyer_reference"})  # fmt: skip
_HASHED: Final = frozenset({"number", "tax_id", "email", "certificate", "who", "made_by", "document"})
_OWN_NAMES: Final = frozenset({"entity", "account"})
_LEFT_OUT: Final[Mapping[tuple[str, str], Any]] = {
    ("run", "summary"): {},
    ("partition", "summary"): {},
    ("entity", "bank_accounts"): [],
    ("draft", "content"): "",
    ("draft", "why"): "",
    ("draft", "decided_by"): "",
    ("memo", "note"): "",
    ("memo", "digest"): "",
    ("audit", "before"): None,
}
_WORD: Final = re.compile(r"[^/ :]+")
_AT_ONCE: Final = 5_000

Hide = Callable[[Any], Any]


class Hider:
    """Replaces texts by keyed hashes: the same text by the same hash wherever it stands, and nobody without the key can tell which."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._known: dict[str, str] = {}

    def __call__(self, text: Any) -> Any:
        """The hash of a text; what is empty, or no text, stays so."""
        if not text or not isinstance(text, str):
            return text
        found = self._known.get(text)
        if found is None:
            found = self._known[text] = "h" + hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()[:16]
        return found

    def within(self, text: Any) -> Any:
        """A text with every known key in it replaced, such as the group of an invoice or the scope of a run."""
        return _WORD.sub(lambda word: self._known.get(word[0], word[0]), text) if text else text


def export(books: Books, folder: Path, key: bytes) -> Path:
    """Write the copy as ``books.db`` into a folder; its path.

    Raises:
        TollbookError: ``simulate.export-exists``.
    """
    file = folder / "books.db"
    if file.exists():
        raise refuse(EXISTS, f"there is a file {file}", mend="name another folder, or remove it")
    folder.mkdir(parents=True, exist_ok=True)
    copy = open_books(f"sqlite:///{file.resolve()}")
    hide = Hider(key)
    try:
        copy.migrate()
        with books.reader() as reader, copy._connect(write=True) as target, target.begin():
            for name in KEPT:
                table = t.METADATA.tables[name]
                target.execute(table.delete())
                bulk.insert(target, table, _hidden(table, _rows(reader.connection, table), hide))
    except BaseException:
        copy.close()
        file.unlink(missing_ok=True)
        raise
    copy.close()
    return file


def _rows(connection: sa.Connection, table: sa.Table) -> Iterator[Any]:
    statement = sa.select(table).order_by(*table.primary_key.columns)
    if table is t.AUDIT:
        statement = statement.where(table.c.action.in_(("start run", *VERSIONED)))
    found = connection.execute(statement)
    while some := found.fetchmany(_AT_ONCE):
        yield from some


def _hidden(table: sa.Table, rows: Iterable[Any], hide: Hider) -> Iterator[tuple[Any, ...]]:
    ways = [way_of(table.name, column.name, hide) for column in table.columns]
    for row in rows:
        yield tuple(value if way is None else way(value) for value, way in zip(row, ways, strict=True))


def way_of(table: str, column: str, hide: Hider) -> Hide | None:
    """How the values of a column are hidden; None where they stay."""
    if (table, column) in _LEFT_OUT:
        return lambda _: _LEFT_OUT[table, column]
    if table in ("charge", "plan", "meter", "coupon", "tax_code", "gl_account", "rule_file", "decision"):
        return None
    if column in _LINKS or column in _HASHED or (column == "key" and table in _KEYS):
        return hide
    if column in ("low", "high"):
        return _edge(column)
    if column == "name" and table in _OWN_NAMES:
        return hide
    if column in _BLANK:
        return lambda value: value and ""
    if (table, column) in (("invoice", "group_key"), ("run", "scope")):
        return hide.within
    if (table, column) == ("audit", "subject"):
        return lambda text: text if text.startswith("run/") else ""
    if (table, column) == ("audit", "after"):
        return ids_of
    return None


def _edge(column: str) -> Hide:
    """The first and last key of a partition; hashes are ordered otherwise, so that it is all of them."""
    return lambda _: "" if column == "low" else "~"
