"""Dunning: what stands against asking customers to pay, the steps that were taken, and what paying late costs."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import amount, big, day, document, ident, index, moment, table, text, unique

DUNNING_NOTE: Final = table(
    "dunning_note",
    ident(),
    text("tenant"),
    text("entity"),
    text("key"),
    text("kind"),
    text("account"),
    text("currency"),
    big("item"),
    amount("amount"),
    day("start"),
    day("until"),
    big("ends"),
    document("detail"),
    text("reason"),
    text("digest"),
    moment("at"),
    unique("tenant", "entity", "key"),
    index("tenant", "entity", "account"),
)
"""Something that stands against asking, in [``start``, ``until``): a hold, insolvency, a hand-over, a frozen part, a pending
debit, a promise, a plan; or the ``end`` of an earlier one, whose id is ``ends``.  Rows are only ever added."""

DUNNING_STEP: Final = table(
    "dunning_step",
    ident(),
    text("tenant"),
    text("entity"),
    text("account"),
    text("currency"),
    big("item"),
    big("cycle"),
    text("step"),
    big("number"),
    day("planned"),
    day("day"),
    text("action"),
    text("tone"),
    text("channel"),
    document("consent"),
    amount("asked"),
    day("pay_by"),
    document("items"),
    document("look"),
    text("effect"),
    big("decision"),
    moment("at"),
    big("run_id"),
    unique("tenant", "entity", "account", "currency", "item", "cycle", "step"),
    index("effect", where="effect <> ''"),
)
"""A step that was taken: of one document, or of all that an account is late with (``item`` 0).  ``items`` are the documents that it
was about, as they were; ``look`` is how its letter looks; ``effect`` is the key of the letter in the outbox, empty where there is none."""

DUNNING_CLAIM: Final = table(
    "dunning_claim",
    ident(),
    text("tenant"),
    text("entity"),
    text("account"),
    big("step_id"),
    big("item"),
    text("kind"),
    text("name"),
    day("start"),
    day("until"),
    text("currency"),
    amount("amount"),
    text("basis"),
    big("document"),
    big("decision"),
    big("run_id"),
    unique("step_id", "item", "kind", "name"),
    index("tenant", "entity", "account"),
    index("document", where="document <> 0"),
)
"""What paying a document late costs, as a step found it: interest for the days after ``start`` up to ``until``, or a fee.  ``document`` is
the debit note that charges it; 0 where it is only claimed."""
