"""The compiled form of a condition and rule-engine's own evaluation always agree."""

from __future__ import annotations

import decimal
import functools
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import HealthCheck, assume, event, example, given, settings
from hypothesis import strategies as st

from engine.base.errors import TollbookError, Where
from engine.rulebook.expression import Expression, compile_expression
from engine.rulebook.facttypes import describe


class Contract(msgspec.Struct, frozen=True):
    """A nested object that may be null."""

    days: int
    discount: Decimal | None
    note: str | None
    signed: date


class Account(msgspec.Struct, frozen=True):
    """A nested object."""

    segment: Literal["enterprise", "business", "consumer"]
    name: str
    region: str | None
    exempt: bool


class Facts(msgspec.Struct, frozen=True):
    """Facts of every kind."""

    account: Account
    contract: Contract | None
    quantity: Decimal
    months: int
    ratio: Decimal | None
    extra: int | None
    flag: bool | None
    day: date
    ends: date | None
    at: datetime
    codes: tuple[str, ...]
    amounts: tuple[Decimal, ...]
    counts: list[int]
    days: tuple[date, ...]
    tags: dict[str, str]
    limits: dict[str, Decimal]
    maybe: tuple[str, ...] | None


FACTS = describe(Facts)
PARAMETERS: dict[str, Any] = {
    "floor": Decimal("1000.50"),
    "cap": 12,
    "home": "DE",
    "start": date(2026, 1, 31),
    "since": datetime(2026, 1, 31, 12, tzinfo=UTC),
    "open": True,
    "eu": ("DE", "AT", "FR"),
    "steps": [1, Decimal("2.50"), 12],
}
WORDS = ("", "DE", "AT", "CA", "enterprise", "acme", "Acme GmbH", "ß\U0001f600", "a.b", "x\ny", 'quo"te', "\\")


# Facts


def decimals() -> st.SearchStrategy[Decimal]:
    """Numbers that matter to conditions, and odd ones: negative zero, large and small exponents, many digits."""
    odd = [Decimal(text) for text in ("0", "-0", "0E+9", "1E+3", "12.0", "1000.50", "1E-20", "0.1", "0.3", "9" * 60)]
    return st.one_of(
        st.sampled_from(odd),
        st.integers(-20, 20).map(Decimal),
        st.decimals(allow_nan=False, allow_infinity=False),
        st.decimals(-2000, 2000, places=2),
    )


def integers() -> st.SearchStrategy[int]:
    """Small numbers, and numbers of more digits than a decimal context has."""
    return st.one_of(st.integers(-3, 13), st.integers(), st.just(10**70 + 1))


def words() -> st.SearchStrategy[str]:
    """Strings that conditions name, and others."""
    return st.one_of(st.sampled_from(WORDS), st.text(max_size=5))


def dates() -> st.SearchStrategy[date]:
    """Days, the ends of the calendar included."""
    return st.one_of(st.sampled_from([date(2026, 1, 31), date.min, date.max]), st.dates())


def times() -> st.SearchStrategy[datetime]:
    """Moments in several zones, some of them within a change of clocks."""
    zones = st.sampled_from([UTC, timezone(timedelta(hours=-5)), ZoneInfo("Europe/Berlin")])
    edges = [datetime(2026, 1, 31, 13, tzinfo=ZoneInfo("Europe/Berlin")), datetime(2026, 10, 25, 2, 30, tzinfo=UTC)]
    drawn = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=zones, allow_imaginary=False)
    return st.one_of(st.sampled_from(edges), drawn)


@st.composite
def facts(draw: st.DrawFn) -> Any:
    """A facts object: structs, or namespaces with the same attributes."""
    kind: Callable[..., Any] = draw(st.sampled_from([None, SimpleNamespace]))
    contract = (kind or Contract)(
        days=draw(integers()),
        discount=draw(st.none() | decimals()),
        note=draw(st.none() | words()),
        signed=draw(dates()),
    )
    account = (kind or Account)(
        segment=draw(st.sampled_from(["enterprise", "business", "consumer"])),
        name=draw(words()),
        region=draw(st.none() | words()),
        exempt=draw(st.booleans()),
    )
    return (kind or Facts)(
        account=account,
        contract=draw(st.sampled_from([None, contract])),
        quantity=draw(decimals()),
        months=draw(integers()),
        ratio=draw(st.none() | decimals()),
        extra=draw(st.none() | integers()),
        flag=draw(st.none() | st.booleans()),
        day=draw(dates()),
        ends=draw(st.none() | dates()),
        at=draw(times()),
        codes=draw(st.lists(words(), max_size=3).map(tuple)),
        amounts=draw(st.lists(decimals(), max_size=3).map(tuple)),
        counts=draw(st.lists(integers(), max_size=3)),
        days=draw(st.lists(dates(), max_size=3).map(tuple)),
        tags=draw(st.dictionaries(st.sampled_from(["tier", "size", ""]), words(), max_size=2)),
        limits=draw(st.dictionaries(st.sampled_from(["tier", "size", ""]), decimals(), max_size=2)),
        maybe=draw(st.none() | st.lists(words(), max_size=2).map(tuple)),
    )


# Conditions


def quoted(text: str) -> str:
    """A string literal."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


STRINGS = ("account.name", "account.segment", "home", "account.name.as_lower", "account.name.as_upper")
NUMBERS = (
    "quantity",
    "months",
    "floor",
    "cap",
    "account.name.length",
    "codes.length",
    "day.year",
    "at.month",
    "day.day",
)
DATES = ("day", "start")
TIMES = ("at", "since")
BOOLEANS = ("account.exempt", "open", "true", "false", "account.name.is_empty", "counts.is_empty")
NULLABLE = {
    "string": ("account.region", "contract&.note", 'tags&["tier"]', "contract&.note&.as_lower"),
    "number": ("ratio", "extra", "contract&.discount", "contract&.days", 'limits&["size"]', "account.region&.length"),
    "date": ("ends", "contract&.signed"),
    "boolean": ("flag",),
}
LITERALS = {
    "string": st.sampled_from(WORDS).map(quoted),
    "number": st.one_of(
        st.integers(0, 20).map(str),
        st.decimals(0, 2000, places=2).map(str),
        st.sampled_from(["0.1", "0.2", "0.3", "1000.500", "0." + "3" * 45, "9" * 50]),
    ),
    "date": st.sampled_from(['d"2026-01-31"', 'd"0001-01-01"', 'd"9999-12-31"']),
    "datetime": st.sampled_from(
        ['d"2026-01-31T12:00:00Z"', 'd"2026-10-25T02:30:00+02:00"', 'd"2026-01-31T12:00+00:00"']
    ),
    "boolean": st.sampled_from(["true", "false"]),
}
PLAIN = {"string": STRINGS, "number": NUMBERS, "date": DATES, "datetime": TIMES, "boolean": BOOLEANS}
PATTERNS = ("^A", "e$", r"[A-Z]{2}", ".*x", "(DE|AT)?", r"\\w+", "a.b", r"\\d{1,3}")


@st.composite
def value(draw: st.DrawFn, kind: str, depth: int) -> str:
    """An operand of a kind, never null."""
    if depth <= 0:
        return draw(st.one_of(st.sampled_from(PLAIN[kind]), LITERALS[kind]))
    form = draw(st.sampled_from(["plain", "default", "choice", "computed", "computed"]))
    if form == "default" and kind in NULLABLE:
        left = draw(st.sampled_from(NULLABLE[kind]))
        middle = draw(st.sampled_from(["", f" ?? {draw(st.sampled_from(NULLABLE[kind]))}"]))
        return f"({left}{middle} ?? {draw(value(kind, 0))})"
    if form == "choice":
        return f"({draw(condition(depth - 1))} ? {draw(value(kind, depth - 1))} : {draw(value(kind, depth - 1))})"
    if form == "computed" and kind == "number":
        return draw(computed(depth))
    return draw(value(kind, 0))


@st.composite
def computed(draw: st.DrawFn, depth: int) -> str:
    """Arithmetic."""
    left, right = draw(value("number", depth - 1)), draw(value("number", depth - 1))
    form = draw(st.sampled_from(["+", "-", "*", "/", "%", "minus", "abs", "max", "min"]))
    if form == "minus":
        return f"(-{left})"
    if form == "abs":
        return f"$abs({left})"
    if form in ("max", "min"):
        return f"${form}([{left}, {right}])"
    return f"({left} {form} {right})"


@st.composite
def comparison(draw: st.DrawFn, depth: int) -> str:
    """Two operands of one kind."""
    kind = draw(st.sampled_from(["string", "number", "number", "date", "datetime", "boolean"]))
    left, right = draw(value(kind, depth - 1)), draw(value(kind, depth - 1))
    signs = ["==", "!="] if kind == "boolean" else ["==", "!=", "<", "<=", ">", ">="]
    if draw(st.booleans()) and kind in NULLABLE:
        left = draw(st.sampled_from(NULLABLE[kind]))
        signs = ["==", "!="]
    return f"{left} {draw(st.sampled_from(signs))} {right}"


@st.composite
def membership(draw: st.DrawFn, depth: int) -> str:
    """``in`` a list of constants, of operands, a fact, a parameter, a string or a mapping."""
    negated = draw(st.sampled_from(["in", "not in"]))
    kind = draw(st.sampled_from(["string", "number", "date", "text", "fact", "key"]))
    if kind == "text":
        return f"{draw(value('string', depth - 1))} {negated} {draw(value('string', 0))}"
    if kind == "key":
        return f"{draw(value('string', 0))} {negated} {draw(st.sampled_from(['tags', 'limits']))}"
    if kind == "fact":
        inner, name = draw(
            st.sampled_from(
                [
                    ("string", "codes"),
                    ("number", "amounts"),
                    ("number", "counts"),
                    ("date", "days"),
                    ("string", "eu"),
                    ("number", "steps"),
                ]
            )
        )
        return f"{draw(member(inner, depth))} {negated} {name}"
    size = draw(st.sampled_from([1, 2, 3, 12]))
    strategy = value(kind, 0) if draw(st.booleans()) else LITERALS[kind]
    items = ", ".join(draw(strategy) for _ in range(size))
    return f"{draw(member(kind, depth))} {negated} [{items}]"


@st.composite
def member(draw: st.DrawFn, kind: str, depth: int) -> str:
    """What may be in a list: null is in none."""
    return draw(st.one_of(value(kind, depth - 1), st.sampled_from(NULLABLE[kind])))


@st.composite
def guarded(draw: st.DrawFn, depth: int) -> str:
    """A fact that may be null, behind a guard."""
    kind = draw(st.sampled_from(["number", "date"]))
    name = draw(st.sampled_from(NULLABLE[kind]))
    inner = f"{name} {draw(st.sampled_from(['<', '>=', '==']))} {draw(value(kind, depth - 1))}"
    forms = [
        f"{name} != null and {inner}",
        f"({name} == null or {inner})",
        f"not ({name} == null or not {inner})",
        f"({name} == {draw(member(kind, depth))} and {inner})",
        f"({name} in [{draw(value(kind, 0))}] and {inner})",
        f"({name} != null or {draw(condition(0))}) and {inner}",
        f"not ({name} == null and {draw(condition(0))}) and {inner}",
        f"{inner}",
        f"({name} != null ? {inner} : {draw(condition(depth - 1))})",
        f"(contract != null and contract.days > {draw(value('number', depth - 1))})",
        "(maybe != null and account.name in maybe)",
        "(flag != null and flag)",
        "flag == true",
    ]
    return draw(st.sampled_from(forms))


@st.composite
def text_test(draw: st.DrawFn) -> str:
    """Patterns and the beginnings and ends of strings."""
    left = draw(st.sampled_from(STRINGS))
    if draw(st.booleans()):
        sign = draw(st.sampled_from(["=~", "=~~", "!~", "!~~"]))
        return f"{left} {sign} {draw(st.sampled_from(PATTERNS).map(lambda text: chr(34) + text + chr(34)))}"
    return f"{left}.{draw(st.sampled_from(['starts_with', 'ends_with']))}({draw(value('string', 0))})"


@st.composite
def condition(draw: st.DrawFn, depth: int = 3) -> str:
    """A condition, most of them acceptable."""
    if depth <= 0:
        return draw(st.one_of(st.sampled_from(BOOLEANS), comparison(0)))
    form = draw(st.sampled_from(["and", "or", "not", "compare", "member", "guard", "text", "choice", "null", "equal"]))
    if form in ("and", "or"):
        left, right = draw(condition(depth - 1)), draw(condition(depth - 1))
        return draw(
            st.sampled_from([f"{left} {form} {right}", f"({left}) {form} ({right})", f"{left} {form}\n{right}"])
        )
    if form == "not":
        inner = draw(condition(depth - 1))
        return draw(st.sampled_from([f"not {inner}", f"not ({inner})"]))
    if form == "choice":
        return f"({draw(value('boolean', depth))})"
    if form == "null":
        kind = draw(st.sampled_from(sorted(NULLABLE)))
        return f"{draw(st.sampled_from(NULLABLE[kind]))} {draw(st.sampled_from(['==', '!=']))} null"
    if form == "equal":
        return f"({draw(condition(depth - 1))}) {draw(st.sampled_from(['==', '!=']))} ({draw(condition(depth - 1))})"
    if form == "text":
        return draw(text_test())
    return draw({"compare": comparison, "member": membership, "guard": guarded}[form](depth))


def outcome(evaluate: Callable[[Any], Any], thing: Any) -> Any:
    """What an evaluation gives: a truth, or the class of its failure."""
    try:
        found = evaluate(thing)
    except ArithmeticError:
        return "arithmetic"
    except (TypeError, AttributeError):
        return "data"
    assert type(found) is bool
    return found


def compiled(text: str) -> Expression | None:
    """The condition, None if it is refused."""
    try:
        return compile_expression(text, FACTS, PARAMETERS, Where("x.yaml", 1, 1))
    except TollbookError as error:
        assert error.findings
        assert all(finding.code != "rule.refused" for finding in error.findings), f"{text}\n{error}"
        return None


SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SETTINGS
@given(text=condition(), thing=facts())
def test_both_agree(text: str, thing: Any) -> None:
    expression = compiled(text)
    event("accepted" if expression else "refused")
    assume(expression is not None)
    assert expression is not None
    found = outcome(expression.matches, thing)
    event(str(found))
    assert found != "data", f"{text}\n{expression.source}"
    assert found == outcome(expression.oracle, thing), f"{text}\n{expression.source}"


@SETTINGS
@given(text=condition(), thing=facts())
def test_the_parts_together_are_the_whole(text: str, thing: Any) -> None:
    expression = compiled(text)
    assume(expression is not None)
    assert expression is not None
    whole = outcome(expression.matches, thing)
    for part in expression.conjuncts():
        assert part.text in text
        assert part.names <= expression.names
        found = outcome(part.matches, thing)
        assert found == outcome(part.oracle, thing)
        if found is not True:
            assert found == whole
            return
    assert whole is True


@SETTINGS
@given(text=condition(2), thing=facts(), name=st.sampled_from(["quantity", "months", "day", "at", "codes", "account"]))
def test_both_fail_where_a_fact_is_null_or_missing(text: str, thing: Any, name: str) -> None:
    expression = compiled(text)
    assume(expression is not None)
    assert expression is not None
    values = {field: getattr(thing, field) for field in Facts.__struct_fields__}
    broken = SimpleNamespace(**{**values, name: None})
    found, expected = outcome(expression.matches, broken), outcome(expression.oracle, broken)
    if found == "data" and expected != "data":
        assert text.count(name) > 1, "only rule-engine orders null with null"
    else:
        assert found == expected, expression.source
    del broken.__dict__[name]
    assert outcome(expression.matches, broken) == outcome(expression.oracle, broken), expression.source


@st.composite
def equalities(draw: st.DrawFn) -> str:
    """Conditions that say which constants a fact is one of, and others, joined by ``and``."""
    kind = draw(st.sampled_from(["string", "number", "date"]))
    name = draw(st.sampled_from((*PLAIN[kind], *NULLABLE[kind])))
    constants = [draw(LITERALS[kind]) for _ in range(draw(st.integers(1, 3)))]
    forms = [f"{name} == {constants[0]}", f"{constants[0]} == {name}", f"{name} in [{', '.join(constants)}]"]
    forms += ["account.exempt", "not account.exempt", "ratio == null", "flag == false", "contract&.note == null"]
    forms += [draw(condition(0))]
    return " and ".join(draw(st.lists(st.sampled_from(forms), min_size=1, max_size=3)))


@SETTINGS
@given(text=equalities(), thing=facts())
def test_what_is_said_of_equality_is_true(text: str, thing: Any) -> None:
    expression = compiled(text)
    assume(expression is not None)
    assert expression is not None
    held = outcome(expression.matches, thing)
    for path, values in expression.equals:
        found = thing
        for name in path.split("."):
            found = getattr(found, name) if found is not None else None
        if held is True:
            assert found in values
        if len(expression.conjuncts()) == 1:
            assert held == (found in values)


@given(thing=facts(), prec=st.integers(1, 40))
@settings(max_examples=50, deadline=None)
def test_the_decimal_context_of_the_thread_does_not_matter(thing: Any, prec: int) -> None:
    expression = compiled("quantity * 3 / 7 - months > -1.234567890123456789012345678901234567890")
    assert expression is not None
    before = outcome(expression.matches, thing)
    with decimal.localcontext(prec=prec):
        again = compiled(expression.text)
        assert again is not None
        assert outcome(again.matches, thing) == outcome(expression.matches, thing) == before
        assert outcome(again.oracle, thing) == outcome(expression.oracle, thing) == before


MIXED = [
    "quantity",
    "months",
    "ratio",
    '"DE"',
    "account.segment",
    "5",
    "true",
    "null",
    "day",
    "codes",
    "contract",
    "flag",
]
GLUE = ["==", "!=", "<", "in", "and", "or", "+", "-", "/", "%", "??", "? true :", "=~", ".length", "&.length", "not in"]


@SETTINGS
@given(
    st.lists(
        st.tuples(st.sampled_from(["", "", "not ", "("]), st.sampled_from(MIXED), st.sampled_from(GLUE)), max_size=5
    ),
    facts(),
)
@example([("", "ratio", "??"), ("", "5", ">")], None)
def test_nonsense_is_refused_with_a_place_or_agrees(pieces: list[tuple[str, str, str]], thing: Any) -> None:
    text = " ".join(f"{before}{word} {glue}" for before, word, glue in pieces) + " account.exempt"
    text += ")" * text.count("(")
    try:
        expression = compile_expression(text, FACTS, PARAMETERS, Where("x.yaml", 7, 5))
    except TollbookError as error:
        for finding in error.findings:
            assert finding.where.line == 7
            assert 5 <= finding.where.column <= 5 + len(text)
            assert finding.code != "rule.refused", f"{text}\n{error}"
    else:
        assert outcome(expression.matches, thing) == outcome(expression.oracle, thing), f"{text}\n{expression.source}"


CONSTRUCTS = [
    'account.name == "Acme GmbH"',
    'account.name != "Acme GmbH"',
    'account.name < "B"',
    'account.segment in ["enterprise", "consumer"]',
    'account.segment not in ["enterprise"]',
    'account.region == "CA"',
    'account.region != "CA"',
    'account.region in ["CA", "NY"]',
    'account.region not in ["CA", "NY"]',
    "account.region == null",
    "account.region != null",
    '"e G" in account.name',
    '"e G" not in account.name',
    'account.name =~ "cme"',
    'account.name =~ "A"',
    'account.name =~~ "cme"',
    'account.name !~ "A"',
    'account.name !~~ "cme"',
    'account.name.starts_with("Ac")',
    'account.name.ends_with("bH")',
    'account.name.as_lower == "acme gmbh"',
    'account.name.as_upper == "ACME GMBH"',
    "account.name.is_empty",
    "account.name.length > 3",
    "codes.is_empty",
    "codes.length == 2",
    "quantity == 12",
    "quantity != 12.00",
    "quantity < floor",
    "quantity <= 12",
    "quantity > 12",
    "quantity >= 12",
    "quantity in [12, 1000.5]",
    "quantity in [1, 2, 3, 4, 5, 6, 7, 8, 12]",
    "months not in [1, 2, 12]",
    "months in steps",
    "quantity in amounts",
    "months in counts",
    "quantity + months > 20",
    "quantity - months > 0",
    "quantity * months > 100",
    "months / 5 > 2",
    "months % 5 == 2",
    "-7 % months == -7",
    "-months < -5",
    "$abs(0 - months) == 12",
    "$max([quantity, months, 3]) == 12",
    "$min([quantity, months, 3]) == 3",
    "extra == 5",
    "(ratio ?? 7) > 5",
    "(ratio ?? extra ?? 7) > 5",
    "ratio != null and ratio > 5",
    "ratio == null or ratio > 5",
    "ratio == extra",
    "flag == true",
    "flag != true",
    "(flag ?? true) == false",
    "account.exempt == (months > 3)",
    "not account.exempt",
    "not (account.exempt and months > 3)",
    "account.exempt or months > 3 and quantity > 12",
    "account.exempt ? months > 3 : quantity > 12",
    "(account.exempt ? months : quantity) > 11",
    "contract == null",
    "contract != null and contract.days > 20",
    "(contract&.days ?? 0) > 20",
    "(contract&.note&.length ?? 9) > 5",
    'tags&["tier"] == "gold"',
    'tags&["tier"] == null',
    '"tier" in tags',
    '(limits&["tier"] ?? 0) > 5',
    '"DE" in codes',
    "day == start",
    'day < d"2026-01-01"',
    "day in days",
    "day not in days",
    "day.year == 2026",
    "day.month == 1",
    "day.day == 31",
    "ends == start",
    "at >= since",
    'at == d"2026-01-31T13:00:00+01:00"',
    "at.month == 1",
    'maybe != null and "DE" in maybe',
]


def _pick(index: int, *values: Any) -> Any:
    return values[index % len(values)]


def matrix() -> list[Facts]:
    """Facts that make every construct true at least once and false at least once."""
    berlin = datetime(2026, 1, 31, 13, tzinfo=ZoneInfo("Europe/Berlin"))
    contracts = (None, Contract(30, Decimal(7), "a longer note", date(2026, 1, 31)), Contract(7, None, "x", date.min))
    out = []
    for index in range(12):
        pick = functools.partial(_pick, index)
        out.append(
            Facts(
                Account(
                    pick("enterprise", "business", "consumer"),
                    pick("Acme GmbH", "", "Bcme Gm", "cme"),
                    pick(None, "CA", "TX"),
                    pick(True, False, False),
                ),
                pick(*contracts),
                Decimal(pick("12.000", "1000.50", "-3", "1E+3")),
                pick(12, 1, 7),
                pick(None, Decimal(5), Decimal("5.1"), None),
                pick(5, None, 9),
                pick(None, True, False),
                pick(date(2026, 1, 31), date(2025, 12, 1)),
                pick(None, date(2026, 1, 31)),
                pick(berlin, datetime(2025, 12, 1, tzinfo=UTC)),
                pick((), ("DE", "x"), ("x",)),
                pick((Decimal(12),), ()),
                pick([12], [], [3]),
                pick((date(2026, 1, 31),), ()),
                pick({}, {"tier": "gold"}, {"tier": ""}),
                pick({"tier": Decimal(9)}, {}),
                pick(None, ("DE",), ()),
            )
        )
    return out


@pytest.mark.parametrize("text", CONSTRUCTS)
def test_every_construct_agrees_and_can_be_true_and_false(text: str) -> None:
    expression = compiled(text)
    assert expression is not None
    found = [expression.matches(thing) for thing in matrix()]
    assert found == [expression.oracle(thing) for thing in matrix()]
    assert set(found) == {True, False}


@pytest.mark.parametrize(
    "text",
    [
        "0.1 + 0.2 == 0.3",
        f"{'1' * 40}.5 != {'1' * 40}.4",
        f"-{'1' * 45}.5 == 0 - {'1' * 45}.5",
        "1 / 3 * 3 != 1",
        "-7 % 3 == -1",
        "5.0 == 5 and 5.0 in [5]",
        "months / 8 == 1.5",
        '"" in account.name and account.name.starts_with("")',
        'account.region != "CA" and account.region not in ["CA"]',
    ],
)
def test_values_that_are_easily_wrong(text: str) -> None:
    thing = SimpleNamespace(months=12, account=SimpleNamespace(name="Acme", region=None))
    expression = compiled(text)
    assert expression is not None
    assert expression.matches(thing) is True
    assert expression.oracle(thing) is True
