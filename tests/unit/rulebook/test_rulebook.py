"""Rule books: eras, hit policies, layering, indexing, releases, traces, and what is said where nothing answers."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import TollbookError
from engine.model.decision import Decision
from engine.rulebook.rulebook import RuleBook, compile_book, places, read
from engine.rulebook.trace import ask
from tests.unit.rulebook.example import DAY, FAMILIES, Account, book, facts


def label(rules: RuleBook, **given: Any) -> str:
    on = given.pop("on", DAY)
    return str(rules.decide("labels", facts(**given), on).terms["label"])


def refused(*texts: str, **more: Any) -> str:
    with pytest.raises(TollbookError) as raised:
        book(*texts, **more)
    return str(raised.value)


def test_the_first_rule_that_applies_answers() -> None:
    rules = book(
        """
rules:
  - {id: large, when: quantity > 100, then: {label: large}}
  - {id: some, when: quantity > 10, then: {label: some}}
  - {id: other, then: {label: other}}
"""
    )
    assert [label(rules, quantity=n) for n in (1000, 100, 5)] == ["large", "some", "other"]


def test_the_highest_priority_answers() -> None:
    rules = book(
        """
hit: priority
rules:
  - {id: low, then: {label: low}}
  - {id: high, when: quantity > 10, priority: 9, then: {label: high}}
  - {id: middle, when: quantity > 5, priority: 5, then: {label: middle}}
"""
    )
    assert [label(rules, quantity=n) for n in (100, 7, 1)] == ["high", "middle", "low"]


UNIQUE = """
hit: unique
rules:
  - {id: small, when: quantity < 10, then: {label: small}}
  - {id: large, when: quantity > 5, then: {label: large}}
"""


def test_two_rules_of_a_unique_set_are_refused_when_both_apply() -> None:
    rules = book(UNIQUE, lint=False)
    assert [label(rules, quantity=n) for n in (1, 100)] == ["small", "large"]
    with pytest.raises(TollbookError) as raised:
        label(rules, quantity=7)
    assert str(raised.value) == (
        "rules/labels/s0.yaml:6:5: error: the rules 'small' and 'large' of labels/s0 both apply [rule.not-unique]\n"
        "    why: the rule set says 'hit: unique'\n"
        "    mend: narrow one of them (the first is at rules/labels/s0.yaml:5:5), or choose another hit policy"
    )
    with pytest.raises(TollbookError, match="both apply"):
        rules.decide_all("labels", facts(quantity=7), DAY)


def test_all_rules_of_a_collecting_set_answer() -> None:
    rules = book(
        """
hit: collect
scope: charge.meter == "calls"
rules:
  - {id: a, when: quantity > 1, then: {label: a}}
  - {id: b, when: quantity > 5, then: {label: b}}
  - {id: c, when: quantity > 9, then: {label: c}}
""",
        "priority: -1\nrules:\n  - {id: rest, then: {label: rest}}\n  - {id: never, then: {label: never}}\n",
    )

    def labels(**given: Any) -> list[str]:
        return [str(d.terms["label"]) for d in rules.decide_all("labels", facts(**given), DAY)]

    assert labels(quantity=7) == ["a", "b"]
    assert label(rules, quantity=7) == "a"
    assert labels(quantity=1) == ["rest"]
    assert labels(quantity=7, meter="mails") == ["rest"]


def test_rule_sets_of_a_higher_priority_are_asked_first_and_need_only_their_exceptions() -> None:
    rules = book(
        "rules:\n  - {id: all, then: {label: standard}}\n",
        'priority: 10\nrules:\n  - {id: some, when: account.country == "AT", then: {label: special}}\n',
    )
    assert [label(rules, country=c) for c in ("DE", "AT")] == ["standard", "special"]


def test_rules_come_into_force_and_go() -> None:
    rules = book(
        "effective: {to: 2026-03-01}\nrules:\n  - {id: a, then: {label: old}}\n",
        "effective: {from: 2026-03-01, to: 2026-06-01}\nrules:\n  - {id: a, then: {label: new}}\n",
        "priority: 1\neffective: {from: 2026-02-01, to: 2026-04-01}\n"
        "rules:\n  - {id: a, when: quantity > 5, then: {label: campaign}}\n",
    )
    days = [
        date(2026, 1, 31),
        date(2026, 2, 1),
        date(2026, 2, 28),
        date(2026, 3, 1),
        date(2026, 4, 1),
        date(2026, 5, 31),
    ]
    assert [label(rules, quantity=9, on=on) for on in days] == ["old", "campaign", "campaign", "campaign", "new", "new"]
    assert [label(rules, quantity=1, on=on) for on in days] == ["old", "old", "old", "new", "new", "new"]
    assert [each.name for each in rules.in_force("labels", date(2026, 3, 5))] == ["labels/s2", "labels/s1"]
    with pytest.raises(TollbookError, match=r"no rule of labels answers on 2026-06-01 \[rule.no-answer\]"):
        label(rules, on=date(2026, 6, 1))


def test_each_day_finds_its_era() -> None:
    rules = book("effective: {from: 2026-01-01, to: 2026-01-03}\nrules:\n  - {id: a, then: {label: x}}\n")
    for offset in range(-2, 5):
        on = date(2026, 1, 1) + timedelta(offset)
        if 0 <= offset < 2:
            assert label(rules, on=on) == "x"
        else:
            with pytest.raises(TollbookError):
                label(rules, on=on)


OVER = "rules:\n  - {id: a, then: {label: x}}\n"


@pytest.mark.parametrize(
    ("one", "other", "refuse"),
    [
        ("", "", True),
        ('scope: charge.meter == "a"\n', 'scope: charge.meter == "b"\n', False),
        ('scope: charge.meter == "a"\n', "", True),
        ('scope: charge.meter in ["a", "b"]\n', 'scope: charge.meter in ["b", "c"]\n', True),
        ('scope: charge.meter == "a" and quantity > 5\n', 'scope: charge.meter == "a" and quantity < 5\n', False),
        ('scope: charge.meter == "a" and quantity > 5\n', 'scope: charge.meter == "a" and quantity < 6\n', True),
        ('scope: quantity > 5 or charge.meter == "a"\n', 'scope: quantity <= 5 and charge.meter != "a"\n', False),
        ("scope: quantity * 2 > 5\n", "scope: not (quantity * 2 > 5)\n", False),
        ("scope: quantity * 2 > 5\n", "scope: quantity * 2 < 5\n", True),
        ('scope: parent != null and parent.country == "DE"\n', "scope: parent == null\n", False),
        ('scope: parent&.country == "DE"\n', 'scope: parent&.country == "FR"\n', False),
        ('scope: charge.meter == "a"\n', 'scope: account.country == "DE"\n', True),
        ('scope: charge.meter == "a"\n', 'scope: account.country == "DE" and charge.meter == "b"\n', False),
        ("priority: 1\n", "", False),
        ("effective: {to: 2026-01-01}\n", "effective: {from: 2026-01-01}\n", False),
        ("effective: {to: 2026-01-02}\n", "effective: {from: 2026-01-01}\n", True),
    ],
)
def test_rule_sets_that_may_both_answer_are_refused(one: str, other: str, refuse: bool) -> None:
    if refuse:
        assert "labels/s1 and labels/s0 may both answer for the same facts [rule.overlap]" in refused(
            one + OVER, other + OVER
        )
    else:
        assert len(book(one + OVER, other + OVER).rulesets) == 2


MANY = "\n".join(
    ["rules:"]
    + [
        f"  - {{id: r{n}, when: 'account.country == \"{country}\" and quantity > {n % 3}', then: {{label: l{n}}}}}"
        for n, country in enumerate(["DE", "FR", "AT", "CH", "IT", "ES", "DE", "FR", "PL", "NL", "BE", "DE"])
    ]
    + ['  - {id: two, when: \'account.country in ["SE", "NO"] and charge.meter == "calls"\', then: {label: two}}']
    + ["  - {id: rest, when: quantity > 7, then: {label: rest}}", ""]
)


def interpreted(rules: RuleBook, thing: Any) -> str | None:
    hits = [a for a in ask(rules.in_force("labels", DAY), thing) if a.failed is None]
    return hits[0].name if hits else None


def compiled(rules: RuleBook, thing: Any) -> str | None:
    try:
        decision = rules.decide("labels", thing, DAY)
    except TollbookError as error:
        assert error.findings[0].code == "rule.no-answer"
        return None
    return f"{decision.ruleset}#{decision.rule}"


def test_looking_facts_up_changes_no_answer() -> None:
    rules = book(MANY, "priority: 3\n" + MANY.replace("label: l", "label: m").replace('"DE"', '"LU"'))
    countries = ["DE", "FR", "AT", "CH", "IT", "ES", "PL", "NL", "BE", "SE", "NO", "LU", "XX"]
    for country, meter, quantity in itertools.product(countries, ["calls", "x"], range(9)):
        thing = facts(country=country, meter=meter, quantity=quantity)
        assert compiled(rules, thing) == interpreted(rules, thing)


conditions = st.sampled_from(
    [
        "",
        'account.country == "DE"',
        'account.country in ["DE", "FR"]',
        'account.country in ["DE", "FR"] and account.country in ["FR", "AT"]',
        'charge.meter == "calls"',
        'charge.meter == "calls" and account.segment == "private"',
        'account.segment == "business" and quantity > 3',
        "quantity > 5",
        "agreed == null",
        "agreed != null and agreed > 2",
        'account.country == "FR" or quantity < 2',
        "not (quantity > 3)",
        'account.country != "DE"',
        'parent&.country == "DE"',
        "parent&.country == null and quantity > 1",
        'parent != null and parent.country in ["DE", "AT"]',
    ]
)
rulesets = st.tuples(
    conditions, st.sampled_from(["first", "priority", "collect"]), st.lists(conditions, min_size=1, max_size=9)
)
things = st.builds(
    facts,
    segment=st.sampled_from(["private", "business"]),
    country=st.sampled_from(["DE", "FR", "AT", "XX"]),
    meter=st.sampled_from(["calls", "mails"]),
    quantity=st.integers(0, 7),
    agreed=st.none() | st.sampled_from([Decimal(1), Decimal(3)]),
    parent=st.none() | st.sampled_from([Account("A-0", "business", country) for country in ("DE", "FR")]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(rulesets, min_size=1, max_size=4), st.lists(things, min_size=5, max_size=15))
def test_the_compiled_book_and_the_rules_one_by_one_agree(sets: list[Any], some: list[Any]) -> None:
    texts = []
    for number, (scope, hit, whens) in enumerate(sets):
        lines = [f"hit: {hit}", f"priority: {number}", *([f"scope: '{scope}'"] if scope else []), "rules:"]
        for index, when in enumerate(whens):
            lines += [f"  - id: r{index}", f"    priority: {index % 3}", f"    then: {{label: l{index}}}"]
            lines += [f"    when: '{when}'"] if when else []
        texts.append("\n".join(lines) + "\n")
    rules = book(*texts)
    for thing in some:
        assert compiled(rules, thing) == interpreted(rules, thing)
        trace = rules.trace("labels", thing, DAY)
        found = trace.decision
        assert (None if found is None else f"{found.ruleset}#{found.rule}") == compiled(rules, thing)
        if found is not None:
            assert rules.decide_all("labels", thing, DAY)[0] is found


NEAR = """\
ruleset: labels/near
scope: charge.meter == "calls"
rules:
  - {id: big, when: account.segment == "enterprise" and quantity > 100, then: {label: big}}
  - {id: german, when: account.country == "DE" and quantity > 10, then: {label: german}}
"""


def test_no_answer_names_the_facts_and_the_nearest_rules() -> None:
    with pytest.raises(TollbookError) as raised:
        book(NEAR).decide("labels", facts(quantity=7), DAY)
    assert str(raised.value) == (
        "rules/labels/s0.yaml:5:5: error: no rule of labels answers on 2026-06-15 for "
        'account.country = "DE", account.segment = "private", quantity = 7 [rule.no-answer]\n'
        "    why: nearest: labels/near#german (rules/labels/s0.yaml:5:5) needs quantity > 10, found quantity = 7; "
        'labels/near#big (rules/labels/s0.yaml:4:5) needs account.segment == "enterprise", '
        'found account.segment = "private"\n'
        "    mend: add a rule, or one without 'when' at the end of a rule set that answers for everything else"
    )


def test_no_answer_where_nothing_is_in_force() -> None:
    with pytest.raises(TollbookError, match="why: no rule set of pricing is in force on that day"):
        book(NEAR).decide("pricing", facts(), DAY)


def test_a_trace_lists_the_rules_in_order_with_what_failed() -> None:
    rules = book(
        NEAR, "rules:\n  - {id: rest, then: {label: rest}}\n  - {id: not-asked, then: {label: x}}\npriority: -1\n"
    )
    trace = rules.trace("labels", facts(quantity=7), DAY)
    assert trace.decision is rules.decide("labels", facts(quantity=7), DAY)
    assert [(t.ruleset, t.rule, t.matched, t.failed, dict(t.facts)) for t in trace.tried] == [
        ("labels/near", "big", False, 'account.segment == "enterprise"', {"account.segment": "private"}),
        ("labels/near", "german", False, "quantity > 10", {"quantity": Decimal(7)}),
        ("labels/s1", "rest", True, "", {}),
    ]
    outside = rules.trace("labels", facts(meter="mails"), DAY).tried[0]
    assert (outside.rule, outside.failed, outside.facts) == ("", 'charge.meter == "calls"', {"charge.meter": "mails"})
    assert str(outside.where) == "rules/labels/s0.yaml:2:8"


def test_a_trace_tells_what_the_rule_says_and_leaves_out_what_is_usual() -> None:
    choice = {"type": "string", "default": "once"}
    share = {"type": "decimal", "default": "0.1"}
    outcome = {"label": {"type": "string"}, "how": choice, "share": share}
    family = msgspec.structs.replace(FAMILIES["labels"], outcome=outcome)
    rule = "rules:\n  - {id: a, then: {label: x%s}}\n"

    def said(more: str) -> Mapping[str, Any]:
        text = f"ruleset: labels/a\n{rule % more}"
        return (
            compile_book({"rules/labels/a.yaml": text.encode()}, {"labels": family}).trace("labels", facts(), DAY).said
        )

    assert said("") == {"label": "x"}
    assert said(", how: once, share: 0.1") == {"label": "x"}
    assert said(", how: twice, share: 0.2") == {"label": "x", "how": "twice", "share": Decimal("0.2")}


def untold(thing: Any, condition: str = "quantity > 10") -> str:
    rules = book(f"rules:\n  - {{id: a, when: '{condition}', then: {{label: x}}}}\n")
    with pytest.raises(TollbookError) as raised:
        rules.decide("labels", thing, DAY)
    assert str(raised.value.findings[0].where) == "rules/labels/s0.yaml:3:20"
    with pytest.raises(TollbookError, match=str(raised.value.findings[0].code)):
        rules.decide_all("labels", thing, DAY)
    with pytest.raises(TollbookError, match=str(raised.value.findings[0].code)):
        rules.decider("labels")(thing, DAY)
    finding = raised.value.findings[0]
    return f"{finding.code}: {finding.what}; {finding.why}; {finding.mend}"


def test_facts_that_are_not_as_declared() -> None:
    assert untold(facts(quantity=None)) == (
        "rule.null-fact: labels/s0#a: fact quantity has no value; quantity is declared always to have one; "
        "give quantity a value, or declare it nullable"
    )
    assert untold(SimpleNamespace()) == (
        "rule.missing-fact: labels/s0#a: fact quantity is not given; ; give quantity a value"
    )
    assert untold(SimpleNamespace(quantity="x")).startswith(
        "rule.wrong-fact: labels/s0#a: quantity > 10 cannot be computed for quantity = \"x\"; '>' not supported"
    )
    assert untold(facts(quantity=0), "5 / quantity > 1") == (
        "rule.arithmetic: labels/s0#a: 5 / quantity > 1 cannot be computed for quantity = 0; ; "
        "guard a divisor: x != 0 and …"
    )


def test_an_unknown_family_is_refused() -> None:
    for ask_for in (
        lambda: book(NEAR).decide("label", facts(), DAY),
        lambda: book(NEAR).decider("label"),
        lambda: book(NEAR).trace("label", facts(), DAY),
        lambda: book(NEAR).decide_all("label", facts(), DAY),
    ):
        with pytest.raises(TollbookError, match=r"did you mean 'labels'\?"):
            ask_for()


def test_decisions_are_interned_and_content_addressed() -> None:
    one, again = book(NEAR), book(NEAR)
    assert one.release == again.release
    assert one.release.startswith("r-")
    assert len(one.release) == 18
    assert [d.id for d in one.decisions()] == [d.id for d in again.decisions()]
    assert all(0 < d.id < 2**63 for d in one.decisions())
    decision = one.decide("labels", facts(quantity=70), DAY)
    assert decision is one.decide("labels", facts(quantity=80), DAY)
    assert one.decision(decision.id) is decision
    assert isinstance(decision, Decision)
    assert (decision.family, decision.ruleset, decision.rule, decision.release) == (
        "labels",
        "labels/near",
        "german",
        one.release,
    )


def test_a_release_covers_files_overrides_and_plugins() -> None:
    text = "parameters:\n  t: {type: string, value: x}\nrules:\n  - {id: a, then: {label: $t}}\n"
    releases = [
        book(text).release,
        book(text + "\n").release,
        book(text, overrides={"labels/s0": {"t": "y"}}).release,
        book(text, plugins={"p": "1"}).release,
        book(text, plugins={"p": "2"}).release,
    ]
    assert len(set(releases)) == 5
    tuned = book(text, overrides={"labels/s0": {"t": "y"}})
    assert tuned.decisions()[0].terms["label"] == "y"
    assert tuned.decisions()[0].parameters == {"t": "y"}


def test_a_release_is_the_same_in_every_process() -> None:
    code = (
        "from tests.unit.rulebook.test_rulebook import NEAR, book\n"
        "b = book(NEAR)\nprint(b.release, *[d.id for d in b.decisions()])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": "."}
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    own = book(NEAR)
    assert out.stdout.split() == [own.release, *(str(d.id) for d in own.decisions())]


def test_folders_are_layered(tmp_path: Path) -> None:
    base, over = tmp_path / "base", tmp_path / "over"
    for folder, name, text in (
        (base, "labels/a.yaml", "base a"),
        (base, "labels/b.yaml", "base b"),
        (over, "labels/b.yaml", "over b"),
        (over, "labels/deep/c.yml", "over c"),
        (over, "labels/README.md", "no rules"),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert read([base, over]) == {
        "rules/labels/a.yaml": b"base a",
        "rules/labels/b.yaml": b"over b",
        "rules/labels/deep/c.yml": b"over c",
    }
    assert places([base, over])["rules/labels/b.yaml"] == over / "labels/b.yaml"
    with pytest.raises(TollbookError) as raised:
        read([base, tmp_path / "none", tmp_path / "nor-this"])
    assert [finding.code for finding in raised.value.findings] == ["rule.no-folder", "rule.no-folder"]


def test_a_folder_inside_a_family_belongs_to_it() -> None:
    files = {"rules/labels/eu/x.yaml": b"ruleset: labels/x\nrules:\n  - {id: a, then: {label: x}}\n"}
    assert compile_book(files, FAMILIES).rulesets["labels/x"].family == "labels"


def test_all_mistakes_of_all_files_come_in_one_go() -> None:
    text = refused(
        "rules:\n  - {id: a, then: {lable: x}}\n", "rules:\n  - {id: a, when: quantity >, then: {label: x}}\n"
    )
    assert [line.split(":")[0] for line in text.splitlines() if not line.startswith(" ")] == [
        "rules/labels/s0.yaml",
        "rules/labels/s0.yaml",
        "rules/labels/s1.yaml",
    ]
