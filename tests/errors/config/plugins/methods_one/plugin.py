"""A plug-in that is refused."""

from __future__ import annotations

from typing import Any

from engine.model.decision import Method
from engine.ports.hookspecs import Context, hookimpl


class Acme:
    """Tax by Acme."""

    def __init__(self, context: Context) -> None:
        self.adapter = context.adapter

    @hookimpl
    def provide_methods(self) -> Any:
        """One method."""
        return {"pricing": {"free": Method(free, {})}}


def free(terms: Any, facts: Any) -> Any:
    """Nothing is owed."""
    return 0
