"""The tables, one file a department.  ``METADATA`` holds them all."""

from __future__ import annotations

from engine.store.tables.base import METADATA
from engine.store.tables.governance import (
    AUDIT,
    CHAIN,
    DECISION,
    FINDING,
    ID_BLOCK,
    INTAKE_FILE,
    PARTITION,
    RELEASE,
    RULE_FILE,
    RUN,
)
from engine.store.tables.invoicing import BILLING_MARK, INVOICE, INVOICE_LINE, SERIES
from engine.store.tables.ledger import ACCOUNTING_PERIOD, ENTRY, LEDGER_TOTAL, POSTING
from engine.store.tables.masters import (
    ACCOUNT,
    CHARGE,
    CONTRACT,
    CONTRACT_LINE,
    ENTITY,
    FX_RATE,
    GL_ACCOUNT,
    METER,
    PLAN,
    SUBSCRIPTION,
    SUBSCRIPTION_EVENT,
)
from engine.store.tables.openings import (
    BILLED_THROUGH,
    CASH_ON_ACCOUNT,
    CUTOVER,
    DEFERRAL,
    OPENING_BALANCE,
    OPENING_LINE,
    OPENING_MARK,
    OPENING_NUMBER,
    RECEIVABLE,
    WALLET_LOT,
)
from engine.store.tables.outbox import EFFECT
from engine.store.tables.people import APPROVAL, LEASE, RUN_REQUEST, SCHEDULE_MARK
from engine.store.tables.requests import REQUEST
from engine.store.tables.usage import USAGE_DAY, USAGE_EVENT, USAGE_REFUSED, USAGE_REVERSAL, WATERMARK

__all__ = [
    "ACCOUNT", "ACCOUNTING_PERIOD", "AUDIT", "BILLING_MARK", "CHAIN", "CHARGE", "CONTRACT", "CONTRACT_LINE", "DECISION",
    "BILLED_THROUGH", "CASH_ON_ACCOUNT", "CUTOVER", "DEFERRAL", "OPENING_BALANCE", "OPENING_LINE", "OPENING_MARK",
    "OPENING_NUMBER", "RECEIVABLE", "WALLET_LOT",
    "EFFECT", "ENTITY", "ENTRY", "FINDING", "FX_RATE", "GL_ACCOUNT", "ID_BLOCK", "INTAKE_FILE", "INVOICE",
    "INVOICE_LINE", "LEDGER_TOTAL",
    "METADATA", "METER", "PARTITION", "PLAN", "POSTING", "RELEASE", "REQUEST", "RULE_FILE", "RUN", "SERIES", "SUBSCRIPTION",
    "SUBSCRIPTION_EVENT", "USAGE_DAY", "USAGE_EVENT", "USAGE_REFUSED", "USAGE_REVERSAL", "WATERMARK",
    "APPROVAL", "LEASE", "RUN_REQUEST", "SCHEDULE_MARK",
]  # fmt: skip
