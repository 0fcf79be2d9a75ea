"""A plug-in that is refused."""

from __future__ import annotations

from typing import Any

from engine.ports.hookspecs import Context, hookimpl


class Acme:
    """Tax by Acme."""

    def __init__(self, context: Context) -> None:
        self.adapter = context.adapter

    @hookimpl
    def tax_quote(self, requests: Any) -> Any:
        """No tax."""
        return []
