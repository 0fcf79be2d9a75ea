"""check, test, facts, fmt and schema on the command line: what they print, where, and how they exit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli.main import run

RULES = """\
ruleset: numbering/default
rules:
  - id: invoices
    when: kind == "invoice"
    then: {series: "{entity}-{fiscal_year}", format: "{series}-{number:06}"}
  - id: credit-notes
    then: {series: "{entity}-C-{fiscal_year}", format: "{series}-{number:06}"}
cases:
  - given: {kind: invoice, entity: {key: ACME}}
    expect: {rule: invoices}
"""


@pytest.fixture(autouse=True)
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text("tenant: {key: acme, name: Acme}\nrules: {folders: [rules]}\n")
    path = Path("rules/numbering/default.yaml")
    path.parent.mkdir(parents=True)
    path.write_text(RULES)
    return path


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.parametrize("verb", ["check", "test", "fmt"])
def test_good_rules_make_no_noise(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, verb) == (0, "", "")


def test_no_verb_opens_a_database(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("check", "test", "fmt", "facts", "schema"):
        assert run([verb]) == 0
    assert not list(Path().rglob("*.db"))


def test_check_tells_all_mistakes_on_stderr(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules.write_text(RULES.replace("kind ==", "knd ==").replace("cases:", "cses:"))
    code, out, err = said(capsys, "check")
    assert (code, out) == (1, "")
    assert "rules/numbering/default.yaml:4:11: error: there is no fact 'knd' [rule.unknown-fact]" in err
    assert "rules/numbering/default.yaml:8:1: error: unknown key 'cses' [document.unknown-key]" in err


def test_check_as_json(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "check", "--json")
    found = json.loads(out)
    assert (code, found["good"], found["rulesets"], found["rules"], found["findings"]) == (0, True, 1, 2, [])
    rules.write_text("ruleset: [\n")
    code, out, _ = said(capsys, "check", "--json")
    found = json.loads(out)
    assert (code, found["good"], found["findings"][0]["code"]) == (1, False, "document.syntax")


def test_check_all_names_what_is_not_analysed(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules.write_text(RULES.replace('kind == "invoice"', 'kind == "invoice" or kind.length > 99'))
    assert said(capsys, "check") == (0, "", "")
    code, out, err = said(capsys, "check", "--all")
    assert (code, out) == (0, "")
    assert "info: the rule 'invoices' is not analysed whole [rule.not-analysed]" in err
    assert "kind.length > 99 is no comparison of one fact with constants" in err


def test_check_takes_folders(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "rules"]) == 0
    code, _, err = said(capsys, "check", "rulez")
    assert code == 1
    assert "rulez: error: there is no such folder [rule.no-folder]" in err


def test_failing_cases_are_told_with_their_places(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules.write_text(RULES.replace("rule: invoices}", "rule: credit-notes}"))
    code, out, err = said(capsys, "test")
    assert (code, out) == (1, "")
    assert "rules/numbering/default.yaml:10:14: error: expected rule credit-notes, found invoices [case.failed]" in err
    assert "1 of 1 cases fail" in err
    code, out, _ = said(capsys, "test", "--json")
    assert (code, json.loads(out)["good"]) == (1, False)


def test_coverage(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "test", "--coverage")
    assert code == 0
    assert out.splitlines() == [
        "    1  numbering/default#invoices      rules/numbering/default.yaml:3:5",
        "    -  numbering/default#credit-notes  rules/numbering/default.yaml:6:5",
        "1 of 2 rules are reached by 1 cases",
    ]
    _, out, _ = said(capsys, "test", "--json")
    assert [each["cases"] for each in json.loads(out)["coverage"]] == [1, 0]


def test_facts(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "facts", "numbering", "--json")
    sheet = json.loads(out)
    assert (code, sheet["name"]) == (0, "numbering")
    assert "invoice_date" in [fact["name"] for fact in sheet["facts"]]
    assert run(["facts", "numbering"]) == 0
    code, _, err = said(capsys, "facts", "numberin")
    assert (code, "did you mean 'numbering'?" in err) == (1, True)
    assert "pricing" in said(capsys, "facts")[1]


def test_fmt(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules.write_text("rules:\n- id: a\n  then: {series: x}\nruleset: numbering/default\n")
    assert said(capsys, "fmt", "--check") == (1, "rules/numbering/default.yaml\n", "")
    assert rules.read_text().startswith("rules:")
    assert said(capsys, "fmt") == (0, "rules/numbering/default.yaml\n", "")
    assert rules.read_text() == "ruleset: numbering/default\nrules:\n  - id: a\n    then: {series: x}\n"
    assert said(capsys, "fmt", "--check") == (0, "", "")


def test_schema(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "schema", "numbering")
    assert (code, json.loads(out)["title"]) == (0, "Rules of the family numbering")
    code, out, _ = said(capsys, "schema", "--output", "there")
    assert code == 0
    assert "there/numbering.schema.json" in out.splitlines()
    assert Path("there/pricing.schema.json").exists()
