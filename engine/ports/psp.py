"""What payment providers have declared."""

from __future__ import annotations

from collections.abc import Mapping

from engine.base.errors import Finding, TollbookError, Where
from engine.ports.calling import bounded
from engine.ports.failure import NO_ANSWER, WRONG_ANSWER
from engine.ports.hookspecs.psp import Capability, Description
from engine.ports.host import Host


def described(host: Host) -> Mapping[str, Description]:
    """What each payment provider has declared, by adapter.

    Raises:
        TollbookError: with all that is wrong with any of them.
    """
    found, findings = dict[str, Description](), list[Finding]()
    for name in host.adapters("psp"):
        line = host.line(name)
        answer = bounded(line.adapter, "psp_describe", {}, line.mask)
        good = isinstance(answer, Description) and answer.capabilities
        if good and all(isinstance(one, Capability) for one in answer.capabilities):
            found[name] = answer
            continue
        code = NO_ANSWER if answer is None else WRONG_ANSWER
        what = "psp_describe answered " + ("nothing" if answer is None else f"{answer!r}, which declares nothing")
        findings.append(Finding(code, Where(f"adapter {name}"), what, mend="give a Description with capabilities"))
    if findings:
        raise TollbookError(findings)
    return found
