"""What is earned later than it was invoiced: schedules, what they plan, what happened, and what was recognised of them."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from engine.store.tables.base import amount, big, day, flag, ident, index, moment, quantity, rate, table, text, unique
from engine.store.types import Quantity

REVENUE_SCHEDULE: Final = table(
    "revenue_schedule",
    ident(),
    text("tenant"),
    text("entity"),
    text("source"),
    big("line_id"),
    big("takes"),
    text("contract"),
    text("obligation"),
    text("account"),
    text("product"),
    text("country"),
    text("role"),
    text("liability"),
    text("currency"),
    amount("amount"),
    text("functional_currency"),
    amount("functional_amount"),
    rate("rate"),
    text("rate_source"),
    day("rate_on"),
    day("service_from"),
    day("service_to"),
    text("waits"),
    big("decision"),
    big("run_id"),
    unique("tenant", "entity", "source", "line_id", "contract", "obligation"),
    index("line_id"),
    index("takes", where="takes <> 0"),
    index("tenant", "entity", where="waits <> ''"),
)
"""What a line, an opening balance (``line_id`` is the deferral), a contract or a cost has to be recognised.

``source`` is line, opening, contract, cost or balance (of a contract, moved out of its own at the end of a month); ``takes`` the schedule that the one of a credit takes back, 0 of others; ``role`` what
it is recognised as, ``liability`` the GL account that it is taken from, at the rate that is kept here.  ``waits`` names the method of
schedules that go by what happens; it is empty where all is planned from the beginning.
"""

REVENUE_ITEM: Final = table(
    "revenue_item",
    ident(),
    text("tenant"),
    text("entity"),
    big("schedule_id"),
    day("on_day"),
    amount("amount"),
    flag("billed"),
    big("run_id"),
    index("schedule_id"),
    index("tenant", "entity", "on_day"),
)
"""What is planned to be earned on a day.  Rows are only ever added: a change of plan is rows that net with those before.

``billed`` items were recognised by the entry of their document.  Ids are in the order of commits.
"""

REVENUE_POSTED: Final = table(
    "revenue_posted",
    ident(),
    text("tenant"),
    text("entity"),
    big("schedule_id"),
    day("month"),
    amount("amount"),
    amount("functional_amount"),
    big("entry_id"),
    big("run_id"),
    unique("schedule_id", "month", "entry_id"),
    index("entry_id"),
)
"""What an entry has recognised of a schedule; ``month`` is the first day of the month that it belongs to."""

REVENUE_EVENT: Final = table(
    "revenue_event",
    ident(),
    text("tenant"),
    text("entity"),
    text("key"),
    big("line_id"),
    text("subscription"),
    text("charge"),
    text("kind"),
    day("on_day"),
    quantity("quantity"),
    sa.Column("expected", Quantity(), nullable=True),
    quantity("material"),
    text("note"),
    flag("override"),
    moment("at"),
    unique("tenant", "entity", "key"),
    index("line_id"),
    index("tenant", "entity", "subscription", "charge"),
)
"""What was done and lets revenue be earned: of a line, or (``line_id`` 0) of all lines of a charge of a subscription.

``override`` says that nothing was done: two persons let it be recognised all the same, ``note`` is why.
"""

REVENUE_MARK: Final = table(
    "revenue_mark",
    text("tenant", key=True),
    text("entity", key=True),
    day("through"),
    big("items_seen"),
    big("events_seen"),
    big("schedules_seen"),
    clustered=True,
)
"""How far a legal entity is recognised: every item up to ``through`` with an id up to ``items_seen``."""
