"""Port ``methods``: more named methods for families of rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from engine.model.decision import Method
from engine.ports.hookspecs.plugin import Port, hookspec

CONTRACT: Final = 1
"""Version of this contract."""


class MethodsPort(Protocol):
    """Verb: provide.  Pure functions that rules may name, beside those that a family has by itself."""

    @hookspec(firstresult=True)
    def provide_methods(self) -> Mapping[str, Mapping[str, Method]]:
        """The methods that the plug-in adds: family -> name -> :class:`Method`.

        When: once, when the host loads, before any rule file is read.

        With: nothing; the plug-in has its settings from its context.

        Answers: at least one method.  Its function is pure (facts in, result out: no clock, file, network or state),
        its docstring is the documentation of the method, and its schema describes every field that ``then`` takes.

        May not: replace a method of the family or of another plug-in; answer anything else the next time.
        """
        ...


PORT: Final = Port(name="methods", contract=CONTRACT, verb="provide", prefix="provide_", spec=MethodsPort)
