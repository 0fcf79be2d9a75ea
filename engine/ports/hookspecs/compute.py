"""Port ``compute``: where the partitions of a run are worked on: on this machine, or on many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, Final, Protocol

import msgspec
from msgspec import Meta

from engine.ports.hookspecs.plugin import Port, hookspec

CONTRACT: Final = 1
"""Version of this contract."""

Work = Callable[[int], Any]
"""Works on the partition of a number, from wherever it is called; it can be pickled, and so can what it gives and raises."""


class Engine(msgspec.Struct, frozen=True):
    """An engine at work."""

    run: Annotated[
        Callable[[Work, Sequence[int]], Iterator[Any]],
        Meta(
            description="what the work gives for each number, as it is done, in any order; raises what it raises first"
        ),
    ]


class ComputePort(Protocol):
    """Verb: provide.  An engine runs a function over numbers; what the function does, and to which books, is not its affair."""

    @hookspec(firstresult=True)
    def compute_engine(self) -> Engine:
        """The engine that this adapter runs work on.

        When: at the beginning of a run with several partitions; once for each.

        With: nothing; the plug-in has its settings from its context.

        Answers: an :class:`Engine`.  Each number is worked on at least once: the done-mark of a partition is committed with its
        rows, so that working on it again is harmless.  One thread of a process works on one number at a time.  What the work
        raises is raised as it is, and work that has not begun by then is given up; a worker that is lost is replaced, or
        :class:`~engine.ports.hookspecs.Transient` says that it cannot be.

        May not: leave out a number; start anything before :attr:`Engine.run` is asked for its first result; leave a process
        behind when the iterator ends or is closed.
        """
        ...


PORT: Final = Port(
    name="compute", contract=CONTRACT, verb="provide", prefix="compute_", spec=ComputePort, decides=False
)
