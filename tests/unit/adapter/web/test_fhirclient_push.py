"""A hospital's system written with fhirclient pushes an Observation, corrects it and finds it again."""

from __future__ import annotations

import pytest
from fhirclient.client import FHIRClient
from fhirclient.models.observation import Observation
from fhirclient.server import FHIRUnauthorizedException

from tests.lib.forms import ENROLMENT
from tests.lib.pushing import LAB, anc, named
from tests.lib.serving import serving


@pytest.fixture(scope="module")
def engraft(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("engraft")) as served:
        yield served


def connect(engraft, token):
    client = FHIRClient(settings={"app_id": "lab", "api_base": engraft.base_url})
    client.server.session.headers["Authorization"] = f"Bearer {token}"
    assert client.prepare()
    return client.server


@pytest.fixture
def server(engraft):
    server = connect(engraft, engraft.forms)
    yield server
    server.session.close()


def count(patient, value):
    made = anc(f"Patient/{patient}", **named("lab-1"))
    made["valueQuantity"] |= {"value": value}
    return Observation(made)


def test_an_observation_is_pushed_corrected_and_found(engraft, server):
    patient = engraft.enrol(ENROLMENT)["Patient"]
    count(patient, 0.6).create(server)
    (kept,) = Observation.where({"identifier": f"{LAB}|lab-1"}).perform_resources_iter(server)
    assert (kept.valueQuantity.value, kept.as_json()["effectiveDateTime"]) == (0.6, "2026-03-17")
    corrected = count(patient, 0.7)
    corrected.id = kept.id
    corrected.update(server)
    read = Observation.read(kept.id, server)
    assert (read.valueQuantity.value, read.meta.versionId) == (0.7, "2")


def test_an_ehr_may_not_push(engraft):
    patient = engraft.enrol(ENROLMENT)["Patient"]
    server = connect(engraft, engraft.token)
    with pytest.raises(Exception, match="403") as refused:
        count(patient, 0.6).create(server)
    assert not isinstance(refused.value, FHIRUnauthorizedException)
    server.session.close()
