"""The tables of rule-engine's grammar, kept so that no process has to compute them again, which takes half a second.

They stand in ``grammar.json``, which ``python -m engine.rulebook.grammar`` writes.  Tables of another grammar than that of
the rule-engine at hand are passed over, and rule-engine computes its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

TABLES: Final = Path(__file__).with_name("grammar.json")
OFFERED_AS: Final = "rule_engine.parser.parsetab"
"""The module in which rule-engine's parser generator looks for tables that it has written before."""


class Signature(str):
    """What a grammar consists of; rule-engine lists its tokens in an order that differs from process to process."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and sorted(self) == sorted(other)

    __hash__ = str.__hash__


def offer_tables() -> None:
    """Put the kept tables where rule-engine looks for them; before it is imported, else it is too late."""
    if OFFERED_AS in sys.modules or not TABLES.exists():
        return
    kept = json.loads(TABLES.read_text(encoding="utf-8"))
    module: Any = ModuleType(OFFERED_AS)
    module._tabversion = kept["version"]
    module._lr_method = "LALR"
    module._lr_signature = Signature(kept["signature"])
    module._lr_action = {state: kept["actions"][row] for state, row in enumerate(kept["action"])}
    module._lr_goto = {int(state): row for state, row in kept["goto"].items()}
    module._lr_productions = kept["productions"]
    sys.modules[OFFERED_AS] = module


def tables(parser: Any, generator: Any) -> dict[str, Any]:
    """The tables of rule-engine's parser, computed anew by its parser generator, as they are kept."""
    reflected = generator.ParserReflect({name: getattr(parser, name) for name in dir(parser)})
    reflected.get_all()
    found = generator.yacc(module=parser, debug=False, write_tables=False, tabmodule="no_such_tables")
    rows: dict[str, int] = {}
    numbers = [
        rows.setdefault(json.dumps(dict(sorted(row.items()))), len(rows)) for _, row in sorted(found.action.items())
    ]
    return {
        "version": generator.__tabversion__,
        "signature": reflected.signature(),
        "productions": [
            [each.str, each.name, each.len, each.func, Path(each.file).name if each.file else None, each.line]
            for each in found.productions
        ],
        "actions": [json.loads(row) for row in rows],
        "action": numbers,
        "goto": {state: dict(sorted(row.items())) for state, row in sorted(found.goto.items()) if row},
    }


def main() -> None:
    """Write the tables of the installed rule-engine."""
    from engine.rulebook.expression import grammar

    parser, generator = grammar()
    TABLES.write_text(json.dumps(tables(parser, generator), separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
