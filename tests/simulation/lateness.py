"""What becomes of usage that comes after its bill, as the auditor sees it.  Written from ``docs/guides/late-usage.md``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from tests.simulation.facts import Account, Charge, Lateness, Meter, in_currency
from tests.simulation.life import Stretch
from tests.simulation.lines import Line
from tests.simulation.meters import Used
from tests.simulation.prices import minor

BY_DAY = ("sum", "count", "max")


@dataclass(frozen=True)
class Mark:
    """The newest run that looked at a subscription, and how many facts were known when it began; ``on`` is None where an invoice of
    it was voided since."""

    on: date | None
    seen: int


@dataclass
class Judged:
    """Keys of events that count no more, and stretches that are given back and billed anew."""

    dropped: set[str] = field(default_factory=set)
    anew: set[Stretch] = field(default_factory=set)


@dataclass
class _Group:
    stretches: list[Stretch]
    events: dict[str, tuple[Used, bool]]
    difference: int


def late(used: Iterable[Used], mark: Mark, seen: int, dropped: set[str]) -> list[tuple[Used, bool]]:
    """Events that became known after a mark, and those taken back since then (True)."""
    found = []
    for one in used:
        if mark.seen < one.known and one.counts(seen):
            found.append((one, False))
        elif one.known <= mark.seen and one.gone and mark.seen < one.gone <= seen and one.event.key not in dropped:
            found.append((one, True))
    return found


def judge(
    on: date,
    account: Account,
    mark: Mark,
    found: Sequence[Stretch],
    came: Sequence[tuple[Used, bool]],
    changed: Callable[[Stretch], bool],
    billed: Sequence[Line],
    rules: Mapping[str, Lateness],
    meters: Mapping[str, Meter],
    owes: Callable[[Stretch | None, set[str]], int],
) -> Judged:
    """How late events end: those of stretches that an earlier run has billed, the same events together.

    ``changed`` says whether an event that became known since changes a stretch, ``owes`` what a stretch, or all of the subscription's usage, comes to without some events.
    """
    judged, groups = Judged(), list[_Group]()
    if mark.on is None:
        return judged
    for one in found:
        mine = {x.event.key: (x, back) for x, back in came if _in(x, one)}
        lines = [line for line in billed if (line.charge, line.start, line.end) == (one.charge, one.start, one.end)]
        if not mine or not one.due(mark.on) or changed(one):
            continue
        if lines and not any(line.stands for line in lines):
            continue
        standing = sum(line.left + line.given for line in lines if line.stands)
        new = _Group([one], mine, owes(one, set()) - standing)
        for other in [group for group in groups if group.events.keys() & mine.keys()]:
            groups.remove(other)
            new = _Group(new.stretches + other.stretches, new.events | other.events, new.difference + other.difference)
        groups.append(new)
    for group in groups:
        _end(on, account, group, rules, meters, owes, judged)
    return judged


def _in(used: Used, one: Stretch) -> bool:
    return used.event.meter == one.charge.meter and one.start <= used.day < one.end


def _end(
    on: date,
    account: Account,
    group: _Group,
    rules: Mapping[str, Lateness],
    meters: Mapping[str, Meter],
    owes: Callable[[Stretch | None, set[str]], int],
    judged: Judged,
) -> None:
    gone = {key for key, (_, back) in group.events.items() if not back}
    difference = group.difference
    if gone and not all(_by_day(one.charge, meters[one.charge.meter]) for one in group.stretches):
        difference = owes(None, set()) - owes(None, gone)
    first = min(group.stretches, key=lambda one: (one.charge.plan, one.charge.key, one.start, one.end))
    rule = rules[first.charge.key]
    policy = "drop" if max((on - first.end).days, 0) > rule.gone_after else rule.policy
    if rule.drop_under is not None:
        exact = Fraction(in_currency(rule.drop_under, account.currency))
        if Fraction(abs(difference)) < exact * minor(Fraction(1), account.currency):
            policy = "drop"
    if policy == "drop":
        judged.dropped |= gone
    elif policy == "credit_and_rebill":
        judged.anew.update(group.stretches)


def _by_day(charge: Charge, meter: Meter) -> bool:
    return meter.aggregation in BY_DAY and not meter.only and not charge.only
