"""The engine that runs work on partitions, where an adapter serves the port ``compute``."""

from __future__ import annotations

from typing import Any, Final

from engine.base.errors import Code, Finding, TollbookError, Where, refuse
from engine.ports.calling import bounded
from engine.ports.failure import NO_ANSWER, WRONG_ANSWER
from engine.ports.hookspecs.compute import Engine
from engine.ports.host import Host

PORT: Final = "compute"
TWO_ENGINES = Code("compute.two-engines", "Two adapters of the port compute; a run has one engine.")


def engine_of(host: Host) -> Engine | None:
    """The engine of an installation; None where no adapter serves the port.

    Raises:
        TollbookError: ``compute.two-engines``, and where the adapter fails or gives no engine.
    """
    names = host.adapters(PORT)
    if not names:
        return None
    if len(names) > 1:
        what = f"{len(names)} adapters serve the port {PORT!r}: {', '.join(names)}"
        raise refuse(TWO_ENGINES, what, mend="keep one of them in config.yaml")
    line = host.line(names[0])
    engine = bounded(line.adapter, "compute_engine", {}, line.mask)
    if isinstance(engine, Engine) and callable(engine.run):
        return engine
    raise TollbookError(_flaw(names[0], engine))


def _flaw(adapter: str, answer: Any) -> Finding:
    found = "nothing" if answer is None else f"{type(answer).__name__} instead of Engine"
    code = NO_ANSWER if answer is None else WRONG_ANSWER
    return Finding(code, Where(f"adapter {adapter}"), f"compute_engine answered {found}", mend="give an Engine")
