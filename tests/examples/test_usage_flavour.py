"""The rule sets that count and price usage as Kill Bill does, over the rules that come with the engine."""

from __future__ import annotations

import pytest

from engine import families
from engine.rulebook.desk import RuleDesk
from tests.stories import ROOT


@pytest.mark.capability("A2.1")
def test_the_rule_sets_of_usage_are_sound_and_their_cases_hold() -> None:
    folders = (ROOT / "rules", ROOT / "examples" / "flavours" / "killbill" / "rules")
    report = RuleDesk(families.ALL, folders).test()
    assert [str(finding) for finding in report.findings] == []
    mine = ("pricing/usage-consumable", "pricing/usage-capacity", "metering/killbill")
    assert [one for one in report.uncovered if one.ruleset in mine] == []
