"""The kept tables of rule-engine's grammar are those of the rule-engine at hand, and are used."""

from __future__ import annotations

import json
import subprocess
import sys

from engine.rulebook.expression import grammar
from engine.rulebook.grammar import TABLES, Signature, tables

USED = """
from engine.rulebook.expression import grammar
parser, generator = grammar()
print(type(parser._parser.productions[0]).__name__)
"""


def test_the_tables_are_those_of_the_library() -> None:
    """`python -m engine.rulebook.grammar` writes them anew after a change of the library."""
    kept, made = json.loads(TABLES.read_text()), tables(*grammar())
    assert Signature(kept["signature"]) == made["signature"]
    assert [each[0] for each in kept["productions"]] == [each[0] for each in made["productions"]]
    assert len(kept["action"]) == len(made["action"])


def test_a_new_process_takes_the_kept_tables() -> None:
    """rule-engine's parser generator reads productions of kept tables as ``MiniProduction``."""
    done = subprocess.run([sys.executable, "-c", USED], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "MiniProduction"


def test_tables_of_another_grammar_are_not_taken() -> None:
    assert Signature("left A B") == "left B A"
    assert Signature("left A B") != "left A C"
