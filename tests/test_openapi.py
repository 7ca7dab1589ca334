"""The service against its own description: whatever is asked, it answers as /openapi.json says, and never fails."""

import pytest
from hypothesis import HealthCheck, given, settings
from serving import served_by
from test_transcriptions import Canned

from intone.inference.serve.app import app
from intone.inference.serve.guard import Guard, Hosts

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis isn't installed")
checks = pytest.importorskip("schemathesis.specs.openapi.checks")
HELD = [
    pytest.importorskip("schemathesis.checks").not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]
"""What is checked; whether made-up bytes are a recording, no description can say."""


@pytest.fixture(scope="module")
def described(tmp_path_factory):
    made = served_by([Canned()], tmp_path_factory.mktemp("arriving"), waiting=1000)
    return schemathesis.openapi.from_asgi("/openapi.json", Guard(app(made), Hosts()), headers={"host": "127.0.0.1"})


UNFIT = ("/v1/jobs/{id}/events",)
"""What goes on for long, and is tested elsewhere."""


def test_the_service_answers_as_it_says(described):
    tried = 0
    for found in described.get_all_operations():
        operation = found.ok()
        if operation.path in UNFIT:
            continue

        @settings(max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def answered(case):
            case.call_and_validate(headers={"host": "127.0.0.1"}, checks=HELD)

        answered()
        tried += 1
    assert tried > 12
