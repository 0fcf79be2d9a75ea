"""A plug-in that is refused."""

from __future__ import annotations

import acme_sdk_that_is_not_installed

CLIENT = acme_sdk_that_is_not_installed.Client()
