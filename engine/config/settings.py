"""Every setting: its meaning, default and bound, in one table.

:data:`SETTINGS` is the only place where a setting is described.  The schema that a file is checked by, the comments in
the root ``config.yaml`` and the reference page are made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.config.acts import ACTS
from engine.config.api import CALLS, USUAL
from engine.config.schedule import VERB_OF

VERBS: Final[Mapping[str, str]] = {
    "init": "make or migrate the database",
    "import": "load master data, usage and rates",
    "run": "start or resume a run that writes, such as a bill run",
    "deliver": "send the documents of the outbox",
    "close": "close and reopen accounting periods",
    "adjust": "post adjustments into an accounting period that is closed softly, or by hand into a further book",
    "credit": "make credit and debit notes, settle open items by hand, grant, draw and void prepaid credit",
    "purge": "erase old calls from the request log",
    "approve": "approve or reject what another person has proposed",
    "resolve": "assign and resolve items of the worklist",
    "schedule": "run the scheduler and the workers of its queue",
    "release": "propose, schedule and roll back releases of rules",
}
"""What changes something, and so needs a role: verb -> what it does."""

REQUIRED: Final = "none, it has to be given"
"""The default of a setting that has none."""


class Setting(msgspec.Struct, frozen=True):
    """A setting.

    Attributes:
        path: where it stands: ``runs.workers``; ``adapters[].name`` in each element of a list.
        meaning: what it does, in sentences.
        rules: its cerberus rules but for the default.
        default: what holds where it is not given; :data:`REQUIRED` if it has to be.
        words: what it may be, where ``rules`` do not say it in numbers.
    """

    path: str
    meaning: str
    rules: Mapping[str, Any]
    default: Any
    words: str = ""

    def bounds(self) -> str:
        """What it may be, in words."""
        return self.words or f"a whole number from {self.rules['min']:,} to {self.rules['max']:,}"


_KEY: Final = {"type": "string", "regex": "[A-Za-z0-9][A-Za-z0-9_-]{0,39}"}
_KEY_WORDS: Final = "1 to 40 letters, digits, _ and -"
_TEXT: Final = {"type": "string", "empty": False}
_TEXTS: Final = {"type": "list", "schema": _TEXT}
_FREE: Final = {"type": "dict", "allow_unknown": True}

SETTINGS: Final = (
    Setting(
        "tenant.key",
        "Key of the tenant. It is part of every natural key, so it never changes.",
        _KEY,
        "main",
        _KEY_WORDS,
    ),
    Setting("tenant.name", "Name of the tenant, for people.", _TEXT, "Main", "a text"),
    Setting(
        "database.url",
        "Where the books are. The path of a SQLite file is relative to this file. ${NAME} is replaced by that "
        "environment variable, so that a password need not stand here.",
        _TEXT,
        "sqlite:///tollbook.db",
        "sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/NAME",
    ),
    Setting(
        "rules.folders",
        "Folders of rule files, relative to this file. Each is layered over those before it: a file replaces the one "
        "of the same path there.",
        {**_TEXTS, "minlength": 1},
        ["rules"],
        "at least one folder that exists",
    ),
    Setting(
        "rules.releases",
        "Which rules are used. development: those in the folders, whoever has looked at them; every run says so. approved: the "
        "release that others have agreed to and that is in force on the day of the run; without one nothing runs.",
        {"type": "string", "allowed": ["development", "approved"]},
        "development",
        "development or approved",
    ),
    Setting("adapters[].name", "Name of the adapter, as routing rules choose it.", _KEY, REQUIRED, _KEY_WORDS),
    Setting("adapters[].port", "Port that the adapter serves.", _TEXT, REQUIRED, "a port of its plug-in"),
    Setting(
        "adapters[].plugin",
        "Plug-in that does the work: its name, looked for in the folder plugins beside this file, among those that "
        "come with Tollbook and among installed ones; or a folder, written with a slash and relative to this file.",
        _TEXT,
        REQUIRED,
        "a plug-in that can be found",
    ),
    Setting("adapters[].settings", "Settings of the plug-in.", _FREE, {}, "what its plugin.yaml describes"),
    Setting(
        "adapters[].secrets",
        "Environment variables of its secrets, where they are not those that plugin.yaml names.",
        _FREE,
        {},
        "name: ${VARIABLE}",
    ),
    Setting(
        "adapters[].timeout",
        "Seconds after which a call is given up.",
        {"type": "integer", "min": 1, "max": 3_600},
        10,
    ),
    Setting(
        "adapters[].retries",
        "How often a call that only asks, such as for tax, is repeated after a failure that may pass; after half a "
        "second, then twice as long each time. What tells is never repeated at once: the outbox does that.",
        {"type": "integer", "min": 0, "max": 10},
        2,
    ),
    Setting(
        "adapters[].breaker_failures",
        "Failed calls in a row after which the adapter rests: calls are refused at once.",
        {"type": "integer", "min": 1, "max": 1_000},
        5,
    ),
    Setting(
        "adapters[].breaker_seconds",
        "Seconds that it rests, until one call tries again.",
        {"type": "integer", "min": 1, "max": 86_400},
        60,
    ),
    Setting(
        "runs.partition_size",
        "Payers that are billed in one transaction, at most; with more of them a run takes less time, and more memory.",
        {"type": "integer", "min": 1, "max": 100_000},
        500,
    ),
    Setting(
        "runs.workers",
        "Processes that bill partitions side by side; 0: the process of the command does it alone.",
        {"type": "integer", "min": 0, "max": 256},
        0,
    ),
    Setting(
        "fx.max_age_days",
        "Days that an exchange rate may be old when it is used. An account without one is held.",
        {"type": "integer", "min": 0, "max": 366},
        7,
    ),
    Setting("fx.source", "Source whose exchange rates are used, as imported with them.", _TEXT, "ECB", "a text"),
    Setting(
        "bank_sources",
        "Kind of file that a bank account is booked from, by its IBAN or its name; `tollbook bank formats` lists them. An account "
        "that is not here is booked from the kind that was loaded first.",
        {"type": "dict", "valuesrules": _TEXT},
        {},
        "account: kind of file",
    ),
    Setting(
        "books",
        "Further books, such as one of local accounting rules: each is the leading book and adjustments of its own, by the rules of "
        "the family books. By name, with the keys of the legal entities that keep it; an empty list: all of them.",
        {"type": "dict", "keysrules": _KEY, "valuesrules": _TEXTS},
        {},
        "name: [legal entity, ...]",
    ),
    Setting(
        "api.largest_body",
        "Megabytes that the body of one request to the API may have; a stream of lines may be longer, a line may not.",
        {"type": "integer", "min": 1, "max": 1_024},
        10,
    ),
    Setting(
        "api.waiting",
        "Requests of the API that may wait, in each process, for being written; further ones are refused for a second. "
        "Where there are several clients, one has at most half of the places.",
        {"type": "integer", "min": 1, "max": 100_000},
        256,
    ),
    Setting("api.clients[].name", "Name of the client, as rules and the audit know it.", _KEY, REQUIRED, _KEY_WORDS),
    Setting(
        "api.clients[].token",
        "Environment variable of the token that the client sends; at least 20 characters long.",
        _TEXT,
        REQUIRED,
        "${VARIABLE}",
    ),
    Setting(
        "api.clients[].may",
        "What the client may do: " + "; ".join(f"{call} ({what})" for call, what in CALLS.items()) + ".",
        {"type": "list", "schema": {"type": "string", "allowed": [*CALLS]}},
        [*USUAL],
        "a list of calls",
    ),
    Setting(
        "roles",
        "What each role may do. Looking needs no role. Verbs: "
        + "; ".join(f"{verb} ({what})" for verb, what in VERBS.items())
        + ".",
        {"type": "dict", "valuesrules": {"type": "list", "schema": {"type": "string", "allowed": [*VERBS]}}},
        {
            "operator": [v for v in VERBS if v not in ("adjust", "approve")],
            "controller": ["close", "adjust", "approve"],
            "auditor": [],
        },
        "role: [verbs]",
    ),
    Setting(
        "people",
        "Who has which roles. Whoever is not here changes nothing.",
        {"type": "dict", "valuesrules": _TEXTS},
        {},
        "person: [roles]",
    ),
    Setting(
        "approvals",
        "What needs a second person, and the roles, of which the second person has one; [] is any role that may "
        "approve. An act that is not here needs one person. Acts: "
        + "; ".join(f"{name} ({act.meaning})" for name, act in ACTS.items())
        + ".",
        {"type": "dict", "valuesrules": {**_TEXTS, "empty": True}},
        {},
        "act: [roles]",
    ),
    Setting(
        "approvals_from",
        "Amounts from which an act under approvals needs a second person: below them one is enough. A currency that "
        "is not named has no amount that is small.",
        {"type": "dict", "valuesrules": {"type": "price", "min": 0}},
        {},
        "act: amounts, such as [1000 EUR, 1200 USD], for the acts " + ", ".join(n for n, a in ACTS.items() if a.money),
    ),
    Setting(
        "approvals_off",
        "Do everything with one person, for development: every command that would have needed a second one says so.",
        {"type": "boolean"},
        False,
        "true or false",
    ),
    Setting("schedule[].name", "Name of the schedule.", _KEY, REQUIRED, _KEY_WORDS),
    Setting(
        "schedule[].run",
        "What is run: bill (on the local day at which it is due), deliver, verify, triggers (look what has happened that "
        "a rule wants invoiced at once), renewals (terms that end by that day), wallet-expire (what has expired in "
        "wallets by that day), cash-match (match the money that banks have booked by that day), rates (fetch the exchange rates "
        "of the local day), dunning (the steps of that day), collect (payments of what is due by that day), revenue (recognise "
        "what is earned by that day), accrual (accrue the month before that day; on the last day of a month that month), direct-debits "
        "(plan, tell and hand over collections of that day), cash-send (tell the bank what money goes back), disputes (deadlines "
        "and what was approved), erp (post entries up to that day), or close (the steps of the close of the month before that day, for "
        "every legal entity, as far as nothing is in the way).",
        {"type": "string", "allowed": [*VERB_OF]},
        REQUIRED,
        ", ".join(VERB_OF),
    ),
    Setting(
        "schedule[].cron",
        "When it is due: minute, hour, day of month (L is the last), month, day of week (0 and 7 are Sunday).",
        _TEXT,
        REQUIRED,
        "five fields, such as 30 6 1 * *",
    ),
    Setting("schedule[].zone", "Time zone of the expression.", _TEXT, "UTC", "an IANA name"),
    Setting("schedule[].as", "Person in whose name it is run.", _TEXT, REQUIRED, "a person who may run it"),
    Setting("schedule[].reason", "Why it is run; kept with what it does.", _TEXT, REQUIRED, "a text"),
    Setting(
        "scheduler.lease",
        "Seconds that a scheduler or a worker may be silent before another one takes its place; the same for all that "
        "share the books.",
        {"type": "integer", "min": 2, "max": 3_600},
        60,
    ),
    Setting(
        "scheduler.poll",
        "Seconds that a worker without work waits before it looks again.",
        {"type": "integer", "min": 1, "max": 3_600},
        5,
    ),
)
"""Every setting, in the order of the file."""


def schema() -> dict[str, Any]:
    """The cerberus schema of the file, defaults included."""
    sections: dict[str, Any] = {}
    for setting in SETTINGS:
        rules = dict(setting.rules)
        rules |= {"required": True} if setting.default is REQUIRED else {"default": setting.default}
        rules["meta"] = {"description": setting.meaning}
        section, _, name = setting.path.rpartition(".")
        if not section:
            sections[name] = rules
        elif section.endswith("[]"):
            element = {"type": "list", "default": [], "schema": {"type": "dict", "schema": {}}}
            outer, _, inner = section.removesuffix("[]").rpartition(".")
            home = sections[outer]["schema"] if outer else sections
            home.setdefault(inner, element)["schema"]["schema"][name] = rules
        else:
            sections.setdefault(section, {"type": "dict", "default": {}, "schema": {}})["schema"][name] = rules
    return sections
