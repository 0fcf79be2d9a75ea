"""The months of an outage by other rules of the fallback: who was quoted stays as quoted, who was not is decided again."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tests import stories
from tests.golden.test_true_up import ORDER, PLUGIN, company

JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)
BY_TABLE = ORDER.replace("[last_good, hold]", "[table]").replace("[last_good, table]", "[table]")


@pytest.mark.capability("B4.7")
@pytest.mark.capability("B9.1")
def test_an_outage_by_other_rules_of_the_fallback(tmp_path: Path, sqlite_url: str) -> None:
    """The adapter was up in January and down in February; the log of requests has both, and nobody is asked again."""
    folder = company(tmp_path / "books", 4, fallback=ORDER)
    outbound = shutil.copytree(PLUGIN, folder / "tax_moody")
    manifest = outbound / "plugin.yaml"
    manifest.write_text(manifest.read_text().replace("outbound: false", "outbound: true"))
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace(str(PLUGIN), str(outbound)))
    other = tmp_path / "other" / "tax_fallback"
    other.mkdir(parents=True)
    (other / "mine.yaml").write_text(BY_TABLE)
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        (folder / "down").touch()
        stories.bill(app, "2026-02-01")
        app.request_log.flush()
        calls = app.requests.listed("", None, False, 50)
        assert {one.call.outcome for one in calls} == {"answered", "failed"}
        desk = app.simulation([other.parent])
        calm, outage = (desk.simulate(month, month) for month in (JANUARY, FEBRUARY))
        assert len(app.requests.listed("", None, False, 50)) == len(calls)
        taxed = {one["payer"]: one["tax"] for one in stories.invoices(app) if one["period"] == "2026-02-01"}
    assert calm.changed == outage.changed == ("tax_fallback",)
    assert calm.drift == outage.drift == () and calm.lines == ()
    german = [one for one in outage.lines if one.account == "P0000"]
    assert sum((one.tax_before for one in german), Decimal(0)) == taxed["P0000"]
    assert {(one.before == one.after, one.tax_after > one.tax_before) for one in german} == {
        (True, True)
    }  # 19 %, not 16 %
