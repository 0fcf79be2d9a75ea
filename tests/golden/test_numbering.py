"""Legal numbers as several countries want them, from the bill run to what is printed and verified."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from engine.app import App
from engine.base.errors import TollbookError
from engine.runs.documents.document import Documents
from engine.store.tables import NUMBER_MARK
from tests import stories

FLAVOURS = stories.ROOT / "examples" / "flavours"
SIGNING = "  - {name: signing_rsa, port: signing, plugin: signing_rsa}\n"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    """A key of the length that the Portuguese law names."""
    return rsa.generate_private_key(65537, 1024)


def pem(key: rsa.RSAPrivateKey) -> str:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


def country_of(entity: str) -> str:
    return "NL" if entity == "E1" else entity[:2]


def company(folder: Path, country: str, entity: str, *, rule: str = "", adapters: str = "") -> Path:
    """The usual company as one of a country, numbered by the flavour of that country or by a rule of its own."""
    text = rule or (FLAVOURS / country / "rules" / "numbering" / "default.yaml").read_text()
    files: Mapping[str, Sequence[str]] = {
        name: [line.replace("E1,", f"{entity},") for line in lines] for name, lines in stories.FILES.items()
    }
    entities = (
        "key,name,country,functional_currency,zone,fiscal_year_start",
        f"{entity},Acme,{country_of(entity)},EUR,Europe/Lisbon,1",
    )
    stories.write(folder, rules={"numbering/default.yaml": text}, **{**files, "entities": entities})
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("fx:", f"{adapters}fx:"))
    return folder


def numbers(app: App) -> list[str]:
    with app.books.reader() as reader:
        return [head["number"] for head in reader.invoices("acme")]


def wrong(app: App) -> list[str]:
    return [str(finding.code) for found in app.verify().values() for finding in found]


def marks(app: App) -> list[Any]:
    with app.books.reader() as reader:
        return reader.marked_series("acme")


@pytest.mark.capability("A3.4")
def test_portugal(tmp_path: Path, database_url: str, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each document has its ATCUD, and signs what the law names with the signature of the one before it; whoever has the
    public key can walk the chain from the documents alone, and ``verify`` does."""
    monkeypatch.setenv("SIGNING_RSA_KEY", pem(key))
    folder = company(tmp_path, "portugal", "PT01", adapters=SIGNING)
    with stories.opened(folder, database_url, runs__partition_size="1") as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        stories.bill(app, "2026-03-01")
        app.void("FT A2026/2", date(2026, 3, 2), stories.CHANGE)
        with app.books.reader() as reader:
            heads = {head["number"]: head for head in reader.invoices("acme")}
            found = reader.marked_series("acme")
            first = heads["FT A2026/1"]["id"]
            document = Documents(reader, "acme", app.parts().rules).of([first])[first]
        assert [row.number for row in found] == [*(f"FT A2026/{n}" for n in range(1, 7)), "NC A2026/1"]
        previous = {"FT A2026": "", "NC A2026": ""}
        for row in found:
            head, total = heads[row.number], abs(heads[row.number]["total"])
            digits = 0 if head["currency"] == "JPY" else 2
            assert row.text == (
                f"{head['invoice_date']};2026-01-01T12:00:00;{row.number};{total:.{digits}f};{previous[row.series]}"
            )
            signature = base64.b64decode(row.signature)
            key.public_key().verify(signature, row.text.encode(), padding.PKCS1v15(), hashes.SHA1())
            assert row.printed == "".join(row.signature[place] for place in (0, 10, 20, 30))
            code = {"FT A2026": "CSDF7T5H", "NC A2026": "GH4ZW8QM"}[row.series]
            assert row.code == f"{code}-{row.number.rpartition('/')[2]}"
            previous[row.series] = row.signature
        assert wrong(app) == []
        assert document["legal"] == {"code": "CSDF7T5H-1", "printed": found[0].printed}


def test_a_chain_that_was_tampered_with(
    tmp_path: Path, lite: str, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another signature, another text, another code, a document that was taken out: each is found, also by whom the seals were
    made to fit."""
    monkeypatch.setenv("SIGNING_RSA_KEY", pem(key))
    folder = company(tmp_path, "portugal", "PT01", adapters=SIGNING)
    with stories.opened(folder, lite) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        last = marks(app)[-1]
        other = base64.b64encode(bytes(128)).decode()
        flaws: dict[str, tuple[dict[str, str] | None, str]] = {
            "numbers-signed": ({"signature": other, "printed": "AAAA"}, "numbering.not-signed"),
            "text": ({"text": last.text.replace(";", ",", 1)}, "numbering.chain-broken"),
            "printed": ({"printed": "AAAA"}, "numbering.chain-broken"),
            "code": ({"code": "CSDF7T5H-9"}, "numbering.code-differs"),
            "gone": (None, "numbering.chain-broken"),
        }
        engine = sa.create_engine(lite)
        mine = NUMBER_MARK.c.id == last.id
        for name, (values, code) in flaws.items():
            with engine.begin() as connection:
                row = connection.execute(sa.select(NUMBER_MARK).where(mine)).mappings().one()
                change: Any = sa.delete(NUMBER_MARK) if values is None else sa.update(NUMBER_MARK).values(values)
                connection.execute(change.where(mine))
            found = wrong(app)
            assert code in found and "audit.row-changed" in found, name
            with engine.begin() as connection:
                connection.execute(sa.delete(NUMBER_MARK).where(mine))
                connection.execute(sa.insert(NUMBER_MARK), dict(row))
            assert wrong(app) == []
        engine.dispose()
    with stories.opened(folder, lite, adapters__signing_rsa__settings__digest="sha256") as app:
        assert wrong(app) == ["numbering.not-signed"] * 3, "another digest signs otherwise"


@pytest.mark.capability("A3.4")
@pytest.mark.on_sqlite
def test_india(tmp_path: Path, database_url: str) -> None:
    """Sixteen characters, and a new series from April on; a key that makes numbers too long is a finding, not a number."""
    folder = company(tmp_path, "india", "IN01")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        for day in ("2026-02-01", "2026-03-31", "2026-04-01"):
            stories.bill(app, day)
        app.void("IN01/2526/00001", date(2026, 4, 2), stories.CHANGE)
        found = numbers(app)
        assert [n for n in found if n.startswith("IN01/2526/")] == [f"IN01/2526/{n:05}" for n in range(1, 7)]
        assert found[6] == "IN01/2627/00001" and found[-1] == "IN01/C2627/00001"
        assert max(map(len, found)) == 16
        assert wrong(app) == []


def test_a_number_that_does_not_fit_is_a_finding(tmp_path: Path, lite: str) -> None:
    folder = company(tmp_path, "india", "IN000001")
    with stories.opened(folder, lite) as app:
        stories.load(app, folder / "data")
        report = stories.bill(app, "2026-02-01")
        assert report.counts["invoices"] == 0
        (finding, *_) = [f for f in report.findings if f.code == "numbering.does-not-fit"]
        assert "'IN000001/2526/00001' has 19 characters, more than max_length 16" in finding.what


@pytest.mark.capability("A3.4")
def test_spain(tmp_path: Path, database_url: str) -> None:
    """What corrects is numbered in the series R, without a gap in either."""
    folder = company(tmp_path, "spain", "ES01")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        app.void("F2026-000002", date(2026, 2, 3), stories.CHANGE)
        stories.bill(app, "2026-02-04")
        assert numbers(app) == [*(f"F2026-00000{n}" for n in (1, 2, 3)), "R2026-000001", "F2026-000004"]
        assert wrong(app) == []


PLAIN = """
ruleset: numbering/default
effective: {from: 2000-01-01}
rules:
  - {id: all, then: {series: "S{year}", %s}}
"""


@pytest.mark.capability("A3.4")
def test_dates_that_ascend_and_dates_that_are_free(tmp_path: Path, database_url: str) -> None:
    """A run before the newest document of a series is refused, and says which; a rule may let dates come as they come."""
    folder = company(tmp_path, "", "E1", rule=PLAIN % "dates: ascending")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-10", account="A1")
        with pytest.raises(TollbookError) as caught:
            stories.bill(app, "2026-02-01", account="A2")
        assert "S2026 has documents of 2026-02-10, after 2026-02-01" in str(caught.value)
        with app.books.writer(stories.CHANGE, tenant="acme") as writer:
            assert [writer.take_numbers("acme", "X", "T", 1, date(2026, 3, day), "free") for day in (9, 5, 7)] == [
                1,
                2,
                3,
            ]
            assert writer.take_numbers("acme", "X", "T", 1, date(2026, 3, 9)) == 4
        with pytest.raises(TollbookError) as caught, app.books.writer(stories.CHANGE, tenant="acme") as writer:
            writer.take_numbers("acme", "X", "T", 1, date(2026, 3, 8))
        assert "2026-03-09" in str(caught.value)


def test_free_dates_in_the_books(tmp_path: Path, lite: str) -> None:
    folder = company(tmp_path, "", "E1", rule=PLAIN % "dates: free")
    with stories.opened(folder, lite) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-10", account="A1")
        stories.bill(app, "2026-02-01", account="A2")
        with app.books.reader() as reader:
            found = [(h["number"], str(h["invoice_date"])) for h in reader.invoices("acme")]
        assert found == [("S2026-000001", "2026-02-10"), ("S2026-000002", "2026-02-01")]
        assert wrong(app) == []


def test_a_series_that_is_full_stops_the_run(tmp_path: Path, lite: str) -> None:
    """Nothing is written with a number that the law does not take, and none is lost."""
    folder = company(tmp_path, "", "E1", rule=PLAIN % 'largest: 2, format: "{series}/{number}"')
    with stories.opened(folder, lite) as app:
        stories.load(app, folder / "data")
        with pytest.raises(TollbookError) as caught:
            stories.bill(app, "2026-02-01")
        assert "has room for 2 documents, and S2026/3 would be number 3" in str(caught.value)
        assert numbers(app) == []


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ('code: "{code}-{number}", codes: {S2025: ABCD}', "numbering.no-code"),
        ('chain: "{number};{previous}", signer: signing_rsa', "numbering.no-signer"),
    ],
)
def test_what_a_series_lacks_is_a_finding(tmp_path: Path, lite: str, terms: str, code: str) -> None:
    folder = company(tmp_path, "", "E1", rule=PLAIN % terms)
    with stories.opened(folder, lite) as app:
        stories.load(app, folder / "data")
        report = stories.bill(app, "2026-02-01")
        assert report.counts["invoices"] == 0
        assert code in [str(finding.code) for finding in report.findings]


def test_a_chain_without_a_key(tmp_path: Path, lite: str) -> None:
    """Digests chain a series where no law wants a key; the chain goes on from run to run."""
    folder = company(
        tmp_path, "", "E1", rule=PLAIN % 'chain: "{date};{number};{functional_total};{previous}", printed: [1, 2]'
    )
    with stories.opened(folder, lite) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        stories.bill(app, "2026-03-01")
        found = marks(app)
        assert len(found) == 6
        assert [row.text.rpartition(";")[2] for row in found] == ["", *(row.signature for row in found[:-1])]
        assert wrong(app) == []
