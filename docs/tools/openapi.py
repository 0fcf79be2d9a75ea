"""The OpenAPI document of the HTTP API."""

from __future__ import annotations

import json

from engine.web import api


def text() -> str:
    """The file."""
    return json.dumps(api.document(api.made(None)), indent=2) + "\n"
