"""The adapter ``psp_sepa``: files against the published schemas and another writer, what banks answer, one act a key."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import time_machine
from sepaxml import SepaDD

from engine.base.errors import TollbookError
from engine.model.effect import Answer, Effect
from engine.model.payment import CHARGE, REFUND, Mandate, Method, PaidItem, PaymentRequest, RefundRequest
from engine.ports.contracts import PspContract, Setup
from engine.ports.contracts.harness import ADAPTER, Stage, stage
from engine.ports.hookspecs.psp import EventRequest, FileRequest
from tests.fakes import sepa_bank
from tests.plugins.sftp import PASSWORD, Partner

PLUGIN = Path("plugins/psp_sepa")
ACCOUNT = "DE89370400440532013000"
SETTINGS = {
    "creditor_name": "Müller & Söhne GmbH",
    "creditor_id": "DE98ZZZ09999999999",
    "iban": ACCOUNT,
    "bic": "COBADEFF",
    "country": "DE",
    "town": "Köln",
    "postcode": "50667",
    "street": "Domplatz 1",
}
MONDAY = date(2026, 3, 2)
MANDATE = Mandate(
    "M-1", "core", "DE98ZZZ09999999999", "Zoë Ångström", "NL91ABNA0417164300", signed=date(2025, 5, 1), sequence="RCUR"
)


@pytest.fixture(autouse=True)
def _monday_morning() -> Iterator[None]:
    with time_machine.travel("2026-03-02T08:00:00Z", tick=False):
        yield


def made(home: Path, **settings: Any) -> Stage:
    return stage(Setup(PLUGIN, {**SETTINGS, **settings}, timeout=10), "psp", home)


def request(name: str, amount: str = "119.00", day: date = MONDAY, **changes: Any) -> PaymentRequest:
    mandate = msgspec.structs.replace(MANDATE, **changes.pop("mandate", {}))
    method = Method("sepa", "acme-de", "A-1", "sepa_debit", mandate=mandate)
    asked = PaymentRequest(
        name, "acme-de", "A-1", day, Decimal(amount), "EUR", method, (PaidItem(name, Decimal(amount)),)
    )
    return msgspec.structs.replace(asked, **changes)


def charge(name: str, *given: Any, **changes: Any) -> Effect:
    return Effect(f"charge/{name}/1", "psp", CHARGE, plain(request(name, *given, **changes)))


def plain(value: Any) -> dict[str, Any]:
    return msgspec.to_builtins(value, enc_hook=str, builtin_types=())


def files(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((home / "out/sepa").glob("*.xml"))}


def charged(home: Path, *effects: Effect, **settings: Any) -> tuple[Stage, list[sepa_bank.Debit]]:
    staged = made(home, **settings)
    before = files(home)
    answers = staged.host.tell(ADAPTER, effects)
    assert [one.state for one in answers] == ["accepted"] * len(effects), answers
    ((_, data),) = files(home).items() - before.items()
    return staged, sepa_bank.read(data)


def told(staged: Stage, body: bytes) -> tuple[Any, ...]:
    (answer,) = staged.host.line(ADAPTER).adapter.plugins.hook.psp_events(requests=[EventRequest("k", body, {})])
    assert not answer.refused, answer.refused
    return answer.events


@pytest.mark.capability("A4.1")
@pytest.mark.parametrize("version", ["02", "08"])
def test_a_file_is_grouped_by_day_scheme_and_sequence(tmp_path: Path, version: str) -> None:
    _, read = charged(
        tmp_path,
        charge("INV-1", "119.00"),
        charge("INV-2", "0.01", mandate={"reference": "M-2", "sequence": "FRST"}),
        charge("INV-3", "999999999.99", mandate={"reference": "M-3", "scheme": "b2b"}),
        charge("INV-4", "10.50", date(2026, 4, 3)),
        message=f"pain.008.001.{version}",
    )
    assert [
        (one.end_to_end, one.due, one.scheme, one.sequence) for one in sorted(read, key=lambda one: one.end_to_end)
    ] == [
        ("INV-1", date(2026, 3, 3), "CORE", "RCUR"),
        ("INV-2", date(2026, 3, 3), "CORE", "FRST"),
        ("INV-3", date(2026, 3, 3), "B2B", "RCUR"),
        ("INV-4", date(2026, 4, 7), "CORE", "RCUR"),  # Good Friday to the day after Easter Monday
    ]
    assert len({one.group for one in read}) == 4
    assert {(one.name, one.iban) for one in read} == {("Zoe Angstrom", MANDATE.iban)}


def test_another_writer_says_the_same(tmp_path: Path) -> None:
    _, (mine,) = charged(tmp_path, charge("INV-1"), message="pain.008.001.02")
    config = {"name": "Muller + Sohne GmbH", "IBAN": ACCOUNT, "BIC": "COBADEFF", "batch": True, "currency": "EUR"}
    theirs = SepaDD({**config, "creditor_id": "DE98ZZZ09999999999"}, schema="pain.008.001.02", clean=False)
    payment = {"name": "Zoe Angstrom", "IBAN": MANDATE.iban, "amount": 11900, "type": "RCUR", "mandate_id": "M-1"}
    payment |= {"collection_date": date(2026, 3, 3), "mandate_date": MANDATE.signed, "endtoend_id": "INV-1"}
    theirs.add_payment({**payment, "description": "INV-1"})
    (other,) = sepa_bank.read(theirs.export(validate=False))
    same = {"message": "", "group": ""}
    assert msgspec.structs.replace(mine, **same) == msgspec.structs.replace(other, **same)


def test_the_same_keys_are_one_file(tmp_path: Path) -> None:
    effects = [charge("INV-1"), charge("INV-2", "20.00")]
    staged, _ = charged(tmp_path, *effects)
    before = files(tmp_path)
    with time_machine.travel("2026-03-05T08:00:00Z"):
        again = made(tmp_path).host.tell(ADAPTER, effects[::-1])
    assert [one.state for one in again] == ["accepted", "accepted"] and files(tmp_path) == before
    assert {one.evidence["due"] for one in again} == {"2026-03-03"}
    (other,) = staged.host.tell(ADAPTER, [charge("INV-1", "119.01")])
    assert (other.state, files(tmp_path)) == ("rejected", before)
    assert [one.state for one in staged.host.status(ADAPTER, [*effects, charge("INV-9")])] == [
        "accepted",
        "accepted",
        "retry",
    ]


def test_a_file_that_did_not_arrive_is_put_again_as_it_was(tmp_path: Path) -> None:
    blocked = tmp_path / "out/sepa"
    blocked.parent.mkdir()
    blocked.write_text("a file where the folder belongs")
    staged = made(tmp_path)
    with pytest.raises(TollbookError):
        staged.host.tell(ADAPTER, [charge("INV-1"), charge("INV-2")])
    blocked.unlink()
    with time_machine.travel("2026-03-04T08:00:00Z"):
        answers = made(tmp_path).host.tell(ADAPTER, [charge("INV-2"), charge("INV-3")])
    assert [one.state for one in answers] == ["accepted", "accepted"]
    read = {name: [one.end_to_end for one in sepa_bank.read(data)] for name, data in files(tmp_path).items()}
    assert sorted(map(tuple, read.values())) == [("INV-1", "INV-2"), ("INV-3",)]


@pytest.mark.parametrize(
    ("moment", "wanted", "due"),
    [
        ("2026-03-02T08:59:00Z", "2026-03-02", "2026-03-03"),  # before the cut-off at ten in Berlin
        ("2026-03-02T09:01:00Z", "2026-03-02", "2026-03-04"),
        ("2026-04-02T09:01:00Z", "2026-04-03", "2026-04-08"),  # after it on Maundy Thursday
        ("2026-12-24T08:00:00Z", "2026-12-25", "2026-12-28"),
        ("2026-03-02T08:00:00Z", "2026-03-07", "2026-03-09"),
    ],
)
def test_the_day_is_one_that_can_be_had(tmp_path: Path, moment: str, wanted: str, due: str) -> None:
    with time_machine.travel(moment):
        _, (one,) = charged(tmp_path, charge("INV-1", day=date.fromisoformat(wanted)))
    assert one.due.isoformat() == due


DECLINED: list[tuple[dict[str, Any], str]] = [
    ({"currency": "CHF"}, "CURR"),
    ({"amount": Decimal("1000000000.00")}, "AM12"),
    ({"amount": Decimal("0.005")}, "AM12"),
    ({"mandate": {"iban": "NL92ABNA0417164300"}}, "AC01"),
    ({"mandate": {"iban": "US64SVBKUS6S3300958879"}}, "AC01"),
    ({"mandate": {"iban": "CH9300762011623852957"}}, "RC01"),
    ({"mandate": {"reference": "M/1//2"}}, "MD02"),
    ({"mandate": {"reference": "Märchen"}}, "MD02"),
    ({"mandate": {"signed": None}}, "MD02"),
    ({"mandate": {"scheme": "cor1"}}, "FF05"),
    ({"mandate": {"creditor_id": "AT61ZZZ01234567890"}}, "BE05"),
    ({"method": Method("x", "acme-de", "A-1", "card", token="tok")}, "MD01"),
]


def test_what_no_bank_would_take_is_declined_alone(tmp_path: Path) -> None:
    bad = [charge(f"BAD-{n}", **changes) for n, (changes, _) in enumerate(DECLINED)]
    good, *answers = made(tmp_path).host.tell(ADAPTER, [charge("INV-1"), *bad])
    assert good.state == "accepted"
    assert [(one.state, one.evidence["code"]) for one in answers] == [("rejected", code) for _, code in DECLINED]
    assert all(one.reason for one in answers)
    ((_, data),) = files(tmp_path).items()
    assert [one.end_to_end for one in sepa_bank.read(data)] == ["INV-1"]


def test_an_amended_mandate_says_what_it_was(tmp_path: Path) -> None:
    before = {"reference": "OLD-1", "creditor_id": "DE98ZZZ09999999999", "creditor_name": "Müller OHG", "iban": ACCOUNT}
    _, (one,) = charged(tmp_path, charge("INV-1", mandate={"amended": before}))
    ((_, data),) = files(tmp_path).items()
    assert one.amended
    for words in ("<OrgnlMndtId>OLD-1<", "<Nm>Muller OHG<", "<Id>SMNDA<"):
        assert words in data.decode()


def test_names_that_banks_do_not_carry_get_one_of_ours(tmp_path: Path) -> None:
    names = ["acme-de/2026/00001/with-a-very-long-name", "Ä-1", "INV-1"]
    _, read = charged(tmp_path, *map(charge, names), charge("INV-1b", reference="INV-1"))
    assert len({one.end_to_end for one in read}) == 4
    assert all(len(one.end_to_end) <= 35 and one.end_to_end.isascii() for one in read)


@pytest.mark.parametrize("level", ["transaction", "group", "message"])
@pytest.mark.parametrize("version", ["03", "10"])
def test_rejections_of_each_level(tmp_path: Path, level: str, version: str) -> None:
    staged, read = charged(tmp_path, charge("INV-1"), charge("INV-2"), charge("INV-3", day=date(2026, 3, 20)))
    mine = [one for one in read if one.due == date(2026, 3, 3)]
    body = sepa_bank.rejects(mine, "AM04", level=level, version=version)
    events = told(staged, body)
    keys = {"charge/INV-1/1", "charge/INV-2/1"} | ({"charge/INV-3/1"} if level == "message" else set())
    assert {one.key for one in events} == keys and {one.kind for one in events} == {"payment_failed"}
    assert {(one.code, one.reason.split(":")[0]) for one in events} == {("AM04", "retry")}
    assert told(staged, body) == events


def test_a_group_is_settled_but_for_what_was_rejected(tmp_path: Path) -> None:
    staged, read = charged(tmp_path, charge("INV-1", "10.00"), charge("INV-2", "20.00"))
    paid = sepa_bank.booked(ACCOUNT, date(2026, 3, 3), sepa_bank.group_credit(read[1:], date(2026, 3, 3)))
    (odd,) = told(staged, paid)
    assert odd.kind == "other" and "comes to 30.00 EUR" in odd.reason
    told(staged, sepa_bank.rejects(read[:1], "AC04"))
    assert [(one.kind, one.key, one.amount) for one in told(staged, paid)] == [
        ("payment_succeeded", "charge/INV-2/1", Decimal("20.00"))
    ]


@pytest.mark.parametrize(
    ("code", "day", "kind", "late"),
    [
        ("MS03", "2026-03-10", "return", False),
        ("AM04", "2026-03-11", "return", True),
        ("MD06", "2026-03-05", "refund", False),
        ("MD06", "2026-05-06", "refund", False),
        ("MD06", "2026-05-07", "refund", True),
        ("MD01", "2027-04-03", "refund", False),
        ("MD01", "2027-05-03", "refund", True),
    ],
)
@pytest.mark.parametrize("version", ["02", "08"])
def test_what_comes_back_after_settlement(
    tmp_path: Path, code: str, day: str, kind: str, late: bool, version: str
) -> None:
    staged, (one,) = charged(tmp_path, charge("INV-1"))
    on = date.fromisoformat(day)
    back = sepa_bank.debit_back(one, on, code, Decimal("3.50"), version=version)
    (event,) = told(staged, sepa_bank.booked(ACCOUNT, on, back, version=version))
    assert (event.kind, event.key, event.code, event.amount) == (
        "payment_returned",
        "charge/INV-1/1",
        code,
        Decimal("119.00"),
    )
    assert event.dispute is not None and (event.dispute.state, event.dispute.fee) == (kind, Decimal("3.50"))
    assert ("too late" in event.reason) is late


def test_messages_that_are_not_understood_are_refused(tmp_path: Path) -> None:
    staged, (one,) = charged(tmp_path, charge("INV-1"))
    hook = staged.host.line(ADAPTER).adapter.plugins.hook
    whole = sepa_bank.rejects([one], "AM04")
    for body in (b"", b"\xff\x00", whole[:-30], whole.replace(b"pain.008.001.08", b"pain.001.001.03"), b"<camt.053/>"):
        (answer,) = hook.psp_events(requests=[EventRequest("k", body, {})])
        assert answer.refused and not answer.events
    (strange,) = told(staged, whole.replace(one.end_to_end.encode(), b"X-1"))
    assert strange.kind == "other" and "not of this adapter" in strange.reason


def test_a_preview_is_the_file(tmp_path: Path) -> None:
    asked = {f"charge/{name}/1": request(name) for name in ("INV-1", "INV-2")}
    asked["bad"] = request("INV-3", currency="USD")
    hook = made(tmp_path).host.line(ADAPTER).adapter.plugins.hook
    (answer,) = hook.psp_files(requests=[FileRequest("k", "acme-de", MONDAY, asked)])
    assert list(answer.left) == ["bad"] and not files(tmp_path)
    (file,) = answer.files
    _, read = charged(tmp_path, charge("INV-1"), charge("INV-2"))
    assert sepa_bank.read(file.content) == read and file.name in files(tmp_path)


def test_refunds_go_back_where_they_came_from(tmp_path: Path) -> None:
    staged, read = charged(tmp_path, charge("INV-1"), charge("INV-2"))
    told(staged, sepa_bank.rejects(read[1:], "AM04"))

    def back(key: str, amount: str, of: str = "INV-1") -> Effect:
        made = RefundRequest(
            key, of, "acme-de", "A-1", of, Decimal(amount), "EUR", request(of).method, reason="goodwill"
        )
        return Effect(f"refund/{key}", "psp", REFUND, plain(made))

    told_ = staged.host.tell(ADAPTER, [back("R-1", "100.00"), back("R-2", "19.01"), back("R-3", "1.00", "INV-2")])
    assert [one.state for one in told_] == ["accepted", "rejected", "rejected"]
    assert "19.00 is left" in told_[1].reason and "AM04" in told_[2].reason
    assert staged.host.tell(ADAPTER, [back("R-1", "100.00")])[0] == told_[0]
    (data,) = [data for data in files(tmp_path).values() if b"pain.001" in data[:200]]
    assert sepa_bank.valid(data) == "pain.001.001.09"
    assert b"<IBAN>NL91ABNA0417164300<" in data and b">100.00<" in data
    assert staged.host.tell(ADAPTER, [back("R-4", "19.00")])[0].state == "accepted"


def test_files_reach_the_bank_over_sftp(tmp_path: Path) -> None:
    partner = Partner(tmp_path / "sftp")
    partner.folder = tmp_path / "bank"
    (partner.folder / "in").mkdir(parents=True)
    server = {"host": "127.0.0.1", "port": partner.port, "user": "acme", "host_key": partner.host_key, "folder": "/in"}
    setup = Setup(PLUGIN, {**SETTINGS, **server}, {"password": PASSWORD}, timeout=10)
    (answer,) = stage(setup, "psp", tmp_path).host.tell(ADAPTER, [charge("INV-1")])
    (path,) = (partner.folder / "in").iterdir()
    assert path.name == f"{answer.evidence['file']}.xml" and sepa_bank.read(path.read_bytes())


@pytest.mark.parametrize(
    ("setting", "value"), [("creditor_id", "DE97ZZZ09999999999"), ("iban", "DE89370400440532013001"), ("bic", "COBA")]
)
def test_a_creditor_that_cannot_be_is_refused_at_load(tmp_path: Path, setting: str, value: str) -> None:
    with pytest.raises(TollbookError) as refusal:
        made(tmp_path, **{setting: value})
    assert setting in str(refusal.value)


def test_no_account_is_in_the_log(tmp_path: Path) -> None:
    staged, _ = charged(tmp_path, charge("INV-1"))
    assert MANDATE.iban not in staged.log.text()


class TestSepaContract(PspContract):
    """What every provider keeps; a message of a bank is not signed, its way in is the file."""

    setup = Setup(PLUGIN, SETTINGS, timeout=10)
    token = ""
    method = "sepa_debit"

    def acts(self, home: Path) -> Collection[Any]:
        found: list[Any] = []
        for name, data in files(home).items():
            found += sepa_bank.read(data) if b"pain.008" in data else [name]
        return found

    def effect(self, key: str, token: str = "", **changes: Any) -> Effect:
        plain_one = plain(request(key, day=MONDAY)) | changes
        return Effect(key, "psp", CHARGE, plain_one)

    def back(self, key: str, paid: Answer, amount: str) -> Effect:
        made = super().back(key, paid, amount)
        return Effect(key, made.port, made.kind, made.payload | {"day": "2026-03-02", "reason": "a credit"})

    def test_only_signed_messages_are_believed(self, tmp_path: Path) -> None:
        pytest.skip("files of a bank are not signed: who may put them there is the folder's affair")
