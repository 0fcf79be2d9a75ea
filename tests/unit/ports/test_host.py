"""Calls to adapters: what comes back, what is checked, and how they fail."""

from __future__ import annotations

import pickle
import shutil
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import TollbookError
from engine.model.effect import Effect
from engine.model.tax import TaxRequest
from engine.ports.discovery import SHIPPED
from engine.ports.host import AdapterFailed, Host
from engine.rulebook.rulebook import release_of

Ask = Callable[..., TaxRequest]
TaxHost = Callable[..., Host]


def failure(host: Host, requests: list[TaxRequest]) -> AdapterFailed:
    with pytest.raises(AdapterFailed) as raised:
        host.ask_tax("it", requests)
    return raised.value


def said(error: TollbookError) -> list[str]:
    return [f"{finding.code}: {finding.what}" for finding in error.findings]


def test_quotes_come_in_the_order_of_the_requests(tax_host: TaxHost, request_for: Ask) -> None:
    host = tax_host("return [self.ok(r) for r in reversed(requests)]")
    quotes = host.ask_tax("it", [request_for("b", "20.00"), request_for("a", "10.00")])
    assert [(quote.key, quote.amount) for quote in quotes] == [("b", Decimal("2.0")), ("a", Decimal("1.0"))]


def test_no_requests_make_no_call(tax_host: TaxHost) -> None:
    assert tax_host("raise ValueError").ask_tax("it", []) == []


def test_a_batch_is_as_large_as_the_plug_in_takes(tax_host: TaxHost, request_for: Ask) -> None:
    host = tax_host("return [self.ok(r, jurisdiction=str(len(requests))) for r in requests]", batch=2)
    quotes = host.ask_tax("it", [request_for(str(n)) for n in range(5)])
    assert [quote.jurisdiction for quote in quotes] == ["2", "2", "2", "2", "1"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return None", "adapter.no-answer: tax_quote answered nothing"),
        ("pass", "adapter.no-answer: tax_quote answered nothing"),
        ("return 1", "adapter.wrong-answer: tax_quote answered int instead of a list"),
        ("return []", "adapter.no-answer: tax_quote gave no answer for 'a', 'b'"),
        ("return [self.ok(requests[0])]", "adapter.no-answer: tax_quote gave no answer for 'b'"),
        (
            "return [self.ok(r) for r in requests] + [self.ok(requests[0], key='c')]",
            "adapter.wrong-answer: tax_quote answered for keys that it was not asked for 'c'",
        ),
        (
            "return [self.ok(r) for r in requests] + [self.ok(requests[0])]",
            "adapter.wrong-answer: tax_quote answered more than once for 'a'",
        ),
        (
            "return [self.ok(requests[0]), 'b']",
            "adapter.wrong-answer: tax_quote answered for keys that it was not asked for str without a key",
        ),
        ("return [self.ok(requests[0]), NoQuote('b', 'no such code')]",
         "adapter.no-quote: no tax is known for 'b': no such code"),
    ],
)  # fmt: skip
def test_every_key_has_one_answer(tax_host: TaxHost, request_for: Ask, body: str, message: str) -> None:
    error = failure(tax_host(body), [request_for("a"), request_for("b")])
    assert message in said(error)
    assert error.kind == "permanent"


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ("amount=Decimal('1.001')", "answered the amount 1.001, which is no whole minor unit of EUR"),
        ("amount=1.5", "answered the amount 1.5, which is no finite Decimal"),
        ("amount=Decimal('NaN')", "answered the amount Decimal('NaN'), which is no finite Decimal"),
        ("amount=Decimal(-1)", "answered an amount of another sign than that of the line"),
        ("rate=Decimal('-0.1')", "answered the rate Decimal('-0.1'), which is no finite Decimal from 0 on"),
        ("rate=0.1", "answered the rate 0.1, which is no finite Decimal from 0 on"),
        ("category='X'", "answered the category 'X', which is none of S, Z, E, AE, K, G, O"),
        ("category='E', reason='exempt'", "answered a tax with the category E, which means none"),
        (
            "category='AE', rate=Decimal(0), amount=Decimal(0)",
            "answered the category AE without a reason to print",
        ),
        ("source='another'", "answered the source 'another' instead of the adapter's name"),
        ("jurisdiction=''", "answered no jurisdiction"),
    ],
)
def test_a_quote_keeps_to_the_contract(tax_host: TaxHost, request_for: Ask, change: str, flaw: str) -> None:
    error = failure(tax_host(f"return [self.ok(r, {change}) for r in requests]"), [request_for("a")])
    assert said(error) == [f"adapter.wrong-answer: tax_quote {flaw}: 'a'"]


def test_zeros_behind_the_minor_unit_do_no_harm(tax_host: TaxHost, request_for: Ask) -> None:
    host = tax_host("return [self.ok(r, amount=Decimal('10.00')) for r in requests]")
    assert host.ask_tax("it", [request_for("a", "100", "JPY")])[0].amount == 10


def test_a_flaw_of_many_keys_is_one_finding(tax_host: TaxHost, request_for: Ask) -> None:
    host = tax_host("return [self.ok(r, jurisdiction='') for r in requests]")
    error = failure(host, [request_for(f"k{n}") for n in range(8)])
    assert [finding.what for finding in error.findings] == [
        "tax_quote answered no jurisdiction: 'k0', 'k1', 'k2', 'k3', 'k4' and 3 more"
    ]


def test_good_answers_beside_bad_ones_are_kept(tax_host: TaxHost, request_for: Ask) -> None:
    host = tax_host("return [self.ok(r) if r.key != 'b' else NoQuote('b', 'unknown') for r in requests]", batch=1)
    error = failure(host, [request_for(key) for key in "abc"])
    assert [quote.key for quote in error.answered] == ["a", "c"]
    assert error.keys == ("b",)
    assert error.findings[0].subject == "b"


def test_a_call_that_fails_keeps_the_answers_before_it(tax_host: TaxHost, request_for: Ask) -> None:
    host = tax_host(
        "if requests[0].key == 'b': raise Transient('busy')\nreturn [self.ok(r) for r in requests]", batch=1
    )
    error = failure(host, [request_for(key) for key in "abc"])
    assert (error.kind, [quote.key for quote in error.answered], error.keys) == ("transient", ["a"], ("b",))


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ("raise Transient('busy')", "transient", "tax_quote failed (transient): busy"),
        ("raise Permanent('no such account')", "permanent", "tax_quote failed (permanent): no such account"),
        ("raise Unknown('connection lost')", "unknown", "tax_quote failed (unknown): connection lost"),
        ("raise ConnectionRefusedError('no')", "transient", "tax_quote failed (transient): ConnectionRefusedError: no"),
        ("raise ConnectionResetError('gone')", "unknown", "tax_quote failed (unknown): ConnectionResetError: gone"),
        ("raise TimeoutError('slow')", "unknown", "tax_quote failed (unknown): TimeoutError: slow"),
        ("return {}['x']", "permanent", "tax_quote failed (permanent): KeyError: 'x'"),
        ("raise SystemExit(3)", "permanent", "tax_quote failed (permanent): SystemExit: 3"),
    ],
)
def test_a_failure_has_a_class(tax_host: TaxHost, request_for: Ask, body: str, kind: str, message: str) -> None:
    error = failure(tax_host(body), [request_for("a")])
    assert (error.kind, error.adapter, said(error)) == (kind, "it", [f"adapter.failed: {message}"])
    assert error.keys == ("a",)


def test_a_call_is_given_up_in_time(tax_host: TaxHost, request_for: Ask) -> None:
    host = tax_host("time.sleep(5)", timeout=1)
    start = time.monotonic()
    error = failure(host, [request_for("a")])
    assert time.monotonic() - start < 3
    assert (error.kind, said(error)) == (
        "unknown",
        ["adapter.timed-out: tax_quote gave no answer within 1 seconds"],
    )


def test_no_secret_is_in_a_message(tax_host: TaxHost, request_for: Ask) -> None:
    secrets = "secrets: {token: {variable: ACME_TOKEN, description: A token.}}\n"
    body = "raise Permanent('401 for ' + self.context.secrets['token'] + repr(self.context))"
    error = failure(tax_host(body, secrets=secrets, environment={"ACME_TOKEN": "hunter2"}), [request_for("a")])
    assert "hunter2" not in str(error)
    assert "401 for ***" in str(error)
    assert "token=***" in str(error)


def test_a_plug_in_calculates_exactly(tax_host: TaxHost, request_for: Ask) -> None:
    host = tax_host("return [self.ok(r, jurisdiction=str(getcontext().prec)) for r in requests]")
    assert host.ask_tax("it", [request_for("a")])[0].jurisdiction == "50"


def test_two_requests_of_one_key_are_refused(tax_host: TaxHost, request_for: Ask) -> None:
    with pytest.raises(TollbookError, match="2 items for adapter 'it' have only 1 keys"):
        tax_host("return []").ask_tax("it", [request_for("a"), request_for("a")])


def test_a_failure_survives_the_way_between_processes(tax_host: TaxHost, request_for: Ask) -> None:
    error = failure(tax_host("raise Transient('busy')"), [request_for("a")])
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.findings, copy.kind, copy.adapter, copy.keys) == (error.findings, "transient", "it", ("a",))


# Telling


@pytest.fixture
def delivery_host(write_plugin: Any, make_host: Any) -> Callable[..., Host]:
    def make(body: str, batch: int = 500) -> Host:
        methods = "@hookimpl\ndef delivery_send(self, effects):\n" + "\n".join(f"    {x}" for x in body.splitlines())
        write_plugin("delivery_it", methods, ports="{delivery: 1}", manifest=f"batch: {batch}\n")
        return make_host("- {name: it, port: delivery, plugin: delivery_it}\n")

    return make


def effect(key: str) -> Effect:
    return Effect(key, "delivery", "invoice", {"number": key, "lines": []})


def test_answers_to_effects_come_in_their_order(delivery_host: Callable[..., Host]) -> None:
    host = delivery_host("return [Answer(e.key, 'accepted', evidence={'n': 1}) for e in reversed(effects)]", batch=2)
    assert [answer.key for answer in host.tell("it", [effect(key) for key in "abc"])] == ["a", "b", "c"]


def test_a_plug_in_cannot_change_a_payload(delivery_host: Callable[..., Host]) -> None:
    host = delivery_host("effects[0].payload['lines'].append(1)\nreturn [Answer(e.key, 'accepted') for e in effects]")
    mine = effect("a")
    host.tell("it", [mine])
    assert mine.payload == {"number": "a", "lines": []}


def test_what_was_told_before_a_failure_is_known_and_nothing_follows(delivery_host: Callable[..., Host]) -> None:
    body = (
        "if effects[0].key == 'b': raise RuntimeError('half sent')\nreturn [Answer(e.key, 'accepted') for e in effects]"
    )
    host = delivery_host(body, batch=1)
    with pytest.raises(AdapterFailed) as raised:
        host.tell("it", [effect(key) for key in "abc"])
    error = raised.value
    assert (error.kind, [answer.key for answer in error.answered], error.keys) == ("unknown", ["a"], ("b",))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("None", "adapter.no-answer: delivery_send answered nothing"),
        ("[]", "adapter.no-answer: delivery_send gave no answer for 'a'"),
        ("[Answer('a', 'rejected')]", "adapter.wrong-answer: delivery_send answered rejected without a reason: 'a'"),
        (
            "[Answer('a', 'done')]",
            "adapter.wrong-answer: delivery_send answered the state 'done', which is none of accepted, rejected, "
            "retry: 'a'",
        ),
        (
            "[Answer('a', 'accepted', evidence={'x': object()})]",
            "adapter.wrong-answer: delivery_send answered evidence that is not JSON: 'a'",
        ),
    ],
)
def test_a_wrong_answer_leaves_open_what_was_done(
    delivery_host: Callable[..., Host], answer: str, message: str
) -> None:
    with pytest.raises(AdapterFailed) as raised:
        delivery_host(f"return {answer}").tell("it", [effect("a")])
    assert (said(raised.value), raised.value.kind, raised.value.keys) == ([message], "unknown", ("a",))


# Providing, and what the host says of itself


def test_methods_of_plug_ins(write_plugin: Any, make_host: Any) -> None:
    methods = """
        @hookimpl
        def provide_methods(self):
            def free(terms, facts):
                "Nothing is owed."
                return 0
            return {"pricing": {"free": Method(free, {})}}
    """
    write_plugin("methods_it", methods, ports="{methods: 1}")
    host = make_host("- {name: it, port: methods, plugin: methods_it}\n")
    assert host.methods()["pricing"]["free"].function({}, None) == 0


def test_a_host_without_adapters() -> None:
    host = Host([], Path())
    assert (host.adapters("tax"), host.methods(), host.versions()) == ((), {}, {})


def test_adapters_by_port_and_their_versions(tax_host: TaxHost) -> None:
    host = tax_host("return []", batch=7)
    assert host.adapters("tax") == ("it",)
    assert host.adapters("delivery") == ()
    assert host.batch("it") == 7
    name, _, version = host.versions()["it"].partition(" ")
    assert (name, version.partition("+")[0], len(version.partition("+")[2])) == ("tax_it", "1.2.3", 12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda host: host.ask_tax("itt", []), "there is no adapter 'itt' for the port 'tax'"),
        (lambda host: host.tell("itt", []), "there is no adapter 'itt' for any port"),
        (lambda host: host.tell("it", []), "there is no adapter 'it' for a port that is told of effects"),
    ],
)
def test_an_unknown_adapter_is_refused(tax_host: TaxHost, call: Callable[[Host], Any], message: str) -> None:
    with pytest.raises(TollbookError) as raised:
        call(tax_host("return []"))
    assert raised.value.findings[0].what == message
    assert raised.value.findings[0].mend == "did you mean 'it'?"


TABLE = """\
country,region,tax_code,buyer,supply,from,to,rate,category,reason,source
DE,*,standard,*,local,2021-01-01,,19 %,S,,law
"""


def release(host: Host) -> str:
    return release_of({}, {}, host.versions())


def test_one_rate_of_the_plug_in_s_own_table_is_another_release(tmp_path: Path, make_host: Callable[..., Host]) -> None:
    shutil.copytree(SHIPPED / "tax_table", tmp_path / "own" / "tax_table")
    text = "- {name: tax, port: tax, plugin: ./own/tax_table}\n"
    before = release(make_host(text))
    assert release(make_host(text)) == before
    rates = tmp_path / "own" / "tax_table" / "rates.csv"
    changed = rates.read_text().replace(",19 %,", ",18 %,", 1)
    assert changed != rates.read_text()
    rates.write_text(changed)
    assert release(make_host(text)) != before


def test_one_rate_of_a_table_that_a_setting_names_is_another_release(
    tmp_path: Path, make_host: Callable[..., Host]
) -> None:
    (tmp_path / "mine.csv").write_text(TABLE)
    text = "- {name: tax, port: tax, plugin: tax_table, settings: {table: mine.csv}}\n"
    before = release(make_host(text))
    (tmp_path / "mine.csv").write_text(TABLE.replace("19 %", "16 %"))
    assert release(make_host(text)) != before


def test_a_setting_is_part_of_the_release_written_out_or_not(write_plugin: Any, make_host: Callable[..., Host]) -> None:
    manifest = "settings: {rate: {type: percent, default: 19 %, description: Rate.}}\n"
    write_plugin("tax_it", "@hookimpl\ndef tax_quote(self, requests):\n    return []\n", manifest=manifest)
    names = [
        release(make_host(f"- {{name: it, port: tax, plugin: tax_it{settings}}}\n"))
        for settings in ("", ", settings: {rate: 19 %}", ", settings: {rate: 20 %}")
    ]
    assert names[0] == names[1] != names[2]


def test_a_file_that_is_only_written_is_not_part_of_the_release(
    tmp_path: Path, write_plugin: Any, make_host: Callable[..., Host]
) -> None:
    manifest = "settings: {log: {type: string, default: log.txt, reads: false, description: Log.}}\n"
    write_plugin("tax_it", "@hookimpl\ndef tax_quote(self, requests):\n    return []\n", manifest=manifest)
    before = release(make_host("- {name: it, port: tax, plugin: tax_it}\n"))
    (tmp_path / "log.txt").write_text("a call")
    assert release(make_host("- {name: it, port: tax, plugin: tax_it}\n")) == before


def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, write_plugin: Any, make_host: Callable[..., Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = "settings: {table: {type: string, default: mine.csv, description: Table.}}\n"
    write_plugin("tax_it", "@hookimpl\ndef tax_quote(self, requests):\n    return []\n", manifest=manifest)
    (tmp_path / "mine.csv").write_text(TABLE)
    read = Path.read_bytes

    def unreadable(path: Path) -> bytes:
        if path.name == "mine.csv":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", unreadable)
    with pytest.raises(TollbookError) as raised:
        make_host("- {name: it, port: tax, plugin: tax_it}\n")
    what = f"plugin.broken: a file of adapter 'it' cannot be read: {tmp_path / 'mine.csv'}: Permission denied"
    assert said(raised.value) == [what]
