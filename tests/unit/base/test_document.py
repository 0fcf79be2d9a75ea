"""YAML with positions, shapes, and what is said of mistakes in them."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.document import Document, Shape, json_schema, parse, validate
from engine.base.errors import Finding, TollbookError, Where
from engine.base.units import KINDS, Kind, Unfit


def wrong(text: str | bytes) -> list[Finding]:
    with pytest.raises(TollbookError) as raised:
        parse(text, "f.yaml")
    return list(raised.value.findings)


def short(findings: list[Finding]) -> list[str]:
    return [f"{f.where.line}:{f.where.column} {f.code.removeprefix('document.')}: {f.what}" for f in findings]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("True", "True"),
        ("yes", "yes"),
        ("NO", "NO"),
        ("on", "on"),
        ("off", "off"),
        ("12:30", "12:30"),
        ("190:20:30", "190:20:30"),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        (".5", ".5"),
        ("1.", "1."),
        (".inf", ".inf"),
        ("0", 0),
        ("-12", -12),
        ("+7", 7),
        ("0.10", Decimal("0.10")),
        ("-1.5", Decimal("-1.5")),
        ("9" * 31, "9" * 31),
        ("2026-01-31", date(2026, 1, 31)),
        ("2026-1-31", "2026-1-31"),
        ("2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z"),
        ('"12"', "12"),
        ("'true'", "true"),
        ("!!str 12", "12"),
        ("!!int 12", 12),
        ("!!float 1.5", Decimal("1.5")),
        ("!!bool true", True),
        ("0.10 USD", "0.10 USD"),
        ("[1, a, [b]]", [1, "a", ["b"]]),
        ("{a: 1, b: {c: d}}", {"a": 1, "b": {"c": "d"}}),
    ],
)
def test_values(text: str, value: Any) -> None:
    found = parse(f"key: {text}", "f.yaml").data["key"]
    assert (found, type(found)) == (value, type(value))


def test_keys_are_texts() -> None:
    document = parse("NO: 1\n010: 2\ntrue: 3\n2026-01-01: 4\n~: 5", "f.yaml")
    assert list(document.data) == ["NO", "010", "true", "2026-01-01", "~"]


@given(st.text(max_size=40))
def test_no_text_gives_a_float_or_another_error(text: str) -> None:
    def check(value: Any) -> None:
        assert type(value) in (str, int, Decimal, bool, type(None), date, list, dict)
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            check(item)

    try:
        check(parse(text, "f.yaml").data)
    except TollbookError as error:
        assert all(finding.what for finding in error.findings)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n\t- b", "2:1 syntax: a tab is used to indent"),
        ("a: [1,", "2:1 syntax: a value is missing"),
        ('a: "x', "1:6 syntax: a quoted text is not closed"),
        ("a: b: c", "1:5 syntax: a colon stands where no key can be"),
        ("a: *z", "1:4 syntax: an alias without its anchor"),
        ("- a\nb: c", "2:1 syntax: this line is not an item of the list above it"),
        ("rules:\n  - id: a\n   when: b", "3:4 syntax: this line is not an item of the list above it"),
        ("a: @x", "1:4 syntax: this character cannot begin a value"),
        ("a: {x: 1\nb: 2", "2:2 syntax: a bracket is not closed"),
        ('a: "\\q"', "1:5 syntax: a backslash in double quotes"),
        ("a: 1\n---\nb: 1", "2:1 syntax: a second document begins"),
        ("ok: 1\na: \x01", "2:4 syntax: a control character"),
        (b"a: 1\nb: \xff", "2:0 syntax: the file is not UTF-8"),
        ("a: 1\nb: {c: 1, c: 2}", "2:11 double-key: the key 'c' stands twice"),
        ("a: !foo x", "1:4 unsupported: the tag !foo is not used here"),
        ("a: !!int x", "1:4 unsupported: the tag !!int is not used here"),
        ("a: !!python/object:os.x {}", "1:4 unsupported: the tag !!python/object:os.x is not used here"),
        ("<<: {a: b}", "1:1 unsupported: the merge key << is not used here"),
        ("? [a]\n: b", "1:3 unsupported: a key is a list or a mapping"),
        ("a: &a [*a]", "1:4 too-large: this value holds itself by an alias"),
        ("[" * 100_000, "0:0 too-large: values are nested more than 60 deep"),
    ],
)
def test_mistakes_of_yaml(text: str | bytes, expected: str) -> None:
    assert short(wrong(text)) == [expected]


def test_all_mistakes_are_told_in_one_go() -> None:
    text = "a: 1\na: 2\nb: !x y\n<<: {}\nd: {e: 1, e: 2}\n"
    assert short(wrong(text)) == [
        "2:1 double-key: the key 'a' stands twice",
        "3:4 unsupported: the tag !x is not used here",
        "4:1 unsupported: the merge key << is not used here",
        "5:11 double-key: the key 'e' stands twice",
    ]


def test_aliases_are_followed_and_bounded() -> None:
    assert parse("a: &x {b: 1}\nc: *x", "f").data == {"a": {"b": 1}, "c": {"b": 1}}
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 40)]
    assert short(wrong("\n".join(lines))) == ["6:5 too-large: this value grows to more than 1,000,000 values"]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_positions(mark: str) -> None:
    text = mark + "# head\nrules:\n  - id: a\n    then: {unit: [1 USD]}\n  - {id: b}\nempty:\n"
    document = parse(text.encode(), "f.yaml")
    places = {
        (): "2:1",
        ("rules",): "3:3",
        ("rules", 0): "3:5",
        ("rules", 0, "then"): "4:11",
        ("rules", 0, "then", "unit", 0): "4:19",
        ("rules", 1, "id"): "5:10",
        ("empty",): "6:1",
        ("rules", 1, "nothing", "here"): "5:5",
        ("nothing",): "2:1",
    }
    assert {path: str(document.where(path)).removeprefix("f.yaml:") for path in places} == places
    assert document.where_key(("rules", 0, "then")) == Where("f.yaml", 4, 5)
    assert document.where_key(("rules", 1)) == Where("f.yaml", 5, 5)
    assert parse("", "f.yaml").where(("x",)) == Where("f.yaml", 1, 1)


@pytest.mark.parametrize(
    "text",
    [
        "when: one two three",
        "when: 'one two three'",
        'when: "one two three"',
        "when: >\n  one\n  two\n  three\n",
        "when: |\n    one\n    two three\n",
        "when: >-\n\n  one\n\n  two\n  three",
        "when:\n  one\n    two\n  three",
        "when: 'one\n  two three'",
    ],
)
def test_places_inside_texts(text: str) -> None:
    document = parse(text, "f.yaml")
    locate = document.locate(("when",))
    value = document.data["when"]
    lines = text.splitlines()
    for word in ("one", "two", "three"):
        where = locate(value.index(word))
        assert lines[where.line - 1][where.column - 1 :].startswith(word)
    end = locate(len(value.rstrip()))
    assert lines[end.line - 1][: end.column - 1].endswith("three")


SCHEMA: dict[str, Any] = {
    "name": {"type": "string", "required": True},
    "price": {"type": "price", "min": 0},
    "share": {"type": "percent", "default": "19 %", "max": 1},
    "count": {"type": "integer", "min": 1, "max": 10},
    "wait": {"type": "days"},
    "since": {"type": "date"},
    "round": {"type": "rounding"},
    "when": {"type": "expression"},
    "mode": {"type": "string", "allowed": ["first", "unique"]},
    "modes": {"type": "list", "allowed": ["first", "unique"]},
    "limits": {"type": "dict", "keysrules": {"regex": "[A-Z]+"}, "valuesrules": {"type": "decimal"}},
    "tiers": {
        "type": "list",
        "minlength": 1,
        "schema": {
            "type": "dict",
            "schema": {"up_to": {"type": "decimal"}, "unit": {"type": "price", "required": True}},
        },
    },
    "either": {
        "anyof": [
            {"type": "price"},
            {"type": "percent"},
            {"type": "dict", "schema": {"kind": {"type": "string", "required": True}}},
        ]
    },
    "one": {"type": "string", "excludes": ["other"]},
    "other": {"type": "string", "dependencies": ["mode"]},
    "note": {"type": ["string", "integer"], "nullable": True},
    "code": {"type": "string", "regex": "[a-z]+", "maxlength": 5},
}


def read(text: str, schema: dict[str, Any] = SCHEMA) -> tuple[dict[str, Any], list[Finding]]:
    return validate(parse(text, "f.yaml"), schema)


def test_good_data_is_made_ready() -> None:
    text = (
        "name: x\nprice: [0.10 USD, 12 JPY]\ncount: 3\nwait: 3 days\nsince: '2026-01-31'\nround: half_even\n"
        "when: true\ntiers: [{up_to: 5, unit: 1 EUR}, {unit: 0.5 EUR}]\neither: 5 %\nnote:\nlimits: {A: 1.5}\n"
        "modes: [first]\ncode: abc"
    )
    ready, findings = read(text)
    assert findings == []
    assert ready == {
        "name": "x",
        "price": {"USD": Decimal("0.10"), "JPY": Decimal(12)},
        "share": Decimal("0.19"),
        "count": 3,
        "wait": 3,
        "since": date(2026, 1, 31),
        "round": "half_even",
        "when": "true",
        "tiers": [{"up_to": Decimal(5), "unit": {"EUR": Decimal(1)}}, {"unit": {"EUR": Decimal("0.5")}}],
        "either": Decimal("0.05"),
        "note": None,
        "limits": {"A": Decimal("1.5")},
        "modes": ["first"],
        "code": "abc",
    }
    assert type(ready["tiers"][0]["up_to"]) is Decimal


MISTAKES = [
    ("count: 3", "1:1 missing-key: the file has no 'name'", "", "add the key 'name'"),
    ("name: x\nmode: first\ncmode: a", "3:1 unknown-key: unknown key 'cmode'", "", "did you mean 'code'?"),
    ("nme: x\nname: y", "1:1 unknown-key: unknown key 'nme'", "", "did you mean 'name'?"),
    ("name: 5", "1:7 wrong-type: 'name' is the number 5", "expected a text", ""),
    ("name:", "1:1 wrong-type: 'name' has no value", "", "write a value, or remove the key"),
    (
        "name: x\nprice: 0.10",
        "2:8 wrong-type: 'price' is the number 0.10, without a currency",
        "expected an amount with its currency such as 0.10 USD, or a list of them",
        "write the currency behind it, such as 0.10 EUR",
    ),
    (
        "name: x\nprice: 1 usd",
        "2:8 wrong-type: 'price' names 'usd', which is not a currency",
        "expected an amount with its currency such as 0.10 USD, or a list of them",
        "did you mean 'USD'?",
    ),
    ("name: x\nprice: [1 EUR, -2 USD]", "2:8 wrong-value: 'price' is 1 EUR, -2 USD", "the least is 0", ""),
    (
        "name: x\nprice: 0.1234567891 USD",
        "2:8 wrong-type: 'price' has 10 digits after the point",
        "expected an amount with its currency such as 0.10 USD, or a list of them",
        "a price has at most 9",
    ),
    (
        "name: x\nshare: 19",
        "2:8 wrong-type: 'share' is the number 19",
        "expected a percentage such as 19 %",
        "write the sign behind it, such as 19 %",
    ),
    ("name: x\nshare: 101 %", "2:8 wrong-value: 'share' is 101 %", "the most is 100 %", ""),
    ("name: x\ncount: true", "2:8 wrong-type: 'count' is true", "expected a whole number", ""),
    ("name: x\ncount: 11", "2:8 wrong-value: 'count' is 11", "the most is 10", ""),
    (
        "name: x\nwait: 3",
        "2:7 wrong-type: 'wait' is the number 3",
        "expected a number of days such as 3 days",
        "write the unit behind it, such as 3 days",
    ),
    (
        "name: x\nround: halfup",
        "2:8 wrong-type: 'round' is the text 'halfup'",
        "expected one of half_up, half_even, half_down, up, down, ceiling, floor",
        "did you mean 'half_up'?",
    ),
    (
        "name: x\nmode: frist",
        "2:7 wrong-value: 'mode' is the text 'frist'",
        "expected one of first, unique",
        "did you mean 'first'?",
    ),
    (
        "name: x\nmodes: [first, uniq]",
        "2:8 wrong-value: 'modes' is the text 'uniq'",
        "expected one of first, unique",
        "did you mean 'unique'?",
    ),
    ("name: x\nlimits: {a: 1}", "2:10 wrong-value: the key 'a' is the text 'a'", "it must match [A-Z]+", ""),
    (
        "name: x\nlimits: {A: b}",
        "2:13 wrong-type: 'A' is the text 'b'",
        "expected a number",
        "write digits with a point, such as 12.50",
    ),
    ("name: x\ntiers: []", "2:8 wrong-value: 'tiers' is empty", "the least is 1", ""),
    (
        "name: x\ntiers:\n  - up_to: 5\n  - 7",
        "3:5 missing-key: item 1 of 'tiers' has no 'unit'",
        "",
        "add the key 'unit'",
    ),
    (
        "name: x\ntiers:\n  - {unit: 1 EUR, upto: 5}",
        "3:19 unknown-key: unknown key 'upto'",
        "",
        "did you mean 'up_to'?",
    ),
    (
        "name: x\neither: {kin: a}",
        "2:1 missing-key: 'either' has no 'kind'",
        "",
        "add the key 'kind'",
    ),
    (
        "name: x\neither: 5",
        "2:9 wrong-type: 'either' is the number 5",
        "expected an amount with its currency such as 0.10 USD, or a list of them or a percentage such as 19 % or "
        "a mapping of keys and values",
        "",
    ),
    (
        "name: x\none: a\nother: b\nmode: first",
        "2:6 conflict: 'one' stands beside 'other'",
        "only one may be given",
        "keep one of them",
    ),
    ("name: x\nother: b", "2:8 conflict: 'other' needs 'mode'", "", "write it, or remove this key"),
    ("name: x\nnote: [1]", "2:7 wrong-type: 'note' is a list", "expected a text or a whole number", ""),
    ("name: x\ncode: A1", "2:7 wrong-value: 'code' is the text 'A1'", "it must match [a-z]+", ""),
    ("name: x\ncode: abcdef", "2:7 wrong-value: 'code' has 6 characters", "the most is 5", ""),
    ("[]", "1:1 wrong-type: the file is an empty list", "expected keys and values", ""),
    ("", "1:1 wrong-type: the file is empty", "expected keys and values", ""),
]


@pytest.mark.parametrize(("text", "what", "why", "mend"), MISTAKES, ids=[case[1] for case in MISTAKES])
def test_mistakes_of_shape(text: str, what: str, why: str, mend: str) -> None:
    findings = read(text)[1]
    assert what in short(findings)
    first = findings[short(findings).index(what)]
    assert (first.why, first.mend) == (why, mend)


def test_many_mistakes_come_in_the_order_of_the_file() -> None:
    text = "nme: x\nprice: 1\ncount: 0\ntiers:\n  - {unit: 2}\n  - {}\nmode: x\n"
    assert [str(f.where) for f in read(text)[1]] == [
        "f.yaml:1:1",
        "f.yaml:1:1",
        "f.yaml:2:8",
        "f.yaml:3:8",
        "f.yaml:5:12",
        "f.yaml:6:5",
        "f.yaml:7:7",
    ]


def test_a_part_and_changed_data() -> None:
    document = parse("outer:\n  inner: {name: x, count: $n}", "f.yaml")
    ready, findings = validate(document, SCHEMA, ("outer", "inner"), data={"name": "x", "count": 99}, whole="'inner'")
    assert short(findings) == ["2:27 wrong-value: 'count' is 99"]
    assert (
        validate(document, SCHEMA, ("outer", "inner"), data={}, whole="'inner'")[1][0].what == "'inner' has no 'name'"
    )
    assert ready["count"] == 99


def test_further_kinds() -> None:
    def months(value: Any) -> int:
        match = re.fullmatch(r"(\d+) months?", value) if isinstance(value, str) else None
        if not match:
            raise Unfit(f"is {value}")
        return int(match[1])

    kinds = {"months": Kind("a number of months such as 3 months", months, {"type": "string"})}
    shape = Shape({"term": {"type": "months", "max": 12}}, kinds)
    assert validate(parse("term: 3 months", "f"), shape) == ({"term": 3}, [])
    assert validate(parse("term: 13 months", "f"), shape)[1][0].what == "'term' is 13 months"
    assert validate(parse("term: x", "f"), shape)[1][0].why == "expected a number of months such as 3 months"


@pytest.mark.parametrize(
    ("schema", "what"),
    [
        ({"a": {"type": "prise"}}, "a schema names the type 'prise'"),
        ({"a": {"tipe": "price"}}, "the schema of 'a' has the rule 'tipe'"),
        ({"a": "price"}, "the schema of 'a' is 'price'"),
        ({"a": {"schema": {}}}, "the schema of 'a' has 'schema' without a type"),
        ({"a": {"anyof": [{"excludes": ["b"]}]}}, "the schema of 'a' has 'excludes' in an alternative"),
        ({"a": {"coerce": "int"}}, "the schema of 'a' has the rule 'coerce'"),
    ],
)
def test_bad_schemas(schema: dict[str, Any], what: str) -> None:
    with pytest.raises(TollbookError) as raised:
        Shape(schema)
    assert (raised.value.findings[0].code, raised.value.findings[0].what) == ("document.bad-schema", what)


def test_what_only_cerberus_finds_wrong_with_a_schema() -> None:
    with pytest.raises(TollbookError, match=r"document\.bad-schema"):
        Shape({"a": {"type": "string", "excludes": {}}}).read({"a": 1})


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 12)
    | st.sampled_from(["x", "first", "1 EUR", "-1 EUR", "5 %", "3 days", "half_up", "", "2026-01-01", "1.5"])
    | st.decimals(-2, 12, places=1)
    | st.just(date(2026, 1, 1)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["up_to", "unit", "kind", "A", "a"]), inner, max_size=3)
    ),
    max_leaves=5,
)
plain_schema = {key: rules for key, rules in SCHEMA.items() if key not in ("one", "other")}


@given(st.dictionaries(st.sampled_from([*SCHEMA, "odd"]), values, max_size=4))
def test_the_fast_reader_and_cerberus_agree(data: dict[str, Any]) -> None:
    """What the compiled functions take without a doubt cerberus takes too, and the other way round."""
    shape = Shape(plain_schema)
    doubts: list[Any] = []
    shape._read(data, doubts)
    judge = shape._new_judge()
    assert judge.validate(data, normalize=False) is (not doubts)


def test_every_kind_reads_what_its_words_show() -> None:
    for name, kind in KINDS.items():
        for example in re.findall(r"such as ([^,]+)", kind.words):
            assert kind.read(example) is not None, name


def test_json_schema() -> None:
    schema = json_schema({**SCHEMA, "name": {**SCHEMA["name"], "meta": {"description": "a name"}}})
    assert schema["required"] == ["name"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["name"] == {"type": "string", "description": "a name"}
    assert schema["properties"]["count"] == {"type": "integer", "minimum": 1, "maximum": 10}
    assert schema["properties"]["mode"] == {"type": "string", "enum": ["first", "unique"]}
    assert schema["properties"]["tiers"]["items"]["required"] == ["unit"]
    assert len(schema["properties"]["either"]["anyOf"]) == 3
    assert {"type": "null"} in schema["properties"]["note"]["anyOf"]
    assert json.loads(json.dumps(schema)) == schema
    with_parameters = json_schema({"count": {"type": "integer"}}, parameters=True)
    assert with_parameters["properties"]["count"]["anyOf"][1]["pattern"].startswith(r"^\$")


def test_a_document_says_where_it_stands() -> None:
    document = parse("a: 1", "f.yaml")
    assert isinstance(document, Document)
    assert (document.file, document.data) == ("f.yaml", {"a": 1})


@pytest.mark.parametrize(
    ("kind", "text", "mend"),
    [
        ("percent", "0.19", "write the sign behind it, such as 19 %"),
        ("percent", "0.075", "write the sign behind it, such as 7.5 %"),
        ("percent", "7", "write the sign behind it, such as 7 %"),
        ("price", "[0,100 EUR, 12 USD]", "a comma parts the items of a list; write 0.100 EUR and 31000 JPY"),
        ("price", "[31,000 JPY]", "a comma parts the items of a list; write 0.100 EUR and 31000 JPY"),
    ],
)
def test_the_mend_is_what_was_meant(kind: str, text: str, mend: str) -> None:
    """A share without its sign and a comma in an amount are common: what to write must not be another price."""
    _, findings = validate(parse(f"x: {text}", "f.yaml"), {"x": {"type": kind}})
    assert [finding.mend for finding in findings] == [mend]
