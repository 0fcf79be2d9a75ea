"""Each clause of a contract fails for an adapter that breaks it: adapters that are wrong in one way, and the clause."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.ports import host as host_module
from engine.ports.contracts import DeliveryContract, Setup, TaxContract
from engine.ports.contracts.clauses import Contract
from engine.ports.contracts.fakes.vendor import SECRET, Vendor, vendor

HERE = Path(__file__).parent

TAX = """
from __future__ import annotations
import itertools, threading, time
import msgspec
from decimal import ROUND_HALF_UP, Decimal
from engine.model.tax import TaxQuote
from engine.ports.hookspecs import hookimpl

DIGITS = {"JPY": 0, "KWD": 3}


class Good:
    def __init__(self, context):
        self.context, self.asked = context, 0

    @hookimpl
    def tax_quote(self, requests):
        return self.answers(requests)

    def answers(self, requests):
        return [self.quote(r) for r in requests]

    def quote(self, r):
        return TaxQuote(r.key, Decimal("0.19"), self.amount(r), "S", "DE", self.context.adapter)

    def amount(self, r):
        unit = Decimal(1).scaleb(-DIGITS.get(r.currency, 2))
        return (r.amount * Decimal("0.19")).quantize(unit, ROUND_HALF_UP)


class It(Good):
"""

DELIVERY = """
from __future__ import annotations
import hashlib, json, threading, time, uuid
import msgspec
from pathlib import Path
from engine.model.effect import Answer
from engine.ports.hookspecs import hookimpl
from engine.ports.hookspecs.delivery import InvoiceDocument


class Good:
    def __init__(self, context):
        self.out, self.lock = context.home / "out", threading.Lock()
        self.out.mkdir(exist_ok=True)

    @hookimpl
    def delivery_send(self, effects):
        with self.lock:
            return [self.send(e) for e in effects]

    @hookimpl
    def delivery_status(self, effects):
        return [self.status(e) for e in effects]

    def path(self, key):
        return self.out / (hashlib.sha256(key.encode()).hexdigest() + ".json")

    def known(self, key):
        return json.loads(self.path(key).read_text()) if self.path(key).exists() else None

    def send(self, e):
        known = self.known(e.key)
        if known is not None and known != e.payload:
            return Answer(e.key, "rejected", "the key was used for another document")
        if known is None:
            try:
                self.check(e)
            except msgspec.ValidationError as error:
                return Answer(e.key, "rejected", str(error))
            self.act(e)
        return Answer(e.key, "accepted", evidence={"number": e.payload["number"]})

    def check(self, e):
        msgspec.convert(e.payload, InvoiceDocument)

    def act(self, e):
        self.path(e.key).write_text(json.dumps(e.payload))
        with (self.out / "arrived").open("a") as file:
            file.write(e.payload["number"] + "\\\\n")

    def status(self, e):
        if self.known(e.key) is None:
            return Answer(e.key, "retry", "never seen")
        return Answer(e.key, "accepted", evidence={"number": e.payload["number"]})


class It(Good):
""".replace("\\\\n", "\\n")

WRONG_TAX = {
    "rounds to cents whatever the currency": (
        "def amount(self, r):\n    return round(r.amount * Decimal('0.19'), 2)",
        "every_amount_and_currency_has_a_lawful_answer",
    ),
    "forgets that a credit is negative": (
        "def amount(self, r):\n    return abs(Good.amount(self, r))",
        "every_amount_and_currency_has_a_lawful_answer",
    ),
    "calculates with floats": (
        "def amount(self, r):\n    return float(Good.amount(self, r))",
        "every_amount_and_currency_has_a_lawful_answer",
    ),
    "divides nothing by nothing": (
        "def amount(self, r):\n    return Good.amount(self, r) if r.amount else Decimal('NaN')",
        "every_amount_and_currency_has_a_lawful_answer",
    ),
    "answers the first line only": (
        "def answers(self, requests):\n    return [self.quote(requests[0])]",
        "every_amount_and_currency_has_a_lawful_answer",
    ),
    "answers otherwise the second time": (
        "def amount(self, r):\n    self.asked += 1\n    return Good.amount(self, r) + self.asked // 3",
        "the_same_question_has_the_same_answer",
    ),
    "puts what rounding leaves on the last line": (
        "def answers(self, requests):\n"
        "    *rest, last = Good.answers(self, requests)\n"
        "    whole = sum(r.amount for r in requests) * Decimal('0.19')\n"
        "    left = round(whole, 0) - sum(q.amount for q in rest)\n"
        "    return [*rest, msgspec.structs.replace(last, amount=abs(left))]",
        "an_answer_does_not_depend_on_its_neighbours",
    ),
    "takes less than its batch": (
        "def answers(self, requests):\n    return Good.answers(self, requests[:10])",
        "more_than_a_batch_is_several_calls",
    ),
    "knows ASCII only": (
        "def quote(self, r):\n    r.key.encode('ascii')\n    return Good.quote(self, r)",
        "keys_and_references_are_texts_of_any_script",
    ),
    "trims keys": (
        "def quote(self, r):\n    return msgspec.structs.replace(Good.quote(self, r), key=r.key.strip())",
        "keys_and_references_are_texts_of_any_script",
    ),
    "writes into the question": (
        "def quote(self, r):\n"
        "    quote = Good.quote(self, r)\n"
        "    msgspec.structs.force_setattr(r, 'amount', r.amount + quote.amount)\n"
        "    return quote",
        "a_question_is_not_changed",
    ),
    "keeps the batch in itself": (
        "def answers(self, requests):\n"
        "    self.requests = requests\n"
        "    time.sleep(0.002)\n"
        "    return Good.answers(self, self.requests)",
        "threads_may_ask_at_once",
    ),
    "has no quote for its own sample": (
        "def quote(self, r):\n    from engine.ports.hookspecs.tax import NoQuote\n    return NoQuote(r.key, 'no')",
        "every_amount_and_currency_has_a_lawful_answer",
    ),
}

WRONG_DELIVERY = {
    "sends again": ("def known(self, key):\n    return None", "the_same_key_twice_is_one_act"),
    "gives another receipt each time": (
        "def send(self, e):\n    return msgspec.structs.replace(Good.send(self, e), evidence={'id': uuid.uuid4().hex})",
        "the_same_key_twice_is_one_act",
    ),
    "remembers in its process": (
        "seen = property(lambda self: self.__dict__.setdefault('_seen', {}))\n"
        "def known(self, key):\n    return self.seen.get(key)\n"
        "def act(self, e):\n    self.seen[e.key] = e.payload\n    Good.act(self, e)",
        "a_key_is_known_after_a_restart",
    ),
    "does nothing": ("def act(self, e):\n    pass", "two_keys_are_two_acts"),
    "takes another document under a key": (
        "def send(self, e):\n"
        "    if self.known(e.key) is None:\n        return Good.send(self, e)\n"
        "    return Answer(e.key, 'accepted', evidence={'number': e.payload['number']})",
        "a_key_with_another_payload_is_rejected",
    ),
    "accepts without evidence": (
        "def send(self, e):\n    return msgspec.structs.replace(Good.send(self, e), evidence={})",
        "the_same_key_twice_is_one_act",
    ),
    "remembers the last of a batch": (
        "def act(self, e):\n    for path in self.out.glob('*.json'):\n        path.unlink()\n    Good.act(self, e)",
        "an_answer_that_breaks_the_contract_leaves_it_open",
    ),
    "fails on one bad document": (
        "def send(self, e):\n    self.check(e)\n    return Good.send(self, e)",
        "what_is_not_understood_is_rejected_alone",
    ),
    "refuses credit notes": (
        "def check(self, e):\n"
        "    Good.check(self, e)\n"
        "    if e.payload['total'].startswith('-'):\n        raise msgspec.ValidationError('negative')",
        "every_kind_of_document_is_accepted",
    ),
    "names files after keys": (
        "def path(self, key):\n    return self.out / f'{key}.json'",
        "keys_are_texts_of_any_script",
    ),
    "drops fields that it does not want": (
        "def send(self, e):\n    e.payload.pop('due_date', None)\n    return Good.send(self, e)",
        "a_payload_is_not_changed",
    ),
    "looks before it leaps": (
        "@hookimpl\ndef delivery_send(self, effects):\n    return [self.send(e) for e in effects]\n"
        "def check(self, e):\n    time.sleep(0.05)\n    Good.check(self, e)",
        "one_key_told_by_threads_at_once_is_one_act",
    ),
    "sends when it is asked": ("def status(self, e):\n    return self.send(e)", "what_became_of_a_key_can_be_asked"),
    "knows nothing when it is asked": (
        "def status(self, e):\n    return Answer(e.key, 'retry', 'who knows')",
        "what_became_of_a_key_can_be_asked",
    ),
}


class Files(DeliveryContract):
    """The contract of the adapters here, which write into the folder ``out``."""

    def acts(self, home: Path) -> Collection[Any]:
        path = home / "out" / "arrived"
        return path.read_text().splitlines() if path.exists() else []


def written(folder: Path, port: str, source: str) -> Setup:
    """A plug-in of this source in a folder."""
    plugin = folder / f"{port}_it"
    plugin.mkdir(parents=True)
    head = f"name: {port}_it\nversion: 1.0.0\nsummary: Wrong.\nports: {{{port}: 1}}\nclass: plugin:It\nbatch: 40\n"
    (plugin / "plugin.yaml").write_text(head)
    (plugin / "plugin.py").write_text(source)
    return Setup(plugin, timeout=10)


def contract(kind: type[Contract], setup: Setup) -> Any:
    """The clauses for a plug-in."""
    made = kind()
    made.setup = setup
    return made


def parameters(clause: Any) -> list[dict[str, Any]]:
    """What a clause is run with, one after the other."""
    marks = [mark for mark in getattr(clause, "pytestmark", []) if mark.name == "parametrize"]
    return [{mark.args[0]: value} for mark in marks for value in mark.args[1]] or [{}]


def failures(made: Any, name: str, folder: Path) -> int:
    """How many runs of a clause fail."""
    clause = getattr(made, f"test_{name}")
    count = 0
    for number, values in enumerate(parameters(clause)):
        home = folder / f"home-{number}"
        home.mkdir()
        try:
            clause(home, **values)
        except AssertionError:
            count += 1
    return count


@pytest.mark.parametrize("wrong", WRONG_TAX)
def test_a_wrong_tax_adapter_fails_its_clause(tmp_path: Path, wrong: str) -> None:
    body, name = WRONG_TAX[wrong]
    setup = written(tmp_path, "tax", TAX + textwrap.indent(body, "    "))
    assert failures(contract(TaxContract, setup), name, tmp_path)


@pytest.mark.parametrize("wrong", WRONG_DELIVERY)
def test_a_wrong_delivery_adapter_fails_its_clause(tmp_path: Path, wrong: str) -> None:
    body, name = WRONG_DELIVERY[wrong]
    setup = written(tmp_path, "delivery", DELIVERY + textwrap.indent(body, "    "))
    assert failures(contract(Files, setup), name, tmp_path)


@pytest.mark.parametrize(
    ("kind", "port", "source", "wrong"),
    [(TaxContract, "tax", TAX, WRONG_TAX), (Files, "delivery", DELIVERY, WRONG_DELIVERY)],
    ids=["tax", "delivery"],
)
def test_without_what_is_wrong_the_clauses_hold(
    tmp_path: Path, kind: type[Contract], port: str, source: str, wrong: dict[str, tuple[str, str]]
) -> None:
    made = contract(kind, written(tmp_path, port, source + "    pass\n"))
    names = {name for _, name in wrong.values()}
    for name in names:
        (tmp_path / name).mkdir()
    assert {name: failures(made, name, tmp_path / name) for name in names} == dict.fromkeys(names, 0)


def test_a_host_that_looks_at_no_answer_fails_the_clauses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "quote_flaws", lambda adapter: lambda request, quote: "")
    made = contract(TaxContract, written(tmp_path, "tax", TAX + "    pass\n"))
    # what is missing, twice or unknown is seen by the sorting of answers, the other ten by their flaws
    assert failures(made, "an_answer_that_breaks_the_contract_is_refused_alone", tmp_path) == 10


WRONG_CALLS = {
    "takes a busy service for a refusal": ("busy", 'raise Transient(f"the service', 'raise Permanent(f"the service'),
    "takes a refusal for a busy service": ("denied", 'raise Permanent(f"the service answered {', 'raise Transient(f"{'),
    "takes a broken connection for nothing done": ("broken-off", "raise Unknown(", "raise Permanent("),
}


@pytest.fixture
def service() -> Iterator[Vendor]:
    with vendor() as made:
        yield made


class Http(TaxContract):
    """The contract of the HTTP adapter with something changed in it."""

    service: Vendor

    def inject(self, fault: Any) -> Any:
        return self.service.failing(fault)


def changed(folder: Path, service: Vendor, old: str, new: str) -> Http:
    """The HTTP adapter with one thing changed."""
    plugin = folder / "http_tax"
    plugin.mkdir()
    source = (HERE / "http_tax" / "plugin.py").read_text()
    assert old in source
    (plugin / "plugin.yaml").write_text((HERE / "http_tax" / "plugin.yaml").read_text())
    (plugin / "plugin.py").write_text(source.replace(old, new))
    made = Http()
    made.service, made.setup = service, Setup(plugin, {"url": service.url}, {"token": SECRET}, timeout=5)
    return made


@pytest.mark.parametrize("wrong", WRONG_CALLS)
def test_a_wrong_class_fails_its_clause(tmp_path: Path, service: Vendor, wrong: str) -> None:
    fault, old, new = WRONG_CALLS[wrong]
    made = changed(tmp_path, service, old, new)
    made.faults = (fault,)  # type: ignore[assignment]
    with pytest.raises(AssertionError, match="expected"):
        made.test_a_fault_of_the_vendor_is_classed_and_passes(tmp_path, fault)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "leak",
    [
        "print('calling with', self.token)",
        "import logging; logging.getLogger('http_tax').debug('token %s', self.token)",
    ],
    ids=["printed", "logged"],
)
def test_a_secret_that_is_shown_fails_its_clause(tmp_path: Path, service: Vendor, leak: str) -> None:
    made = changed(
        tmp_path, service, "        connection = http.client", f"        {leak}\n        connection = http.client"
    )
    with pytest.raises(AssertionError, match="token in the output"):
        made.test_no_secret_is_shown(tmp_path)


def test_every_clause_says_what_it_asks() -> None:
    clauses = [
        (kind.__name__, name)
        for kind in (TaxContract, DeliveryContract)
        for name, member in inspect.getmembers(kind, inspect.isfunction)
        if name.startswith("test_") and not (member.__doc__ or "").strip().endswith(".")
    ]
    assert clauses == []
