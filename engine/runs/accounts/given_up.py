"""What was given up of a document, such as a discount or a bad debt, and cannot be given back: nobody has paid it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.base.errors import Code, refuse
from engine.base.money import ZERO
from engine.store.reader import Reader

GIVEN_UP = Code(
    "credit.given-up",
    "An invoice to be voided or credited in full of which a part was given up, such as a discount: nobody has paid that.",
)


def refuse_given_up(reader: Reader, head: Mapping[str, Any]) -> None:
    """Refuse to give back all of an invoice of which something is given up: that would be money that never came, and tax twice.

    Raises:
        TollbookError: ``credit.given-up``.
    """
    acts = reader.settlements(head["tenant"], head["entity"], item=head["id"], kind="write_off")
    left = -sum((act["amount"] for act in acts), ZERO)
    if left:
        back = {act["source"] for act in acts}
        keys = sorted({act["key"] for act in acts if act["key"] not in back and not act["source"]})
        raise refuse(
            GIVEN_UP,
            f"{left.normalize():f} {head['currency']} of {head['number']} are given up, as {', '.join(keys)}",
            why="nobody has paid that, and its tax may be lowered already",
            mend="take it back first, with `tollbook cash undo`, or `tollbook cash unapply` of the payment",
        )
