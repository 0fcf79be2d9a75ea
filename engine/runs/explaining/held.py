"""Why a payer is not billed: what holds its bill now, since when, and what would release it."""

from __future__ import annotations

from collections.abc import Mapping

from engine.base.errors import Finding, refuse
from engine.base.money import written
from engine.billing.drafting import DRAFT_REJECTED, UNDER_REVIEW
from engine.billing.invoicing import HELD
from engine.model.draft import APPROVED, OPEN, REJECTED, Draft
from engine.runs.billing.read import ACCOUNT, ALL
from engine.runs.explaining.again import Again
from engine.runs.explaining.dunning import NO_SUCH_ACCOUNT
from engine.runs.explaining.words import Explanation, RulesOf, Step, rule_of
from engine.store import tracing
from engine.store.reader import Reader
from engine.store.tracing_back import findings_about

KIND = "bill"
RELEASED = {
    OPEN: "`tollbook drafts approve {0}` has it issued, `tollbook drafts reject {0}` keeps it back",
    APPROVED: "the run that issues it: `tollbook drafts issue {0}`, or a worker; as long as the bill is the same",
    REJECTED: "mend what is wrong, so that the bill is another one; or resolve item {1} of the worklist",
}
"""What releases a draft, by its state."""
STAYS: Mapping[str, str] = {
    HELD: "the rule no longer holds it: see what of its condition would have to be otherwise, below"
}
"""What releases a bill, where the finding itself does not say it."""


def explain_held(
    reader: Reader, tenant: str, rules_of: RulesOf, again: Again, name: tuple[str, str], everything: bool
) -> Explanation:
    """Explain what keeps the bill of a payer back, ``name`` being its legal entity and its key.

    Its bill is computed once more, as the newest bill run would, with what is known now; nothing is written.

    Raises:
        TollbookError: ``explain.no-such-account``.
    """
    entity, key = name
    subject = f"held:{entity}/{key}"
    if key not in reader.accounts(tenant, entity, [key]):
        mend = "write held:ENTITY/ACCOUNT; `tollbook drafts list` lists those under review"
        raise refuse(NO_SUCH_ACCOUNT, f"{entity} has no account {key!r}", mend=mend)
    newest = next(reader.runs_back(tenant, KIND, _scopes(key)), None)
    if newest is None:
        return Explanation(subject, "no bill run has looked at it yet", "nothing is held", "", ())
    billed, found, asked = again.billing(rules_of, newest, (entity, key), everything)
    draft = next((one for one in reader.drafts(tenant, "standing") if (one.entity, one.payer) == name), None)
    steps = [] if draft is None else [_under_review(reader, draft)]
    told = {UNDER_REVIEW, DRAFT_REJECTED} if draft is not None else ()
    steps += [_holding(reader, tenant, one, key) for one in found if one.code not in told]
    if billed or not found:
        text = "nothing holds its bill" if billed else "nothing is owed"
        return Explanation(subject, text, billed or "nothing is held", newest.release, (*steps, *asked))
    return Explanation(subject, "its bill is held", found[0].what, newest.release, (*steps, *asked))


def _under_review(reader: Reader, draft: Draft) -> Step:
    worth = ", ".join(f"{written(net, currency)}" for currency, net in sorted(draft.net.items()))
    stored = tracing.decisions(reader, [draft.decision]).get(draft.decision)
    details = [("since", f"{draft.opened_at:%Y-%m-%d %H:%M} UTC, run {draft.run_id} of {draft.period}")]
    details += [("rule", rule_of(stored))] if stored else []
    details += [("why", draft.why)] if draft.why else []
    if draft.decided_by:
        details.append((draft.state, f"{draft.decided_at:%Y-%m-%d} by {draft.decided_by}: {draft.reason}"))
    details.append(("released by", RELEASED[draft.state].format(draft.id, draft.item)))
    return Step("draft", f"{draft.id}, {draft.state}: {worth} before tax", tuple(details))


def _holding(reader: Reader, tenant: str, one: Finding, payer: str) -> Step:
    """A check that keeps the bill back, or a part of it."""
    details = [("since", _since(reader, tenant, one, payer))]
    details += [("why", one.why)] if one.why else []
    released = STAYS.get(one.code, one.mend)
    details += [("released by", released)] if released else []
    return Step("held by", f"{one.code}: {one.what}", tuple(details))


def _scopes(payer: str) -> tuple[str, str]:
    """Of the bill runs that look at a payer."""
    return ALL, f"{ACCOUNT}{payer}"


def _since(reader: Reader, tenant: str, one: Finding, payer: str) -> str:
    """The first of the bill runs without a break that found the same."""
    found = {row["run_id"] for row in findings_about(reader, tenant, [one.subject]) if row["code"] == one.code}
    if not found:
        return "no run has found it yet"
    first = None
    for run in reader.runs_back(tenant, KIND, _scopes(payer), max(found)):
        if run.id in found:
            first = run
        elif first is not None:
            break
    return f"run {first.id} of {first.period}" if first is not None else "no run has found it yet"
