"""Quantities of stretches, as the databases, as Python and as a second model over the raw events make them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.base.period import Period
from engine.model.measure import OVER_TIME, Found, Measure, Window
from engine.rulebook.measured import compiled_filter, compiled_value
from engine.runs.billing import measuring
from engine.store import measuring as store
from engine.store.books import Books
from tests.unit.store import sample as s

ZONE = "Europe/Amsterdam"
KINDS = {"region": "text", "size": "number", "vip": "boolean"}
DAYS = [Period(date(2026, 3, 1), date(2026, 4, 1)), Period(date(2026, 4, 1), date(2026, 4, 11))]
CYCLES = [DAYS[0], Period(date(2026, 4, 1), date(2026, 5, 1))]
_NUMBERS = count(1)


class Raw(msgspec.Struct, frozen=True):
    """One raw event."""

    minute: int
    quantity: Decimal
    dims: dict[str, Any]
    back: bool

    @property
    def at(self) -> datetime:
        """When; the first days are before the first window, the last ones in none."""
        return datetime(2026, 2, 20, 23, tzinfo=UTC) + timedelta(minutes=self.minute, microseconds=self.minute % 7)

    @property
    def day(self) -> date:
        """The day where the customer is."""
        return self.at.astimezone(ZoneInfo(ZONE)).date()


sizes = st.sampled_from([Decimal("0"), Decimal("0.000001"), Decimal("1.5"), Decimal("-3"), Decimal("999999999.999999")])
dims = st.fixed_dictionaries(
    {},
    optional={
        "region": st.sampled_from(["EU", "US", "", 'a"b', "é"]),
        "size": st.one_of(sizes, st.just("many")),
        "vip": st.one_of(st.booleans(), st.just("true")),
    },
)
quantities = st.decimals(0, 10**6, places=6) | st.sampled_from([Decimal(0), Decimal(1), Decimal("99999999999.999999")])
events = st.builds(Raw, st.integers(0, 52 * 24 * 60), quantities, dims, st.booleans())

FILTERS = (
    'dim.region == "EU"',
    'dim.region != "EU" and quantity >= 1.5',
    'dim.region in ["EU", "US"] or not (dim.vip ?? false)',
    "dim.size != null and dim.size > 1.5",
    "dim.vip == true",
    "dim.region == null",
    "(dim.size ?? 2) < 1.000001",
    "(dim.vip == true ? quantity : 1) == 1",
    'dim.region not in ["US"] and dim.size != -3',
    'dim.region != null and dim.region =~ "^E.*"',
    "quantity * 2 > 3",
)
VALUES = ("quantity * (dim.size ?? 1)", "quantity + 1", "-quantity / 3", "(dim.size ?? 0) - quantity")


@st.composite
def measures(draw: st.DrawFn) -> Measure:
    """Any measure."""
    kind = draw(st.sampled_from(store_kinds))
    texts = draw(st.lists(st.sampled_from(FILTERS), max_size=2))
    return Measure(
        "api",
        kind,
        KINDS,
        tuple(compiled_filter(text, KINDS) for text in texts),
        compiled_value(draw(st.sampled_from(VALUES)), KINDS) if kind == "expression" else None,
        draw(st.sampled_from(sorted(KINDS))) if kind == "unique" else "",
        draw(st.sampled_from([Decimal("0.0001"), Decimal(7), Decimal(50), Decimal("99.9"), Decimal(100)])),
        draw(st.sampled_from([(), ("region",), ("size", "vip")])),
    )


store_kinds = (
    "sum",
    "count",
    "max",
    "min",
    "latest",
    "unique",
    "percentile",
    "time_weighted",
    "weighted_sum",
    "expression",
)


def written(held: dict[str, Any]) -> str | None:
    """Dimensions as the books keep them."""
    plain = {k: float(v) if isinstance(v, Decimal) else v for k, v in held.items()}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for value in held.values():
        if isinstance(value, Decimal):
            text = text.replace(json.dumps(float(value)), f"{value.normalize():f}" if value else "0")
    return text if held else None


def seen(one: Raw, name: str) -> Any:
    """A dimension, None where it is of another kind than declared."""
    value = one.dims.get(name)
    return value if isinstance(value, {"text": str, "number": Decimal, "boolean": bool}[KINDS[name]]) else None


def fits(text: str, one: Raw) -> bool:
    """The filters, by hand."""
    region, size, vip, quantity = seen(one, "region"), seen(one, "size"), seen(one, "vip"), one.quantity
    return {
        FILTERS[0]: region == "EU",
        FILTERS[1]: region != "EU" and quantity >= Decimal("1.5"),
        FILTERS[2]: region in ("EU", "US") or not vip,
        FILTERS[3]: size is not None and size > Decimal("1.5"),
        FILTERS[4]: vip is True,
        FILTERS[5]: region is None,
        FILTERS[6]: (2 if size is None else size) < Decimal("1.000001"),
        FILTERS[7]: (quantity if vip else 1) == 1,
        FILTERS[8]: region != "US" and size != -3,
        FILTERS[9]: region is not None and region.startswith("E"),
        FILTERS[10]: quantity * 2 > 3,
    }[text]


def worth(text: str, one: Raw) -> Fraction:
    """The formulas, by hand."""
    size, quantity = seen(one, "size"), Fraction(one.quantity)
    return {
        VALUES[0]: quantity * (1 if size is None else Fraction(size)),
        VALUES[1]: quantity + 1,
        VALUES[2]: -quantity / 3,
        VALUES[3]: Fraction(size or 0) - quantity,
    }[text]


def texts(value: Any) -> str | None:
    """A dimension as a group names it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value.normalize():f}" if value else "0"


def second(at: datetime) -> int:
    """Whole seconds."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


def model(measure: Measure, days: Period, cycle: Period, raw: Sequence[tuple[int, Raw]]) -> dict[Any, Any]:
    """Quantity and number of events by group: nothing but Python over the raw events."""
    groups: dict[Any, list[tuple[int, Raw]]] = defaultdict(list)
    for ident, one in raw:
        if all(fits(formula.text, one) for formula in measure.filters):
            groups[tuple(texts(seen(one, name)) for name in measure.group_by)].append((ident, one))
    found = {}
    for group, some in groups.items():
        ordered = sorted(some, key=lambda item: (item[1].at, item[0]))
        inside = [one for _, one in ordered if one.day in days]
        before = [one for _, one in ordered if one.day < days.start]
        if inside or (before and measure.aggregation in OVER_TIME):
            found[group] = rounded(quantity(measure, days, cycle, inside, before)), len(inside)
    return found


def rounded(value: Fraction) -> Decimal:
    """A quantity as the books keep it."""
    scaled = Decimal(abs(value.numerator) * 10**7 // value.denominator) / 10  # a digit more than is kept
    near = scaled.quantize(Decimal(1), ROUND_HALF_UP) / 10**6
    return -near if value < 0 else near


def quantity(measure: Measure, days: Period, cycle: Period, inside: list[Raw], before: list[Raw]) -> Fraction:
    """The quantity of one group."""
    kind, amounts = measure.aggregation, [Fraction(one.quantity) for one in inside]
    if kind in OVER_TIME:
        zone = ZoneInfo(ZONE)
        start, end, first, last = (
            second(datetime(day.year, day.month, day.day, tzinfo=zone))
            for day in (days.start, days.end, cycle.start, cycle.end)
        )
        if kind == "weighted_sum":
            held = [(max(second(one.at), start), Fraction(one.quantity)) for one in before + inside]
            return sum((amount * (end - since) for since, amount in held), Fraction(0)) / (last - first)
        levels = [(start, Fraction(before[-1].quantity) if before else Fraction(0))]
        levels += [(second(one.at), Fraction(one.quantity)) for one in inside]
        ends = [moment for moment, _ in levels[1:]] + [end]
        area = sum((level * (until - since) for (since, level), until in zip(levels, ends, strict=True)), Fraction(0))
        return area / (last - first)
    if kind == "percentile":
        ordered = sorted(amounts)
        share = Fraction(measure.percentile) / 100
        return next(a for n, a in enumerate(ordered, 1) if Fraction(n, len(ordered)) >= share)
    if kind == "expression":
        assert measure.value is not None
        return sum((worth(measure.value.text, one) for one in inside), Fraction(0))
    if kind == "unique":
        return Fraction(len({seen(one, measure.dimension) for one in inside} - {None}))
    return {
        "sum": lambda: sum(amounts, Fraction(0)),
        "count": lambda: Fraction(len(amounts)),
        "max": lambda: max(amounts),
        "min": lambda: min(amounts),
        "latest": lambda: amounts[-1],
    }[kind]()


def put(books: Books, raw: Sequence[Raw]) -> tuple[int, list[tuple[int, Raw]], int]:
    """Events and reversals of a subscription of their own: its id, the events that are left with ids, the newest id."""
    number = next(_NUMBERS)
    with books.writer(s.CHANGE, 0, s.T) as writer:
        rows = [
            (s.T, s.E, f"s{number}", f"{n:04d}", number, "api", one.at, one.day, one.quantity, written(one.dims))
            for n, one in enumerate(raw)
        ]
        writer.put_usage(rows)
        high, _ = writer.reader.high_marks()
        first = high - len(rows) + 1
        backs = [
            (s.T, s.E, f"s{number}", f"{n:04d}", first + n, number, "api", one.day)
            for n, one in enumerate(raw)
            if one.back
        ]
        writer.put_reversals(backs)
        high, _ = writer.reader.high_marks()
    return number, [(first + n, one) for n, one in enumerate(raw) if not one.back], high


def told(found: Sequence[Found]) -> dict[Any, Any]:
    """What a window has, by group."""
    return {one.group: (one.quantity, one.events) for one in found}


@pytest.mark.capability("A2.2")
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(measure=measures(), raw=st.lists(events, max_size=12))
def test_databases_python_and_a_second_model_agree(books: Books, measure: Measure, raw: list[Raw]) -> None:
    number, left, high = put(books, raw)
    windows = [measuring.window_of(number, days, cycle, ZONE) for days, cycle in zip(DAYS, CYCLES, strict=True)]
    with books.reader() as reader:
        asked = measuring.ask(reader, measure, windows, high)
        in_python = measuring.streamed(reader, measure, windows, high)
    expected = [model(measure, days, cycle, left) for days, cycle in zip(DAYS, CYCLES, strict=True)]
    assert [told(found) for found in asked] == expected
    assert [told(found) for found in in_python] == expected
    assert asked == in_python


@pytest.mark.parametrize("kind", ["sum", "time_weighted", "latest"])
@pytest.mark.parametrize("first", [{}, {"region": ""}])
def test_groups_without_a_value_and_with_an_empty_one_have_one_order(
    books: Books, kind: str, first: dict[str, Any]
) -> None:
    measure = Measure("api", kind, KINDS, group_by=("region",))
    both = [first, {"region": ""} if not first else {}]
    number, _, high = put(books, [Raw(15 * 24 * 60, Decimal(3), dims, False) for dims in both])
    window = measuring.window_of(number, DAYS[0], CYCLES[0], ZONE)
    with books.reader() as reader:
        for way in (measuring.ask, measuring.streamed):
            ((empty, named),) = way(reader, measure, [window], high)
            assert (empty.group, named.group) == ((None,), ("",)), way


@pytest.mark.capability("A2.2")
@pytest.mark.parametrize("kind", store_kinds)
def test_what_became_known_after_the_run_began_is_not_seen(books: Books, kind: str) -> None:
    value = compiled_value("quantity", KINDS) if kind == "expression" else None
    measure = Measure("api", kind, KINDS, (), value, "region" if kind == "unique" else "", Decimal(50))
    early = Raw(15 * 24 * 60, Decimal(3), {"region": "EU"}, False)
    number, _, high = put(books, [early])
    window = measuring.window_of(number, DAYS[0], CYCLES[0], ZONE)
    with books.reader() as reader:
        before = measuring.ask(reader, measure, [window], high)
    late = msgspec.structs.replace(early, minute=14 * 24 * 60, quantity=Decimal(1), dims={"region": "US"})
    with books.writer(s.CHANGE, 0, s.T) as writer:
        writer.put_usage(
            [(s.T, s.E, "late", str(number), number, "api", late.at, late.day, late.quantity, written(late.dims))]
        )
        writer.put_reversals([(s.T, s.E, f"s{number}", "0000", high, number, "api", early.day)])
        newest, _ = writer.reader.high_marks()
    with books.reader() as reader:
        assert measuring.ask(reader, measure, [window], high) == before
        ((now,),) = measuring.ask(reader, measure, [window], newest)
    assert now.events == 1 and now.last_id == newest


def test_nothing_is_asked_of_the_database_that_it_cannot_say_exactly(books: Books) -> None:
    measure = Measure("api", "sum", KINDS, (compiled_filter('dim.region != null and dim.region =~ "E.*"', KINDS),))
    window = Window(1, s.JAN, s.FEB, s.CHANGE.at, s.CHANGE.at, 1)
    with books.reader() as reader, pytest.raises(store.NotHere):
        store.measured(reader, measure, [window], 1)
