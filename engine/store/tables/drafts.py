"""What comes between a bill run and its invoices: conditions of the run, drafts that are reviewed, purchase orders."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import CURRENT, amount, big, day, flag, ident, moment, table, text, unique

RUN_CONDITION: Final = table(
    "run_condition",
    ident(),
    text("tenant"),
    text("entity"),
    day("period"),
    text("scope"),
    text("rule"),
    text("name"),
    text("what"),
    moment("since"),
    moment("met_at", null=True),
    unique("tenant", "entity", "period", "scope", "rule"),
)
"""What a bill run was seen to wait for, since when, and when it was seen to be met."""

CONDITION_WAIVER: Final = table(
    "condition_waiver",
    ident(),
    text("tenant"),
    text("entity"),
    day("period"),
    text("rule"),
    text("name"),
    text("what"),
    text("waived_by"),
    text("reason"),
    moment("waived_at"),
    unique("tenant", "entity", "period", "rule", "what"),
)
"""Conditions that somebody lets go for the bill runs of a day, each as it was unmet then: ``what`` is in these words."""

DRAFT: Final = table(
    "draft",
    ident(),
    text("tenant"),
    text("entity"),
    text("payer"),
    day("period"),
    text("occasion"),
    big("run_id"),
    big("usage_seen"),
    text("sha256"),
    text("content"),
    text("why"),
    big("decision"),
    moment("opened_at"),
    text("state"),
    text("decided_by"),
    moment("decided_at", null=True),
    text("reason"),
    big("item"),
    big("issued_run"),
    unique("tenant", "entity", "payer", where="state IN ('open', 'approved', 'rejected')"),
)
"""Bills of payers that a rule wants reviewed before they are invoices: what they hold does not change, their state does."""

PURCHASE_ORDER: Final = table(
    "purchase_order",
    ident(),
    text("tenant"),
    text("entity"),
    text("account"),
    text("number"),
    day("valid_from"),
    day("valid_to"),
    amount("amount", null=True),
    text("currency"),
    text("charges"),
    text("products"),
    text("buyer_reference"),
    flag("current"),
    unique("tenant", "entity", "account", "number", where=CURRENT),
)
"""What customers have ordered; what of it is used up is what the invoices on it come to."""
