"""What was written, in digests: a seal for the rows of each insert, and one link of a chain for each transaction.

A seal digests rows in the form in which the database was given them, a few rows a digest, with a salt of its own.  The
seals of a transaction, those of its audit rows among them, become one link of the tenant's chain; a link's hash covers the
link before it.  So no row, and no row about who changed it, can be altered, removed or slipped in later without the
chain saying which (:mod:`engine.store.checks.chain`).  Whoever can rewrite the whole chain leaves only its last hash to
tell: keep that elsewhere from time to time.

The salt keeps a digest from giving away personal data that were erased: without the row nothing can be compared with it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa

from engine.store import tables, types
from engine.store.convert import Row, chunks
from engine.store.tables import CHAIN
from engine.store.tables.masters import BUYER_PARTICULARS, SELLER_PARTICULARS

MASTERS: Final = (
    tables.ENTITY,
    tables.ACCOUNT,
    tables.METER,
    tables.PLAN,
    tables.CHARGE,
    tables.CONTRACT,
    tables.CONTRACT_LINE,
    tables.SUBSCRIPTION,
    tables.SUBSCRIPTION_TERM,
    tables.GL_ACCOUNT,
    tables.MILESTONE,
    tables.USAGE_SOURCE,
    tables.USAGE_TOTAL,
    tables.WALLET,
    tables.EXEMPTION,
    tables.PURCHASE_ORDER,
    tables.PAYMENT_METHOD,
    tables.MANDATE,
)
OPENINGS: Final = (
    tables.CUTOVER,
    tables.OPENING_LINE,
    tables.BILLED_THROUGH,
    tables.RECEIVABLE,
    tables.CASH_ON_ACCOUNT,
    tables.WALLET_LOT,
    tables.DEFERRAL,
    tables.OPENING_NUMBER,
    tables.OPENING_BALANCE,
)
_CARRIED: Final[Mapping[str, Any]] = {"document": 0}
_DECIDED: Final[Mapping[str, Any]] = {
    "state": "open",
    "decided_by": "",
    "decided_at": None,
    "reason": "",
    "item": 0,
    "issued_run": 0,
}
_MADE: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("effect", "provider_id", "charge", "code", "link", "network_transaction"), ""),
    "state": "created",
    "step": 0,
    "attempt": 0,
    "taken": Decimal(0),
    "retry_on": None,
    "blocks": False,
}
_TOLD: Final = {"state": "pending", "attempts": 0, "next_at": None, "answer": None}
_STANDS: Final[Mapping[str, Any]] = {
    "state": "",
    "stage": "",
    "round": 0,
    "amount": Decimal(0),
    "due": None,
    "owner": "",
    "closed_on": None,
    "version": 0,
}

_UNDECIDED: Final[Mapping[str, Any]] = {
    "state": "pending",
    "decided_by": "",
    "decided_at": None,
    "why": "",
    "applied": 0,
}

SEALED: Final[Mapping[str, tuple[int, Mapping[str, Any]]]] = {
    "invoice": (1, {}),
    "invoice_line": (5, {}),
    "entry": (10, {}),
    "posting": (10, {}),
    "book_entry": (10, {}),
    "book_posting": (10, {}),
    "effect": (10, _TOLD),
    "finding": (10, {}),
    "audit": (1, {}),
    "intake_file": (1, {}),
    "usage_event": (50, {}),
    "usage_reversal": (1, {}),
    "usage_refused": (1, {}),
    "subscription_event": (1, {}),
    "fx_rate": (10, {}),
    "coupon": (10, {}),
    "index_value": (10, {}),
    "trigger_note": (1, {}),
    "late_usage": (1, {}),
    "condition_waiver": (1, {}),
    "draft": (1, _DECIDED),
    "attribute_value": (10, {}),
    "wallet_movement": (1, {}),
    "receipt": (10, {}),
    "number_mark": (1, {}),
    "clearance_step": (1, {}),
    "tax_detail": (10, {}),
    "tax_code": (1, {}),
    "tax_evidence": (1, {}),
    "remittance_advice": (1, {}),
    "tax_correction": (1, _CARRIED),
    "settlement": (1, {}),
    "memo": (1, {}),
    "revaluation": (10, {}),
    "revenue_accrual": (10, {}),
    "impairment": (10, {}),
    "intercompany": (10, {}),
    "erp_document": (1, {"again": 0}),
    "dunning_note": (1, {}),
    "dunning_step": (1, {}),
    "dunning_claim": (10, {}),
    "payment": (1, _MADE),
    "payment_step": (1, {}),
    "payment_event": (1, {}),
    "payout": (1, {}),
    "payout_line": (10, {}),
    "direct_debit": (1, {"state": "planned", "step": 0}),
    "debit_step": (1, {}),
    "bank_statement": (1, {}),
    "bank_entry": (10, {}),
    "bank_use": (1, {}),
    "withheld": (1, {}),
    "dispute": (1, _STANDS),
    "dispute_event": (1, {}),
    "dispute_evidence": (1, {}),
    "dispute_booking": (1, {}),
    "revenue_schedule": (10, {}),
    "revenue_item": (50, {}),
    "revenue_posted": (50, {}),
    "revenue_event": (1, {}),
    "revenue_contract": (1, {}),
    "revenue_occurrence": (1, {}),
    "revenue_cover": (10, {}),
    "revenue_billed": (50, {}),
    "close_step": (1, {}),
    "close_waiver": (1, {}),
    "release_event": (1, {}),
    "master_change": (1, _UNDECIDED),
    "message": (1, {}),
    "delivery_way": (10, {}),
    "inbox_document": (10, {}),
    "inbox_file": (1, {}),
    "inbox_token": (1, {"revoked_at": None}),
} | {table.name: (1, {"current": True} if "current" in table.c else {}) for table in (*MASTERS, *OPENINGS)}
"""Tables whose rows are sealed: rows a digest, and the columns that change afterwards, with what they begin as."""

ADDED: Final[Mapping[str, Mapping[str, Any]]] = {
    "meter": {
        "dimensions": None,
        "others": "report",
        "dimension": None,
        "percentile": None,
        "expression": None,
        "filter": None,
    },
    "charge": {
        "days": 0,
        "cycles_from": "subscription",
        "zero_lines": False,
        "meters": None,
        "filter": None,
        "group_by": None,
        "group_lines": False,
        "starts_on": "subscription",
        "tax_included": False,
    },
    "usage_event": {"dimensions": None},
    "subscription": {"anchor_time": None, "anchor_slips": False},
    "subscription_event": dict.fromkeys(("charge", "amount", "anchor_day", "at", "coupon", "payer")),
    "invoice_line": {"upon": 0, "exact": "", "grouped": "", "discounts": "", "basis": "", "tax_included": False},
    "opening_line": {"upon": 0, "exact": "", "grouped": "", "discounts": "", "basis": "", "tax_included": False},
    "entity": dict.fromkeys(SELLER_PARTICULARS, ""),
    "account": dict.fromkeys(BUYER_PARTICULARS, ""),
    "contract": {"type": ""},
    "invoice": {"seller_id": None},
    "wallet_lot": {"wallet": "", "kind": "paid", "cost": None},
}
"""Tables that were given columns since rows of them were first sealed: these columns in the order in which they came, and what
they hold in the rows that were there.  A seal says how many columns its rows had; the first ones had none of these."""

SALT_BYTES: Final = 16
DIGEST_CHARACTERS: Final = 32
"""128 bits of a SHA-256, in hexadecimal."""


class Seal:
    """Digests of the rows of one insert, collected while they are encoded."""

    def __init__(self, table: sa.Table, salt: str = "") -> None:
        self.table = table
        self.every = SEALED[table.name][0]
        self.salt = salt or secrets.token_hex(SALT_BYTES)
        self.first = self.last = self.rows = 0
        self._salted = hashlib.sha256(bytes.fromhex(self.salt))
        self._digests: list[str] = []

    def watch(self, rows: Iterable[Row]) -> Iterable[Row]:
        """The rows in the order of their first column, in which they are read again, with a note of where they begin and
        end.  Rows that come one by one have to come in that order."""
        if isinstance(rows, Sequence):
            ordered = sorted(rows, key=itemgetter(0))
            if ordered:
                self._note(ordered)
            return ordered
        return self._watched(rows)

    def _watched(self, rows: Iterable[Row]) -> Iterator[Row]:
        for chunk in chunks(rows, 1000):
            self._note(chunk)
            yield from chunk

    def _note(self, rows: Sequence[Row]) -> None:
        if self.rows and rows[0][0] < self.last:
            raise ValueError(f"rows of {self.table.name} come out of order")
        self.first = rows[0][0] if not self.rows else self.first
        self.last = rows[-1][0]
        self.rows += len(rows)

    def add(self, encoded: bytes) -> None:
        """Digest what the next rows, as many as one digest covers, were encoded as."""
        digest = self._salted.copy()
        digest.update(encoded)
        self._digests.append(digest.hexdigest()[:DIGEST_CHARACTERS])

    def told(self) -> dict[str, Any]:
        """The seal as the chain keeps it."""
        return {
            "table": str(self.table.name),
            "columns": len(self.table.columns),
            "from": self.first,
            "to": self.last,
            "rows": self.rows,
            "salt": self.salt,
            "digests": "".join(self._digests),
        }


def link_hash(previous: str, position: int, seals: Any) -> str:
    """The hash of a link over the one before it and its seals; hexadecimal SHA-256."""
    return hashlib.sha256(f"{previous} {position} {types.to_json(seals)}".encode()).hexdigest()


_LOCK: Final = sa.select(sa.func.pg_advisory_xact_lock(sa.bindparam("lock", type_=sa.BigInteger())))
_NEWEST: Final = (
    sa.select(CHAIN.c.position, CHAIN.c.hash)
    .where(CHAIN.c.tenant == sa.bindparam("of"))
    .order_by(CHAIN.c.position.desc())
    .limit(1)
)
_APPEND: Final = sa.insert(CHAIN)


def link(connection: sa.Connection, tenant: str, seals: Sequence[Mapping[str, Any]]) -> None:
    """Append a link to a tenant's chain.  The chain stays locked until the transaction ends: do it last."""
    if connection.dialect.name == types.POSTGRESQL:
        lock = int.from_bytes(hashlib.sha256(f"chain of {tenant}".encode()).digest()[:8], "big", signed=True)
        connection.execute(_LOCK, {"lock": lock})
    before = connection.execute(_NEWEST, {"of": tenant}).one_or_none()
    position, previous = (before.position + 1, before.hash) if before else (1, "")
    hashed = link_hash(previous, position, seals)
    values = {"tenant": tenant, "position": position, "previous": previous, "hash": hashed, "seals": list(seals)}
    connection.execute(_APPEND, values)
