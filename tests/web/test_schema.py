"""The API answers as its OpenAPI document says, whatever is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.web.server import TOKENS, company, running

KEPT = [
    not_a_server_error,
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]
EXAMPLES = settings(
    max_examples=40,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.capability("A2.2")
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_the_api_is_what_its_document_says(tmp_path: Path, mode: GenerationMode) -> None:
    with running(company(tmp_path), f"sqlite:///{tmp_path / 'books.db'}") as server:
        described = schemathesis.openapi.from_url(f"{server.address}/openapi.json")
        headers = {"Authorization": f"Bearer {TOKENS['ERP_TOKEN']}"}
        statuses: set[int] = set()
        for found in described.get_all_operations():
            operation = found.ok()
            if operation.path != "/v1/events" and mode is GenerationMode.NEGATIVE:
                continue  # it has nothing that could be wrong

            @seed(1)
            @EXAMPLES
            @given(case=operation.as_strategy(generation_mode=mode))
            def each(case: schemathesis.Case) -> None:
                statuses.add(case.call_and_validate(headers=headers, checks=KEPT).status_code)

            each()
        assert statuses & {200, 207, 400, 422}
        assert not any(status >= 500 for status in statuses)
        assert all(problems == () for problems in server.app.verify().values())
