"""What a mandate must be so that a bank takes collections under it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from engine.base import iban
from engine.base.errors import Code

BAD_MANDATE = Code("mandate.unfit", "A mandate under which no bank would take a collection.")

_REFERENCE: Final = re.compile(r"[A-Za-z0-9?:().,'+ -]+(?:/[A-Za-z0-9?:().,'+ -]+)*", re.ASCII)


def mandate(values: dict[str, Any]) -> Iterator[tuple[Code, str, str, str]]:
    """What is wrong with the columns of a mandate: code, what, why, how to mend it.  Numbers are written as banks do."""
    for name in ("iban", "bic", "creditor_id"):
        values[name] = iban.compact(values[name] or "")
    reference = values["reference"]
    for name in ("reference", "replaces"):
        said = values[name]
        if said and (not _REFERENCE.fullmatch(said) or said != said.strip()):
            why = "banks carry letters, digits and / ? : ( ) . , ' + - in it, and no '/' at an end or twice in a row"
            yield BAD_MANDATE, f"the {name} {said!r} of a mandate", why, "use the reference that the debtor has signed"
    if fault := iban.iban_fault(values["iban"]):
        yield (
            BAD_MANDATE,
            f"the IBAN of mandate {reference} {fault}",
            "nothing can be collected from it",
            "ask the debtor",
        )
    elif not values["bic"] and values["iban"][:2] not in iban.EEA:
        what = f"mandate {reference} has an IBAN of {values['iban'][:2]} and no BIC"
        yield BAD_MANDATE, what, "outside of the European Economic Area both are needed", "give the BIC"
    if values["bic"] and (fault := iban.bic_fault(values["bic"])):
        yield (
            BAD_MANDATE,
            f"the BIC {values['bic']!r} of mandate {reference} {fault}",
            "",
            "correct it, or leave it empty",
        )
    if values["creditor_id"] and (fault := iban.creditor_fault(values["creditor_id"])):
        what = f"the creditor identifier {values['creditor_id']!r} of mandate {reference} {fault}"
        yield BAD_MANDATE, what, "", "use the one that the mandate names"
    if values["kind"] == "one_off" and values["final"]:
        what = f"mandate {reference} is for one collection, and its next one is the last"
        yield BAD_MANDATE, what, "the only one is the last one anyway", "leave final empty"
    last = values["last_collected"]
    if last and last < values["signed_on"]:
        what = f"mandate {reference} was collected under on {last}, before it was signed on {values['signed_on']}"
        yield BAD_MANDATE, what, "", "correct one of the days"
