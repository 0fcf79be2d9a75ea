"""Why the books say what they say, both ways: from an invoice, a line, a usage event or a posting to all that it rests on and
all that followed from it."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from engine.base.errors import Code, TollbookError, did_you_mean, refuse
from engine.runs.cash.explaining import explain_bank_entry, explain_settlement
from engine.runs.explaining.again import Again
from engine.runs.explaining.dunning import explain_dunning
from engine.runs.explaining.held import explain_held
from engine.runs.explaining.invoice import explain_invoice
from engine.runs.explaining.line import explain_line
from engine.runs.explaining.posting import explain_posting
from engine.runs.explaining.subscription import explain_subscription
from engine.runs.explaining.usage import explain_usage
from engine.runs.explaining.words import Explanation, RulesOf, Step
from engine.runs.revenue.contract_explaining import explain_contract
from engine.store.books import Books
from engine.store.reader import Reader

__all__ = ["Explanation", "Step", "explain"]

NOT_EXPLAINABLE = Code(
    "explain.not-a-subject", "What is to be explained is not written as one of the forms that there are."
)

KINDS = ("usage", "subscription", "posting", "bank", "settlement", "revenue", "dunning", "held")
"""What stands before the colon of what is no document."""
FORMS = (
    "NUMBER (an invoice), NUMBER#LINE, usage:ENTITY/SUBSCRIPTION/METER/KEY, subscription:ENTITY/KEY, bank:ENTRY, "
    "settlement:ENTITY/KEY, held:ENTITY/ACCOUNT, dunning:ENTITY/ACCOUNT[/STEP], revenue:ENTITY/CONTRACT[/OBLIGATION[/MONTH]], posting:ENTRY/NUMBER or posting:INVOICE/KIND/NUMBER"
)


def explain(
    books: Books, tenant: str, rules_of: RulesOf, subject: str, everything: bool = False, again: Again | None = None
) -> Explanation:
    """Explain one thing of the books, written as :data:`FORMS` say; ``everything`` lists all
    events, lines and postings, not the first ten.

    ``rules_of`` gives the rule book of a release as the books keep it: what was decided under an older release is
    explained by that one.  ``again`` does again what the books keep no facts of; without it these are not traced.

    Raises:
        TollbookError: ``explain.not-a-subject``; ``explain.no-such-line``, ``explain.no-such-event``,
            ``explain.no-such-subscription``, ``explain.no-such-money``, ``explain.no-such-account`` and
            ``explain.no-such-posting`` for what the books do not have.
    """
    kind, colon, rest = subject.partition(":")
    number, mark, line = subject.rpartition("#")
    rules_of = lru_cache(rules_of)
    with books.reader() as reader:
        if colon and kind == "usage" and rest.count("/") >= 3:
            entity, subscription, meter, key = rest.split("/", 3)
            return explain_usage(reader, tenant, entity, subscription, meter, key)
        if colon and kind == "subscription" and "/" in rest:
            return explain_subscription(reader, tenant, rules_of, *rest.split("/", 1))
        if colon and kind == "revenue" and "/" in rest:
            return explain_contract(reader, tenant, rules_of, rest, everything)
        if colon and kind == "bank":
            return _asked(
                explain_bank_entry(reader, tenant, rest, everything), reader, tenant, rules_of, again, everything
            )
        if colon and kind == "dunning" and "/" in rest and again is not None:
            entity, account, *step = rest.split("/", 2)
            return explain_dunning(reader, tenant, rules_of, again, (entity, account, "".join(step)), everything)
        if colon and kind == "held" and "/" in rest and again is not None:
            entity, _, account = rest.partition("/")
            return explain_held(reader, tenant, rules_of, again, (entity, account), everything)
        if colon and kind == "settlement" and "/" in rest:
            entity, key = rest.split("/", 1)
            found = explain_settlement(reader, tenant, entity, key, everything)
            return _asked(found, reader, tenant, rules_of, again, everything)
        if colon and kind == "posting" and rest.rpartition("/")[2].isdigit() and "/" in rest:
            entry, _, position = rest.rpartition("/")
            return explain_posting(reader, tenant, rules_of, entry, int(position), everything)
        if mark and number and line.isdigit():
            return explain_line(reader, tenant, rules_of, number, int(line), everything)
        if subject and not mark and kind not in KINDS:
            try:
                return explain_invoice(reader, tenant, rules_of, subject, everything)
            except TollbookError:
                if not colon:
                    raise
    mend = did_you_mean(kind, KINDS) if colon and kind not in KINDS else f"write {FORMS}"
    raise refuse(NOT_EXPLAINABLE, f"{subject!r} is nothing that can be explained", mend=mend)


def _asked(
    found: Explanation, reader: Reader, tenant: str, rules_of: RulesOf, again: Again | None, everything: bool
) -> Explanation:
    """An explanation of money, with what its run asked of the rules."""
    names = (found.subject, *(step.text.split(" ")[0] for step in found.steps if step.name == "money"))
    entry = next((name.removeprefix("bank:") for name in names if name.startswith("bank:")), "")
    if again is None or not entry.isdigit():
        return found
    more = again.money(reader, rules_of, tenant, int(entry), everything)
    return msgspec.structs.replace(found, steps=(*found.steps, *more))
