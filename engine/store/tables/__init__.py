"""The tables, one file a department.  ``METADATA`` holds them all."""

from __future__ import annotations

from engine.store.tables.accruals import IMPAIRMENT, INTERCOMPANY, REVENUE_ACCRUAL
from engine.store.tables.attributes import ATTRIBUTE_VALUE
from engine.store.tables.base import METADATA
from engine.store.tables.cash import (
    BANK_ENTRY,
    BANK_LEFT,
    BANK_MARK,
    BANK_STATEMENT,
    BANK_USE,
    REMITTANCE_ADVICE,
    WITHHELD,
)
from engine.store.tables.close import CLOSE_STEP, CLOSE_WAIVER
from engine.store.tables.deliveries import DELIVERY_WAY, INBOX_DOCUMENT, INBOX_FILE, INBOX_TOKEN
from engine.store.tables.disputes import DISPUTE, DISPUTE_BOOKING, DISPUTE_EVENT, DISPUTE_EVIDENCE
from engine.store.tables.drafts import CONDITION_WAIVER, DRAFT, PURCHASE_ORDER, RUN_CONDITION
from engine.store.tables.dunning import DUNNING_CLAIM, DUNNING_NOTE, DUNNING_STEP
from engine.store.tables.erp import ERP_DOCUMENT, ERP_ENTRY
from engine.store.tables.exchange import MESSAGE
from engine.store.tables.further_books import BOOK_ENTRY, BOOK_MARK, BOOK_POSTING, BOOK_TOTAL
from engine.store.tables.fx import REVALUATION
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
from engine.store.tables.invoicing import BILLING_MARK, INVOICE, INVOICE_LINE, PAYER_MARK, SERIES
from engine.store.tables.lateness import (
    LATE_USAGE,
    USAGE_ARRIVED,
    USAGE_SETTLED,
    USAGE_SOURCE,
    USAGE_TOTAL,
    WORK_ITEM,
)
from engine.store.tables.ledger import ACCOUNTING_PERIOD, ENTRY, LEDGER_TOTAL, POSTING
from engine.store.tables.mandates import DEBIT_STEP, DIRECT_DEBIT, MANDATE
from engine.store.tables.masters import (
    ACCOUNT,
    CHARGE,
    CONTRACT,
    CONTRACT_LINE,
    COUPON,
    ENTITY,
    FX_RATE,
    GL_ACCOUNT,
    INDEX_VALUE,
    METER,
    PLAN,
    SUBSCRIPTION,
    SUBSCRIPTION_EVENT,
)
from engine.store.tables.numbering import CLEARANCE_STEP, NUMBER_MARK
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
from engine.store.tables.outbox import EFFECT, RECEIPT
from engine.store.tables.payments import PAYMENT, PAYMENT_EVENT, PAYMENT_METHOD, PAYMENT_STEP, PAYOUT, PAYOUT_LINE
from engine.store.tables.people import APPROVAL, LEASE, RUN_REQUEST, SCHEDULE_MARK
from engine.store.tables.releases import MASTER_CHANGE, RELEASE_EVENT
from engine.store.tables.requests import REQUEST
from engine.store.tables.revenue import REVENUE_EVENT, REVENUE_ITEM, REVENUE_MARK, REVENUE_POSTED, REVENUE_SCHEDULE
from engine.store.tables.revenue_contracts import (
    REVENUE_BILLED,
    REVENUE_CONTRACT,
    REVENUE_COVER,
    REVENUE_OCCURRENCE,
)
from engine.store.tables.settlements import ACCOUNT_CREDIT, MEMO, SETTLEMENT
from engine.store.tables.tax import EXEMPTION, TAX_CODE, TAX_CORRECTION, TAX_EVIDENCE
from engine.store.tables.taxes import TAX_DETAIL
from engine.store.tables.terms import SUBSCRIPTION_TERM
from engine.store.tables.triggers import MILESTONE, TRIGGER_NOTE
from engine.store.tables.usage import USAGE_CURSOR, USAGE_DAY, USAGE_EVENT, USAGE_REFUSED, USAGE_REVERSAL, WATERMARK
from engine.store.tables.wallets import LOT_LEFT, WALLET, WALLET_MOVEMENT, WALLET_STATE

__all__ = [
    "BOOK_ENTRY", "BOOK_MARK", "BOOK_POSTING", "BOOK_TOTAL",
    "CLOSE_STEP", "CLOSE_WAIVER",
    "DEBIT_STEP", "DIRECT_DEBIT", "MANDATE", "IMPAIRMENT", "INTERCOMPANY", "REVENUE_ACCRUAL",
    "ACCOUNT", "ACCOUNTING_PERIOD", "AUDIT", "BILLING_MARK", "CHAIN", "CHARGE", "CONTRACT", "CONTRACT_LINE", "DECISION",
    "BILLED_THROUGH", "CASH_ON_ACCOUNT", "CUTOVER", "DEFERRAL", "OPENING_BALANCE", "OPENING_LINE", "OPENING_MARK",
    "OPENING_NUMBER", "RECEIVABLE", "WALLET_LOT",
    "EFFECT", "ENTITY", "ENTRY", "FINDING", "COUPON", "FX_RATE", "INDEX_VALUE", "GL_ACCOUNT", "ID_BLOCK", "INTAKE_FILE", "INVOICE",
    "INVOICE_LINE", "LEDGER_TOTAL",
    "METADATA", "METER", "PARTITION", "PLAN", "POSTING", "RECEIPT", "RELEASE", "REQUEST", "RULE_FILE", "RUN", "SERIES", "SUBSCRIPTION",
    "SUBSCRIPTION_EVENT", "SUBSCRIPTION_TERM", "USAGE_DAY", "USAGE_EVENT", "USAGE_REFUSED", "USAGE_REVERSAL", "WATERMARK",
    "MILESTONE", "TRIGGER_NOTE", "LATE_USAGE", "USAGE_ARRIVED", "USAGE_SETTLED", "USAGE_SOURCE", "USAGE_TOTAL", "WORK_ITEM",
    "USAGE_CURSOR", "LOT_LEFT", "WALLET", "WALLET_MOVEMENT", "WALLET_STATE",
    "CLEARANCE_STEP", "NUMBER_MARK", "EXEMPTION", "TAX_CODE", "TAX_CORRECTION", "TAX_EVIDENCE", "ACCOUNT_CREDIT", "MEMO", "SETTLEMENT",
    "APPROVAL", "ATTRIBUTE_VALUE", "LEASE", "RUN_REQUEST", "SCHEDULE_MARK", "TAX_DETAIL",
    "CONDITION_WAIVER", "DRAFT", "PURCHASE_ORDER", "RUN_CONDITION",
    "PAYER_MARK", "REVALUATION", "ERP_DOCUMENT", "ERP_ENTRY", "DUNNING_CLAIM",
    "DUNNING_NOTE", "DUNNING_STEP", "PAYMENT", "PAYMENT_EVENT", "PAYMENT_METHOD",
    "PAYMENT_STEP", "PAYOUT", "PAYOUT_LINE", "BANK_ENTRY", "BANK_LEFT",
    "BANK_MARK", "BANK_STATEMENT", "BANK_USE", "REMITTANCE_ADVICE", "WITHHELD", "DISPUTE",
    "DISPUTE_BOOKING", "DISPUTE_EVENT", "DISPUTE_EVIDENCE", "MESSAGE",
    "REVENUE_EVENT", "REVENUE_ITEM", "REVENUE_MARK", "REVENUE_POSTED", "REVENUE_SCHEDULE",
    "REVENUE_BILLED", "REVENUE_CONTRACT", "REVENUE_COVER", "REVENUE_OCCURRENCE",
    "MASTER_CHANGE", "RELEASE_EVENT", "DELIVERY_WAY", "INBOX_DOCUMENT", "INBOX_FILE", "INBOX_TOKEN",
]  # fmt: skip
