"""Whatever a hospital's server sends to the hook, it is kept or refused: never a 500, which would be sent for ever."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.adapter.hospital.test_subscriptions import BACKPORT, CREATED
from tests.unit.adapter.web.test_any_content import CAREFUL, judged, spoilt

SESAME = {"Authorization": "Bearer open sesame"}


def with_a_name(name):
    """The notification of the Backport with a parameter that bears something else than a name."""
    made = json.loads(json.dumps(BACKPORT))
    made["entry"][0]["resource"]["parameter"][2]["name"] = name
    return made


@CAREFUL
@example(document=with_a_name([]), address="/webhook/chu-a")
@example(document=with_a_name({"a": 1}), address="/webhook/chu-a")
@given(
    document=spoilt(BACKPORT) | spoilt(CREATED["body"]),
    address=st.sampled_from(["/webhook/chu-a", "/webhook/chu-a/Observation/demo-b1"]),
)
def test_any_notification(ward, document, address):
    judged(ward.ask("POST", address, None, data=json.dumps(document, default=str), headers=SESAME))


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, identity"])
def test_a_packed_body_is_refused_as_such(ward, coding):
    for path, role, headers in (("/webhook/chu-a", None, SESAME), ("/follow-ups", "centre", {})):
        answer = ward.ask(
            "POST",
            path,
            role,
            data=b"\x1f\x8b",
            content_type="application/json",
            headers=headers | {"Content-Encoding": coding},
        )
        judged(answer)
        assert answer.status_code == 415
        assert coding.partition(",")[0] in answer.text


def test_a_body_that_says_it_is_not_packed_is_read(ward):
    data = json.dumps(CREATED["body"]).encode()
    headers = SESAME | {"Content-Encoding": "identity"}
    assert ward.ask("PUT", "/webhook/chu-a/Observation/demo-b1", None, data=data, headers=headers).status_code == 204
