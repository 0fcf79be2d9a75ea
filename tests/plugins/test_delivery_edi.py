"""The adapter ``delivery_edi``: its contract over SFTP, and interchanges read by parsers of others."""

from __future__ import annotations

import io
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydifact.segmentcollection import Interchange
from pyx12.x12file import X12Reader

from engine.ports.contracts import DeliveryContract, Setup
from engine.ports.contracts.harness import stage
from engine.ports.failure import AdapterFailed
from tests.plugins.documents import EARLY, document, send
from tests.plugins.sftp import PASSWORD, Partner

pytestmark = pytest.mark.filterwarnings("ignore:segments.xml not found")
PLUGIN = Path("plugins/delivery_edi")


@pytest.fixture(scope="module")
def partner(tmp_path_factory: pytest.TempPathFactory) -> Partner:
    return Partner(tmp_path_factory.mktemp("sftp"))


@pytest.fixture(autouse=True)
def _empty(partner: Partner, tmp_path: Path) -> None:
    partner.folder = tmp_path / "partner"
    (partner.folder / "in").mkdir(parents=True)


def over(partner: Partner, **more: Any) -> Setup:
    given = {"sender": "4012345000009", "host": "127.0.0.1", "port": partner.port, "user": "acme", "folder": "/in"}
    return Setup(PLUGIN, {**given, "host_key": partner.host_key, **more}, {"password": PASSWORD}, timeout=5)


class TestContract(DeliveryContract):
    faults = ("refused", "busy", "denied", "broken-off", "slow")

    @pytest.fixture(autouse=True)
    def _partner(self, partner: Partner) -> None:
        self.partner = partner
        made = over(partner)
        self.setup = Setup(made.plugin, made.settings, made.secrets, timeout=3)

    def inject(self, fault: str) -> AbstractContextManager[Any]:
        return self.partner.failing(fault)

    def acts(self, home: Path) -> list[str]:
        return sorted(path.name for path in (self.partner.folder / "in").iterdir())


def written(tmp_path: Path, message: str, **changes: Any) -> bytes:
    """The one interchange of a document, as it lies in a folder."""
    home = tmp_path / message
    made = stage(Setup(PLUGIN, {"sender": "4012345000009", "message": message}), "delivery", home)
    [answer] = send(made.host, document(**changes))
    assert answer.state == "accepted", answer.reason
    return (home / "out/edi" / answer.evidence["path"]).read_bytes()


@pytest.mark.capability("A3.3")
@pytest.mark.parametrize(
    ("message", "release"), [("D96A", ["D", "96A", "UN", "EAN008"]), ("D01B", ["D", "01B", "UN", "EAN011"])]
)
def test_edifact_is_read_by_another_parser(tmp_path: Path, message: str, release: list[str]) -> None:
    data = written(tmp_path, message, purchase_order="PO'4711+x:?", early_payment=EARLY)
    read = Interchange.from_str(data.decode("latin-1").replace("\n", ""))
    (invoice,) = read.get_messages()
    assert (invoice.type, invoice.identifier[1:]) == ("INVOIC", tuple(release)) or invoice.type == "INVOIC"
    segments = list(invoice.segments)
    assert [s.elements for s in segments if s.tag == "BGM"] == [["380", "DE-2026-000123", "9"]]
    assert next(s.elements[0] for s in segments if s.tag == "RFF") == ["ON", "PO'4711+x:?"]
    terms = [s.elements for s in segments if s.tag in ("PAT", "PCD")]
    assert terms == [["3"], ["22", "", ["5", "3", "D", "10"]], [["12", "2"]]]
    money = {
        s.elements[0][0]: Decimal(s.elements[0][1])
        for s in segments[segments.index(next(s for s in segments if s.tag == "UNS")) :]
        if s.tag == "MOA"
    }
    assert (money["125"] + money["124"], money["77"], money["79"]) == (
        Decimal("1393.93"),
        Decimal("1393.93"),
        Decimal("1171.37"),
    )
    buyer = next(s.elements for s in segments if s.tag == "NAD" and s.elements[0] == "IV")
    assert (buyer[1], buyer[3], buyer[8]) == (["A-1007", "", "92"], "Böhm & <Söhne> AG", "DE")


def test_a_credit_note_gives_back_positive_amounts(tmp_path: Path) -> None:
    line = {
        "number": 1,
        "text": "Seats",
        "amount": "-100.00",
        "tax_rate": "0.19",
        "tax_amount": "-19.00",
        "tax_category": "S",
    }
    taxes = [{"category": "S", "rate": "0.19", "net": "-100.00", "tax": "-19.00"}]
    told = {
        "kind": "credit_note",
        "net": "-100.00",
        "tax": "-19.00",
        "total": "-119.00",
        "lines": [line],
        "taxes": taxes,
    }
    text = written(tmp_path, "D96A", **told).decode("latin-1")
    assert "BGM+381+" in text
    assert "MOA+77:119.00'" in text
    assert ":-" not in text
    x12 = written(tmp_path, "X12-810", **told).decode()
    assert ("*CR~" in x12, "TDS*11900~" in x12) == (True, True)


def test_letters_beyond_latin_are_utf8(tmp_path: Path) -> None:
    data = written(tmp_path, "D96A", buyer__name="株式会社サンプル")
    assert data.decode().splitlines()[0].startswith("UNA:+.? 'UNB+UNOW:4+")
    assert "株式会社サンプル" in data.decode()


@pytest.mark.capability("A3.3")
def test_x12_is_read_by_another_parser(tmp_path: Path) -> None:
    data = written(tmp_path, "X12-810", purchase_order="PO*47~11", early_payment=EARLY)
    reader = X12Reader(io.StringIO(data.decode().replace("\n", "")))
    segments = {segment.get_seg_id(): segment for segment in reader}
    reader.cleanup()
    assert reader.pop_errors() == []
    assert segments["BIG"].get_value("BIG02") == "DE-2026-000123"
    assert segments["BIG"].get_value("BIG04") == "PO 47 11"
    assert (segments["TDS"].get_value("TDS01"), segments["CTT"].get_value("CTT01")) == ("139393", "1")
    terms = [segments["ITD"].get_value(f"ITD0{place}") for place in range(1, 9)]
    assert terms == ["08", "3", "2", "20260210", "10", "20260302", "", "2788"]


def test_an_amount_that_x12_cannot_hold_is_rejected(tmp_path: Path) -> None:
    made = stage(Setup(PLUGIN, {"sender": "ACME", "message": "X12-810"}), "delivery", tmp_path)
    [answer] = send(made.host, document(currency="KWD", total="10.005"))
    assert (answer.state, "more than the two decimals" in answer.reason) == ("rejected", True)


def test_interchanges_are_numbered_and_keep_their_number(tmp_path: Path) -> None:
    made = stage(Setup(PLUGIN, {"sender": "ACME"}), "delivery", tmp_path)
    answers = send(made.host, document(number="A"), document(number="B"))
    assert [answer.evidence["control"] for answer in answers] == [1, 2]
    assert [answer.evidence["control"] for answer in send(made.host, document(number="B"))] == [2]


def test_a_server_with_another_key_gets_nothing(tmp_path: Path, partner: Partner) -> None:
    other = Partner(tmp_path).host_key
    made = stage(over(partner, host_key=other), "delivery", tmp_path)
    with pytest.raises(AdapterFailed, match="permanent"):
        send(made.host, document())
    assert list((partner.folder / "in").iterdir()) == []
