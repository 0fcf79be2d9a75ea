"""Tables of a simulation: what matching and dunning runs would have done; and how amounts and bars are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from engine.cli.common import coins, out, table

if TYPE_CHECKING:
    from engine.app import (
        CreditingReplayed,
        Decided,
        DunningReplayed,
        MatchingReplayed,
        RevenueReplayed,
        SimulatedPart,
        SimulatedRow,
    )

BAR = 10
"""Characters of the longest bar to either side."""
ROWS = 20
"""Rows of a table of entries or steps on the screen."""
FEW = 12
"""Rows of a table of sums."""


def bar(amount: Decimal, largest: Decimal) -> str:
    """A bar from the middle: to the right what is more, to the left what is less."""
    size = max(1, int(BAR * abs(amount) / largest)) if amount and largest else 0
    return f"{'█' * size if amount < 0 else '':>{BAR}}│{'█' * size if amount > 0 else ''}"


def money(amount: Decimal, currency: str) -> str:
    """An amount with the digits of its currency and its thousands separated."""
    return f"{Decimal(coins(amount, currency)):,f}"


def signed(amount: Decimal, currency: str) -> str:
    """The same with a plus where it is more."""
    rounded = Decimal(coins(amount, currency))
    return f"{rounded:+,f}" if rounded else f"{rounded:,f}"


def share(rate: Decimal) -> str:
    """A share in percent."""
    return f"{100 * rate:.1f} %"


def sums(amounts: Mapping[str, Decimal]) -> str:
    """Amounts of several currencies."""
    return ", ".join(f"{money(amount, currency)} {currency}" for currency, amount in amounts.items()) or "none"


def parts(title: str, found: Iterable[SimulatedPart]) -> None:
    """What is counted in parts, by both rules."""
    rows = [
        (one.part, *(f"{money(each, one.currency)} {one.currency}" if one.currency else f"{each:,f}" for each in (one.before, one.after)))
        for one in found
    ]  # fmt: skip
    table(title, ("", "was", "would be"), rows, right=(1, 2))
    out.print()


def crediting(found: CreditingReplayed) -> None:
    """Which rules would have let credit notes be made."""
    parts(f"{found.count} credit notes by hand, by the rule that lets them be made", found.parts)
    rows = [
        (
            one.number,
            one.account,
            one.reason,
            f"{money(one.amount, one.currency)} {one.currency}",
            f"{one.said} {one.rule}",
            f"{one.other_said} {one.other_rule}",
        )
        for one in found.changed[:ROWS]
    ]
    columns = ("credit note", "account", "reason", "net", "was", "would be")
    table(f"{len(found.changed)} credit notes come out otherwise", columns, rows, right=(3,))
    out.print()


def matching(found: MatchingReplayed) -> None:
    """What matching runs would have done."""
    one, other = found.before, found.after
    rows = [
        ("bank entries", f"{one.entries:,}", f"{other.entries:,}"),
        ("automatic", share(one.automatic), share(other.automatic)),
        ("expected wrong matches", f"{one.expected_wrong:.2f}", f"{other.expected_wrong:.2f}"),
        *((state, str(one.states.get(state, 0)), str(other.states.get(state, 0))) for state in _names(one.states, other.states)),
        ("money applied", sums(one.applied), sums(other.applied)),
        ("money suggested", sums(one.suggested), sums(other.suggested)),
        ("money given up", sums(one.given_up), sums(other.given_up)),
    ]  # fmt: skip
    runs = f"{len(found.runs)} matching run{'' if len(found.runs) == 1 else 's'}"
    table(f"{runs}, as they were and as they would have been", ("", "was", "would be"), rows, right=(1, 2))
    out.print()
    cells = [
        (
            one.entry,
            one.booked,
            f"{money(one.amount, one.currency)} {one.currency}",
            f"{one.state} {one.rule}".strip(),
            f"{one.other_state} {one.other_rule}".strip(),
            one.other_documents or one.documents,
            one.why,
        )
        for one in found.changed[:ROWS]
    ]
    title = f"{len(found.changed)} entries come out otherwise, {found.moved} of them with other documents or money"
    table(title, ("entry", "booked", "amount", "was", "would be", "documents", "why"), cells, right=(2,))  # fmt: skip
    if found.drift:
        listed = ", ".join(map(str, found.drift[:ROWS]))
        out.print(f"{len(found.drift)} entries were used otherwise than the replay by their own rules says: {listed}")
    out.print()


def _names(*states: Mapping[str, int]) -> list[str]:
    return sorted({name for some in states for name in some})


def dunning(found: DunningReplayed) -> None:
    """What dunning runs would have done."""
    one, other = found.before, found.after
    rows = [(name, one.steps.get(name, 0), other.steps.get(name, 0)) for name in _names(one.steps, other.steps)]
    rows_of_money = [("costs of the customers", sums(one.costs), sums(other.costs))]
    table(
        f"steps of {len(found.runs)} dunning runs", ("step", "were", "would be"), [*rows, *rows_of_money], right=(1, 2)
    )
    cells = [
        (
            each.on,
            each.account,
            each.about,
            each.step,
            f"{money(each.asked, each.currency)} {each.currency}",
            "not taken" if each.costs is None else money(each.costs, each.currency),
            "not taken" if each.other_costs is None else money(each.other_costs, each.currency),
            each.other_rule or each.rule,
        )
        for each in found.changed[:ROWS]
    ]
    columns = ("day", "account", "about", "step", "asked", "costs were", "would be", "rule")
    title = f"{len(found.changed)} steps come out otherwise, {found.moved} of them at other costs or on one side only"
    table(title, columns, cells, right=(4, 5, 6))
    out.print()


def cut(title: str, sides: tuple[str, str], rows: Sequence[SimulatedRow]) -> None:
    """Sums that differ, the largest first, with a bar each; ``sides`` are the heads of both."""
    differ = [row for row in rows if row.difference]
    if not differ:
        return
    largest: dict[str, Decimal] = {}
    for row in differ:
        largest[row.currency] = max(largest.get(row.currency, Decimal(0)), abs(row.difference))
    cells = [
        (
            row.key,
            money(row.before, row.currency),
            money(row.after, row.currency),
            f"{signed(row.difference, row.currency)} {row.currency}",
            bar(row.difference, largest[row.currency]),
        )
        for row in differ[:FEW]
    ]
    table(title, (title.rpartition("by ")[2], *sides, "difference", ""), cells, right=(1, 2, 3))
    if len(differ) > FEW:
        out.print(f"and {len(differ) - FEW} more that differ less")
    out.print()


def decided(ways: Sequence[Decided]) -> None:
    """Ways in which decisions come out otherwise, each with its count, money, reason and an example."""
    for one in ways[:FEW]:
        other = f" -> {one.other_rule}" if one.other_rule != one.rule else ""
        amounts = ", ".join(f"{signed(amount, currency)} {currency}" for currency, amount in one.money.items())
        still = "" if one.moved == one.count else f"  {one.count - one.moved:,} with the same money"
        out.print(f"  {one.count:>6,}  {one.rule}{other}{f'  {amounts}' if amounts else ''}{still}", markup=False)
        for why in one.why:
            out.print(f"          {why}", markup=False)
        out.print(f"          for example {one.example}", markup=False, style="dim")
    if len(ways) > FEW:
        out.print(f"  and {len(ways) - FEW} more ways")


def revenue(found: RevenueReplayed) -> None:
    """Recognised revenue of the months."""
    out.print(f"[bold]recognised revenue[/bold]: {found.lines:,} lines planned again", highlight=False)
    for name, rows in found.cuts().items():
        cut(f"recognised revenue by {name}", ("was", "would be"), rows)
    for one in found.movers:
        more, less = (signed(amount, one.currency) for amount in (one.more, one.less))
        out.print(
            f"{one.currency}: more of {one.up:,} customers ({more}), less of {one.down:,} ({less}), the same of {one.unchanged:,}"
        )
    count, moved = sum(one.count for one in found.decided), sum(one.moved for one in found.decided)
    out.print(
        f"[bold]{count:,} decisions of revenue come out otherwise[/bold], {moved:,} of them with other money in these months"
    )
    decided(found.decided)
    broken = [one for one in found.ties if not one.holds]
    for tie in broken:
        out.print(f"does not tie {tie.what}: {tie.one} against {tie.other} {tie.currency}")
    again = f"{found.lines - len(found.drift):,} of {found.lines:,} lines are recognised as the books have them"
    out.print(f"{'all sums tie; ' if not broken else ''}by their own rules {again}")
    if found.beside:
        out.print(f"no part of it: {', '.join(f'{count:,} {name}' for name, count in found.beside.items())}")
    out.print()
