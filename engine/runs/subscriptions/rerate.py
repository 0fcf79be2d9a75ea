"""Mass re-rating: what billed periods would cost under other rules, and the order to bill the difference.

The order is an event of each subscription whose bills differ: ``rerate``, from a day on.  The next bill run compares what
was billed from that day on with what the rules say, and bills the difference.  What was billed stays as it is.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, refuse
from engine.base.money import ZERO, round_to
from engine.model.due import AccountDue, SubscriptionDue
from engine.model.subscription import SubscriptionEvent
from engine.runs.run import Parts
from engine.runs.subscriptions.whatif import Imagined, imagine
from engine.store import lookups, tracing
from engine.store.reader import Reader
from engine.store.records import Run
from engine.store.writer import Writer
from engine.store.writing.events import event_row

NEVER_BILLED = Code(
    "rerate.never-billed", "Re-rating before the first bill run, when there is nothing to compare with."
)
OTHER_RULES = Code("rerate.other-rules", "An order to rate again by rules that the next bill run does not have.")
NO_DIFFERENCE = Code("rerate.no-difference", "An order to rate again where nothing comes out differently.")

PartsOf = Callable[[str], Parts]
"""The parts with the rules of a release that the books have."""


class Difference(msgspec.Struct, frozen=True):
    """A line of the next bill: what it gives back or charges, and the rule that it was, or is now, priced by."""

    entity: str
    account: str
    subscription: str
    plan: str
    charge: str
    text: str
    service_from: date
    service_to: date
    rule: str
    amount: Decimal
    currency: str


class Sums(msgspec.Struct, frozen=True):
    """Lines of one key added up: what they give back, what they charge, and the difference."""

    key: str
    currency: str
    back: Decimal
    charged: Decimal
    difference: Decimal


class Rerating(msgspec.Struct, frozen=True):
    """What re-rating comes to, before tax.

    ``on`` is the date of the bill run that billed last; ``orders`` are the subscriptions that differ, as (entity, key).
    """

    since: date
    on: date
    release: str
    lines: tuple[Difference, ...]
    accounts: tuple[Sums, ...]
    charges: tuple[Sums, ...]
    rules: tuple[Sums, ...]
    orders: tuple[tuple[str, str], ...]
    findings: tuple[Finding, ...] = ()

    def rows(self) -> Iterable[Sequence[str]]:
        """The lines as rows of a CSV file, with its header."""
        yield Difference.__struct_fields__
        for line in self.lines:
            yield [str(value) for value in msgspec.structs.astuple(line)]


def last_billed(parts: Parts, reader: Reader) -> Run:
    """The bill run that billed last.

    Raises:
        TollbookError: ``rerate.never-billed``.
    """
    runs = [run for run in reader.runs(parts.tenant, 10_000) if (run.kind, run.state) == ("bill", "done")]
    if not runs:
        raise refuse(NEVER_BILLED, "there is no finished bill run", mend="nothing is billed that could be rated again")
    return max(runs, key=lambda run: (run.period, run.id))


def rerating(parts: Parts, by: PartsOf, since: date, accounts: str) -> Rerating:
    """What is billed of some accounts from the day ``since`` on, compared with what the rules of ``parts`` say.

    What became known since the last bill run is billed anyway and no part of the difference: it is rated by the release of
    that run, which ``by`` gives.

    Raises:
        TollbookError: ``rerate.never-billed``.
    """
    findings: list[Finding] = []
    wanted = parts.rules
    event = SubscriptionEvent(0, key_of(since, wanted.release), "rerate", since)

    def happens(owner: AccountDue, due: SubscriptionDue) -> SubscriptionEvent | None:
        return event if due.mark is not None and due.mark.billed_to > date.min else None

    with parts.books.reader() as reader:
        last = last_billed(parts, reader)
        day = date.fromisoformat(last.period)
        before = parts if last.release == wanted.release else by(last.release)
        made = [one for one in imagine(before, reader, day, accounts, happens, findings, parts) if one.added.charges]
        ids = {line.decision for one in made for line in one.added.charges if line.credits}
        stored = tracing.decisions(reader, sorted(ids))
    names = {decision.id: f"{decision.ruleset}/{decision.rule}" for decision in wanted.decisions()}
    names |= {ident: f"{row['ruleset']}/{row['rule']}" for ident, row in stored.items()}
    lines = [line for one in made for line in _lines(one, names)]
    return Rerating(
        since,
        day,
        wanted.release,
        tuple(lines),
        _sums(lines, lambda line: line.account),
        _sums(lines, lambda line: f"{line.plan}/{line.charge}"),
        _sums(lines, lambda line: line.rule),
        tuple(dict.fromkeys((one.owner.account.entity, one.due.subscription.key) for one in made)),
        tuple(findings),
    )


def key_of(since: date, release: str) -> str:
    """Natural key of the order in each subscription: rating again from one day by one release is done once."""
    return f"rerate/{since}/{release}"


def _lines(one: Imagined, names: Mapping[int, str]) -> Iterable[Difference]:
    for charge in one.added.charges:
        yield Difference(
            one.owner.account.entity,
            charge.account,
            charge.subscription,
            charge.plan,
            charge.charge,
            charge.text,
            charge.service_from,
            charge.service_to,
            names.get(charge.decision, ""),
            round_to(charge.amount, charge.currency),
            charge.currency,
        )


def _sums(lines: Iterable[Difference], key: Any) -> tuple[Sums, ...]:
    """Lines added up by a key and currency, the largest difference first."""
    found: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for line in lines:
        found[key(line), line.currency].append(line.amount)
    rows = [
        Sums(
            name,
            currency,
            sum((a for a in some if a < 0), ZERO),
            sum((a for a in some if a > 0), ZERO),
            sum(some, ZERO),
        )
        for (name, currency), some in found.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-abs(row.difference), row.key, row.currency)))


def ordered(found: Rerating) -> dict[str, Any]:
    """The order as an act: its arguments as JSON values.

    Raises:
        TollbookError: ``rerate.no-difference``; what kept subscriptions from being rated.
    """
    if not found.orders:
        what = f"nothing billed from {found.since} on comes out differently"
        raise refuse(NO_DIFFERENCE, what, mend="nothing is to be done")
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for row in found.accounts:
        amounts[row.currency] += abs(row.difference)
    return {
        "from": found.since.isoformat(),
        "release": found.release,
        "subscriptions": [list(one) for one in found.orders],
        "amounts": {currency: str(amount) for currency, amount in sorted(amounts.items())},
    }


Arguments = Mapping[str, Any]


def subject(given: Arguments) -> str:
    """Natural key of an order: what it is about, and a digest of for whom."""
    who = ",".join("/".join(one) for one in given["subscriptions"])
    return f"{given['from']}/{given['release']}/{hashlib.sha256(who.encode()).hexdigest()[:12]}"


def text(given: Arguments) -> str:
    """What an order does, in words that follow "to"."""
    count = len(given["subscriptions"])
    return (
        f"rate {count} subscription{'s' if count != 1 else ''} again from {given['from']} by release {given['release']}"
    )


def relies(reader: Reader, tenant: str, given: Arguments) -> Mapping[str, Any]:
    """What an order relies on: how far its subscriptions are billed, and what is known of them."""
    ids = sorted(_ids(reader, tenant, given).values())
    marks, events = reader.marks(ids), lookups.events_of(reader, ids)
    state = [(ident, str(marks.get(ident)), events[ident][-1].id if events[ident] else 0) for ident in ids]
    state += [(mark.subscription_id, str(mark), 0) for mark in reader.payer_marks(ids)]
    return {"subscriptions": hashlib.sha256(repr(state).encode()).hexdigest()[:16]}


def amounts(reader: Reader, tenant: str, given: Arguments) -> Mapping[str, Decimal]:
    """The money that an order is about, by currency: the differences of all accounts, whichever way they go."""
    return {currency: Decimal(amount) for currency, amount in given["amounts"].items()}


def perform(writer: Writer, tenant: str, given: Arguments) -> bool:
    """Write the events; False where all of them are there."""
    since = date.fromisoformat(given["from"])
    key, ids = key_of(since, given["release"]), _ids(writer.reader, tenant, given)
    rows = [
        event_row(tenant, entity, ids[entity, name], SubscriptionEvent(0, key, "rerate", since))
        for entity, name in map(tuple, given["subscriptions"])
        if (entity, name) in ids
    ]
    return bool(writer.put_subscription_events(rows).inserted)


def _ids(reader: Reader, tenant: str, given: Arguments) -> dict[tuple[str, str], int]:
    keys: dict[str, list[str]] = defaultdict(list)
    for entity, name in given["subscriptions"]:
        keys[entity].append(name)
    return {
        (entity, name): found[0]
        for entity, names in keys.items()
        for name, found in reader.subscription_ids(tenant, entity, names).items()
    }


def refuse_other(rules: Parts, parts: Parts) -> None:
    """Refuse an order by rules that the next bill run does not have.

    Raises:
        TollbookError: ``rerate.other-rules``.
    """
    if rules.rules.release != parts.rules.release:
        raise refuse(
            OTHER_RULES,
            f"the next bill run has release {parts.rules.release}, not {rules.rules.release}",
            why="what is rated again is rated by the rules of the next bill run",
            mend="look at it with --dry-run, put these rules into force, then order it without --rules or --release",
        )
