"""The page of a simulation: one HTML file that needs nothing beside it and has no script; every text in it is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jinja2
import msgspec
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.base.money import round_to
from engine.runs.simulate.difference import Decided, Drift, Movers, Row, Total
from engine.runs.simulate.dunning import DunningReplayed
from engine.runs.simulate.result import Simulated
from engine.runs.simulate.shares import Part

if TYPE_CHECKING:
    from engine.runs.simulate.cash import MatchingReplayed
    from engine.runs.simulate.crediting import CreditingReplayed
    from engine.runs.simulate.revenue import RevenueReplayed

ROWS: Final = 25
"""Rows of a table; the others are counted."""
HALF: Final = 86
"""Pixels of the longest bar to either side."""
WIDE: Final = 600


def page(found: Simulated) -> str:
    """The page: the same for the same result, to the byte."""
    return _template().render(
        found=found,
        months=found.first if found.first == found.last else f"{found.first} to {found.last}",
        documents=f"{found.documents:,}",
        compared=f"{found.compared:,}",
        decisions=f"{found.decisions:,}",
        moved=f"{found.decisions_moved:,}",
        totals=[_total(one) for one in found.totals],
        movers=[_movers(one) for one in found.movers],
        cuts=list(_cuts(found.cuts())),
        decided=[_decided(one) for one in found.decided[: 4 * ROWS]],
        drift=[_drift(one) for one in found.drift[:ROWS]],
        matching=_matching(found.matching) if found.matching else None,
        dunning=_dunning(found.dunning) if found.dunning else None,
        revenue=revenue(found.revenue) if found.revenue else None,
        late=[_part(one) for one in found.late],
        crediting=_crediting(found.crediting) if found.crediting else None,
        findings=[str(one) for one in found.findings[:ROWS]],
    )


class _Sandbox(ImmutableSandboxedEnvironment):
    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, msgspec.Struct):
            return not attr.startswith("_")
        return super().is_safe_attribute(obj, attr, value)


def sandbox() -> jinja2.Environment:
    """Where templates run: what they show is escaped, and they reach nothing but what they are given."""
    return _Sandbox(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    return sandbox().from_string(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))


def money(amount: Decimal, currency: str, signed: bool = False) -> str:
    """An amount with the digits of its currency and its thousands separated; ``signed`` with a plus, too."""
    rounded = round_to(amount, currency)
    return f"{rounded:+,f}" if signed and rounded else f"{rounded:,f}"


def percent(before: Decimal, difference: Decimal) -> str:
    """A difference as a share of what it was, with two digits; empty where there was nothing."""
    return f"{(100 * difference / abs(before)).quantize(Decimal('0.01')):+f} %" if before and difference else ""


def _tone(amount: Decimal) -> str:
    return "more-text" if amount > 0 else "less-text" if amount < 0 else ""


def _total(one: Total) -> dict[str, Any]:
    return {
        "currency": one.currency,
        "way": "more" if one.difference > 0 else "less" if one.difference < 0 else "",
        "difference": money(one.difference, one.currency, signed=True),
        "before": money(one.before, one.currency),
        "after": money(one.after, one.currency),
        "percent": percent(one.before, one.difference),
        "tax": money(one.tax_after - one.tax_before, one.currency, signed=True),
        "documents": f"{one.documents_before:,}"
        + ("" if one.documents_before == one.documents_after else f" → {one.documents_after:,}"),
    }


def _row(one: Row, largest: Decimal) -> dict[str, Any]:
    width = int(HALF * abs(one.difference) / largest) if largest else 0
    return {
        "key": one.key,
        "currency": one.currency,
        "before": money(one.before, one.currency),
        "after": money(one.after, one.currency),
        "difference": money(one.difference, one.currency, signed=True),
        "tone": _tone(one.difference),
        "up": one.difference > 0,
        "width": max(width, 1) if one.difference else 0,
        "sign": money(one.difference, one.currency, signed=True),
    }


def _rows(rows: Sequence[Row]) -> list[dict[str, Any]]:
    largest: dict[str, Decimal] = {}
    for one in rows:
        largest[one.currency] = max(largest.get(one.currency, Decimal(0)), abs(one.difference))
    return [_row(one, largest[one.currency]) for one in rows]


def _cuts(cuts: Mapping[str, Sequence[Row]]) -> Iterable[tuple[str, list[dict[str, Any]], int]]:
    for name, rows in cuts.items():
        differ = [one for one in rows if one.difference]
        taken = differ[:ROWS] if name == "customer" or len(rows) > 2 * ROWS else rows[: 2 * ROWS]
        yield name, _rows(taken), len(rows) - len(taken)


def _movers(one: Movers) -> dict[str, Any]:
    every = one.up + one.unchanged + one.down
    up, down = (count * WIDE // every if every else 0 for count in (one.up, one.down))
    parts = [
        {"x": 0, "width": up, "fill": "#0f766e"},
        {"x": up, "width": WIDE - up - down, "fill": "#d9dfe5"},
        {"x": WIDE - down, "width": down, "fill": "#b4532a"},
    ]
    return {
        "currency": one.currency,
        "up": f"{one.up:,}",
        "down": f"{one.down:,}",
        "unchanged": f"{one.unchanged:,}",
        "more": money(one.more, one.currency, signed=True),
        "less": money(one.less, one.currency, signed=True),
        "top": _rows(one.top),
        "bottom": _rows(one.bottom),
        "parts": [part for part in parts if part["width"]],
    }


def _decided(one: Decided) -> dict[str, Any]:
    return {
        "family": one.family,
        "rule": one.rule,
        "other": one.other_rule if one.other_rule != one.rule else "",
        "why": one.why,
        "example": one.example,
        "count": f"{one.count:,}",
        "still": f"{one.count - one.moved:,}" if one.moved != one.count else "",
        "money": ", ".join(
            f"{money(amount, currency, signed=True)} {currency}" for currency, amount in one.money.items()
        ),
    }


def revenue(found: RevenueReplayed) -> dict[str, Any]:
    """Recognised revenue, as the page shows it."""
    beside = ", ".join(f"{count:,} {name}" for name, count in found.beside.items())
    return {
        "lines": f"{found.lines:,}",
        "cuts": list(_cuts(found.cuts())),
        "movers": [_movers(one) for one in found.movers],
        "decided": [_decided(one) for one in found.decided[: 4 * ROWS]],
        "ties": all(one.holds for one in found.ties),
        "drift": f"{len(found.drift):,}" if found.drift else "",
        "beside": beside,
    }


def _drift(one: Drift) -> dict[str, Any]:
    return {
        "run": one.run,
        "payer": one.payer,
        "kind": one.kind,
        "group": one.group,
        "reason": one.because,
        "books": "none" if one.books is None else f"{money(one.books, one.currency)} {one.currency}",
        "replayed": "none" if one.replayed is None else f"{money(one.replayed, one.currency)} {one.currency}",
    }


def _amounts(amounts: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{money(amount, currency)} {currency}" for currency, amount in amounts.items()) or "none"


def _matching(found: MatchingReplayed) -> dict[str, Any]:
    one, other = found.before, found.after
    states = sorted({*one.states, *other.states})
    return {
        "figures": [
            ("bank entries", f"{one.entries:,}", f"{other.entries:,}"),
            ("automatic", f"{100 * one.automatic:.1f} %", f"{100 * other.automatic:.1f} %"),
            ("expected wrong matches", f"{one.expected_wrong:.2f}", f"{other.expected_wrong:.2f}"),
            *((state, one.states.get(state, 0), other.states.get(state, 0)) for state in states),
            ("money applied", _amounts(one.applied), _amounts(other.applied)),
            ("money suggested", _amounts(one.suggested), _amounts(other.suggested)),
            ("money given up", _amounts(one.given_up), _amounts(other.given_up)),
        ],
        "count": f"{len(found.changed):,}",
        "moved": f"{found.moved:,}",
        "rows": [
            {
                "entry": each.entry,
                "booked": each.booked,
                "amount": f"{money(each.amount, each.currency)} {each.currency}",
                "was": f"{each.state} {each.rule}",
                "now": f"{each.other_state} {each.other_rule}",
                "documents": each.other_documents or each.documents,
                "why": each.why,
            }
            for each in found.changed[: 4 * ROWS]
        ],
    }


def _dunning(found: DunningReplayed) -> dict[str, Any]:
    one, other = found.before, found.after
    steps = sorted({*one.steps, *other.steps})
    return {
        "figures": [
            *((name, one.steps.get(name, 0), other.steps.get(name, 0)) for name in steps),
            ("costs of the customers", _amounts(one.costs), _amounts(other.costs)),
        ],
        "count": f"{len(found.changed):,}",
        "moved": f"{found.moved:,}",
        "rows": [
            {
                "on": each.on,
                "account": each.account,
                "about": each.about,
                "step": each.step,
                "costs": "not taken" if each.costs is None else money(each.costs, each.currency),
                "other": "not taken" if each.other_costs is None else money(each.other_costs, each.currency),
            }
            for each in found.changed[: 4 * ROWS]
        ],
    }


def _part(one: Part) -> tuple[str, str, str]:
    """A part as a row: its name, and both sides."""
    amounts = (
        f"{money(each, one.currency)} {one.currency}" if one.currency else f"{each:,f}"
        for each in (one.before, one.after)
    )
    before, after = amounts
    return one.part, before, after


def _crediting(found: CreditingReplayed) -> dict[str, Any]:
    return {
        "notes": f"{found.count:,}",
        "figures": [_part(one) for one in found.parts],
        "count": f"{len(found.changed):,}",
        "rows": [
            {
                "number": one.number,
                "account": f"{one.account}, {one.reason}",
                "net": f"{money(one.amount, one.currency)} {one.currency}",
                "was": f"{one.said} {one.rule}",
                "now": f"{one.other_said} {one.other_rule}",
            }
            for one in found.changed[: 4 * ROWS]
        ],
    }
