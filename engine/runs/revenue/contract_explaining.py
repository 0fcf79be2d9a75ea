"""Why revenue of a contract is as it is, both ways: from the contract over its promise, price and rule to what was posted, and from
a line that was billed for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from engine.base.errors import Code, refuse
from engine.base.money import ZERO, written
from engine.model.decision import Decide, Decision
from engine.revenue.contract_balances import BALANCES
from engine.runs.explaining.words import Explanation, RulesOf, Step, TracingRules, first, number, rule_of, tried
from engine.runs.revenue.contract_keeping import named
from engine.runs.revenue.contract_reading import Group, groups
from engine.runs.revenue.contract_views import AccountShown, shown
from engine.store import tracing
from engine.store.reader import Reader

NO_SUCH_REVENUE = Code(
    "explain.no-such-revenue", "Revenue of a contract, obligation or month that the books do not have."
)


def explain_contract(reader: Reader, tenant: str, rules_of: RulesOf, rest: str, everything: bool) -> Explanation:
    """Explain ``ENTITY/CONTRACT``, ``ENTITY/CONTRACT/OBLIGATION`` or ``ENTITY/CONTRACT/OBLIGATION/YYYY-MM``; a balance of the contract,
    such as ``contract_asset``, is named like an obligation.

    Raises:
        TollbookError: ``revenue.no-contract``, ``explain.no-such-revenue``.
    """
    entity, key, obligation, month = [*rest.split("/", 3), "", "", ""][:4]
    contract = named(reader, tenant, key, entity)
    rows = [
        row
        for row in reader.contract_postings(tenant, entity)
        if row["contract"] in (key, *_heads(reader, tenant, entity))
    ]
    release = _release(reader, rows, key)
    rules = rules_of(release)
    found = groups(reader, _decide(rules), tenant, entity, account=contract.account)
    group = next(one for one in found if key in {each.contract.key for each in one.signed})
    mine = {one.contract.key for one in group.signed}
    rows = [row for row in rows if row["contract"] in mine]
    known = {*group.standing.account.unearned, *(row["obligation"] for row in rows)}
    if obligation and obligation not in known:
        what = f"{key} has no obligation {obligation!r}"
        raise refuse(NO_SUCH_REVENUE, what, mend=f"it has {', '.join(sorted(known))}")
    if obligation:
        rows = [row for row in rows if row["obligation"] == obligation]
    if month:
        rows = [row for row in rows if f"{row['month']:%Y-%m}" == month]
        if not rows:
            raise refuse(NO_SUCH_REVENUE, f"nothing of {obligation} was posted for {month}", mend="leave the month out")
    told = shown(group, date.max, None)
    steps = [_signed(group), _price(group, told), _allocation(told)]
    if obligation and obligation not in BALANCES:
        steps += [_promise(group, obligation), _rule(reader, rules, group, obligation, release)]
    steps += [_changes(told), _billed(group, everything), _posted(rows, everything)]
    amount = sum((row["amount"] for row in rows), ZERO)
    name = f"{obligation or 'contract'} {key} of {entity}" + (f" for {month}" if month else "")
    return Explanation(f"revenue:{rest}", name, f"{written(amount, contract.currency)}", release, tuple(steps))


def of_contract(reader: Reader, tenant: str, entity: str, line_id: int) -> Step | None:
    """What a line says that was billed for a contract; None for others."""
    found = reader.line_of_contract(tenant, line_id)
    if found is None:
        return None
    contract, obligation = found
    place = f"revenue:{entity}/{contract}" + (f"/{obligation}" if obligation else "")
    text = f"billed for revenue contract {contract}: it credits the contract's balance and earns nothing by itself"
    return Step("revenue", text, (("contract", place),))


def _heads(reader: Reader, tenant: str, entity: str) -> list[str]:
    return [one.key for one in reader.revenue_contracts(tenant, entity)]


def _release(reader: Reader, rows: list[dict[str, Any]], key: str) -> str:
    """The release of the newest decision that was kept of a contract."""
    ids = [row["decision"] for row in rows if row["decision"] and row["contract"] == key] or [
        row["decision"] for row in rows if row["decision"]
    ]
    stored = tracing.decisions(reader, ids[-1:])
    if not stored:
        mend = f"`tollbook revenue contract account {key}` shows it; `tollbook revenue recognise` posts it"
        raise refuse(NO_SUCH_REVENUE, f"nothing of {key} was recognised yet", mend=mend)
    return str(next(iter(stored.values()))["release"])


def _decide(rules: TracingRules) -> Decide:
    def decide(family: str, facts: Any, on: date) -> Decision:
        found = rules.trace(family, facts, on).decision
        if found is None:
            what = f"no rule of {family} answers for {facts.element or facts.product}"
            raise refuse(NO_SUCH_REVENUE, what, mend="it was decided under another release")
        return found

    return decide


def _signed(group: Group) -> Step:
    head, exists = group.head, group.assembled.contract.exists
    criteria = {name: on for one in group.signed for name, on in one.contract.agreed.criteria.items()}
    details = [(f"criterion {name}", str(on or "not met")) for name, on in criteria.items()]
    if len(group.signed) > 1:
        details.append(("one with", ", ".join(one.contract.key for one in group.signed[1:])))
    there = "not yet a contract" if exists == date.max else f"a contract from {exists} on"
    text = f"{head.key} with {head.account}, signed {head.signed}, known {head.known}; {there}"
    return Step("contract", text, tuple(details))


def _price(group: Group, told: AccountShown) -> Step:
    one = group.assembled
    details = [(f"stated for {key}", number(amount)) for key, amount in one.stated.items()]
    for each in one.counted:
        to = f", of {each.to} alone" if each.to else ""
        details.append(
            (f"variable {each.key}", f"{number(each.counts)} of {number(each.expected)} expected counts{to}")
        )
        details += [(f"variable {each.key} from {on}", f"{number(counts)} counts") for on, counts in each.after]
        details += [(f"given back of {each.key} on {on}", number(amount)) for on, amount in each.back]
    if one.interest.price:
        details.append(("interest apart", number(one.interest.price)))
    if one.payable:
        details.append(("payable to the customer", number(-one.payable)))
    details += [
        (
            f"paid for {each.promise}, which may be bought back",
            f"{number(each.liability)}, no part of the price until that lapses",
        )
        for each in one.options
    ]
    details += [(f"expected back of {each.promise}", f"{number(each.units)} units") for each in one.returned]
    return Step(
        "price", f"transaction price {written(told.price, told.currency)}, all changes included", tuple(details)
    )


def _allocation(told: AccountShown) -> Step:
    details = tuple(
        (
            one.obligation,
            f"alone {number(one.ssp)}, {one.share * 100:.4f} % of all: {number(one.allocated)} of the price"
            if one.rule
            else "came later",
        )
        for one in told.shares
    )
    return Step("allocation", "the price in proportion to standalone selling prices", details)


def _promise(group: Group, obligation: str) -> Step:
    found = next((one for one in group.assembled.opened.found if one.key == obligation), None)
    keys = [one.key for one in found.promises] if found else [obligation.partition("+")[0]]
    promises = [
        one
        for each in group.signed
        for one in (*each.contract.agreed.promises, *(add for o in each.occurrences for add in o.adds))
        if one.promise in keys
    ]
    done = [o for each in group.signed for o in each.occurrences if o.promise in keys]
    details = [
        (one.promise, f"{one.product}, {one.kind}, {number(one.price)} for {one.service_from or 'the day of signature'}"
         f"..{one.service_to or '-'}")
        for one in promises
    ]  # fmt: skip
    details += [(f"{o.kind} {o.key}", f"on {o.on}, known {o.known}") for o in sorted(done, key=lambda o: (o.on, o.key))]
    return Step("promise", f"{obligation}: {' and '.join(keys)}", tuple(details))


def _rule(reader: Reader, rules: TracingRules, group: Group, obligation: str, release: str) -> Step:
    key = obligation.partition("+")[0]
    promised = {one.key: one for one in group.assembled.contract.obligations}
    added = {one.key: one for change in group.assembled.contract.changes for one in change.adds}
    one = promised.get(obligation) or added.get(obligation) or promised.get(key) or added.get(key)
    if one is None:
        return Step("rule", f"that of what {key} was added to")
    trace = rules.trace("revrec", one.facts, one.facts.service_from)
    chosen = trace.decision
    if chosen is None:
        return Step("rule", f"no rule of revrec answers in release {release}", tried(trace))
    stored = tracing.decisions(reader, [chosen.id]).get(chosen.id)
    name = rule_of(stored) if stored else f"rule {chosen.rule} of {chosen.ruleset} at {chosen.where}"
    return Step("rule", f"{name}: method {chosen.terms.get('method')}", tried(trace))


def _changes(told: AccountShown) -> Step:
    details = tuple(
        (
            f"{one.key} of {one.on}",
            f"{one.how.replace('_', ' ')}: " + ", ".join(f"{k} {number(v)}" for k, v in one.shares.items()),
        )
        for one in told.treated
    )
    return Step("changes", f"{len(details)} changes", details)


def _billed(group: Group, everything: bool) -> Step:
    details = tuple((line.number, f"{number(line.amount)} on {line.on}") for line in group.billed)
    total = sum((line.amount for line in group.billed), ZERO)
    return Step(
        "billed",
        f"{number(total)} in {len(details)} lines, which earn nothing by themselves",
        first(details, everything),
    )


def _posted(rows: list[dict[str, Any]], everything: bool) -> Step:
    details = tuple((_place(row), _words(row)) for row in rows)
    return Step("posted", f"{len(details)} amounts", first(details, everything))


def _place(row: Mapping[str, Any]) -> str:
    return f"posting:{row['entry_id']}/1"


def _words(row: Mapping[str, Any]) -> str:
    day = f"posted {row['posting_date']}"
    return (
        f"{number(row['amount'])} of {row['obligation']} for {row['month']:%Y-%m}, {day}, schedule {row['schedule_id']}"
    )
