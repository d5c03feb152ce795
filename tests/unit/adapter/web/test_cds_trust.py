"""Once an EHR is configured, CDS Hooks take its signed JWTs and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapter.app import create_app
from adapter.config import Centre, Ehr, Settings
from mappings.r4.wire import decode
from tests.lib.ehr import ISSUER, SigningEhr, published
from tests.lib.forms import ENROLMENT
from tests.unit.adapter.web.conftest import NOW, OTHERS, OURS
from tests.unit.adapter.web.test_cds_hooks import INSTANCE, WRONG, call, orders, summaries

VIEW, CHECK = "/cds-services/regimen-standing", "/cds-services/order-check"
HOUSE = "https://engraft.test"


@pytest.fixture
def ehr():
    return SigningEhr()


@pytest.fixture
def trusting(ward, ehr, tmp_path):
    """The ward whose EHR signs, and a patient whom it calls `ehr-1`."""
    assert (
        ward.ask("POST", "/enrolments", document=ENROLMENT | {"hospital_patient": "Patient/ehr-1"}).status_code == 201
    )
    file = published(tmp_path, ehr.public)
    settings = Settings(
        public_url=HOUSE,
        centres={OURS: Centre(OURS, "CHU A"), OTHERS: Centre(OTHERS, "UZ B")},
        ehrs={
            "chu-a": Ehr("chu-a", ISSUER, OURS, jwks_file=file),
            "uz-b": Ehr("uz-b", "https://uz-b.example", OTHERS, jwks_file=file),
        },
    )
    return replace(ward, app=create_app(settings, ward.store, lambda: NOW))


def signed(ward, ehr, path=VIEW, document=None, **claims):
    headers = {"Authorization": f"Bearer {ehr.token(**{'aud': HOUSE + path} | claims)}"}
    return ward.ask("POST", path, None, document=call() if document is None else document, headers=headers)


def test_a_signed_call_is_answered_for_the_centre_of_its_ehr(trusting, ehr):
    told = summaries(signed(trusting, ehr, CHECK, orders(WRONG)))
    assert any("300 mg a day ordered" in one for one in told)
    elsewhere = signed(trusting, ehr, CHECK, orders(WRONG), iss="https://uz-b.example")
    assert elsewhere.status_code == 412, "nobody is known there by this id"


def test_what_it_was_told_is_in_the_audit_under_its_name(trusting, ehr):
    assert summaries(signed(trusting, ehr, CHECK, orders(WRONG)))
    with trusting.store.reading() as tx:
        entries = list(tx.audit.of(INSTANCE))
    assert [(one.who, one.centre) for one in entries] == [("ehr:chu-a", OURS)]


def test_feedback_may_name_either_address(trusting, ehr):
    card = {"card": "4e0a3a1e-3283-4575-ab82-028d55fe2719", "outcome": "overridden"}
    said = {"feedback": [card | {"outcomeTimestamp": "2026-09-03T10:00:00Z"}]}
    for aud in (f"{HOUSE}{VIEW}/feedback", HOUSE + VIEW):
        answer = signed(trusting, ehr, f"{VIEW}/feedback", said, aud=aud)
        assert answer.status_code == 200, answer.data
    assert signed(trusting, ehr, VIEW, aud=f"{HOUSE}{VIEW}/feedback").status_code == 401


@pytest.mark.parametrize("who", [None, "ehr", "centre", "admin"])
def test_our_own_tokens_no_longer_open_it(trusting, who):
    answer = trusting.ask("POST", VIEW, who, document=call())
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "JWT" in decode(answer.data)["issue"][0]["diagnostics"]


def test_they_open_everything_else_as_before_and_a_jwt_opens_nothing_else(trusting, ehr):
    assert trusting.ask("GET", "/fhir/CarePlan", "ehr").status_code == 200
    headers = {"Authorization": f"Bearer {ehr.token(aud=f'{HOUSE}/fhir/CarePlan')}"}
    assert trusting.ask("GET", "/fhir/CarePlan", None, headers=headers).status_code == 401


def test_a_token_for_another_service_or_of_yesterday_is_refused(trusting, ehr):
    assert signed(trusting, ehr, aud=HOUSE + CHECK).status_code == 401
    assert signed(trusting, ehr, exp=int(NOW.timestamp()) - 100).status_code == 401


def test_without_the_keys_of_the_ehr_the_answer_is_to_try_later(trusting, ehr, tmp_path):
    (tmp_path / "jwks.json").unlink()
    assert signed(trusting, ehr).status_code == 503


def test_discovery_stays_open(trusting):
    assert trusting.ask("GET", "/cds-services", None).status_code == 200


def test_where_no_ehr_is_configured_our_own_tokens_count(ward, ehr):
    assert ward.ask("POST", VIEW, "ehr", document=call(patient="nobody", prefetch={"patient": None})).status_code != 401
    assert signed(ward, ehr).status_code == 401
