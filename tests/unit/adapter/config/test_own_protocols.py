"""A deployment names protocols of its own: checked at the start, then served, applied and enrolled in like ours."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest

from adapter.app import create_app
from adapter.config import Settings, load
from adapter.errors import Invalid
from adapter.store import Store
from mappings.protocol import know, names, shipped
from mappings.r4.validate import validate
from mappings.r4.wire import decode, encode
from tests.lib.centre import ENROLMENT, document
from tests.lib.tree import ROOT

KDN5 = ROOT / "tests/protocols/kdn5.yaml"
NOW = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
START = {"date": "2026-03-02"}


@pytest.fixture(autouse=True)
def forgotten():
    yield
    know(())


@pytest.fixture
def folder(tmp_path):
    """A deployment that names KDN5; the trial's text stands beside it."""
    for end in (".yaml", ".txt"):
        shutil.copy(KDN5.with_suffix(end), tmp_path / f"kdn5{end}")
    (tmp_path / "engraft.toml").write_text('[protocols]\nfiles = ["kdn5.yaml"]\n')
    return tmp_path


def loaded(folder):
    return load({"ENGRAFT_CONFIG": str(folder / "engraft.toml")})


def faults(folder):
    with pytest.raises(Invalid) as refused:
        loaded(folder)
    return [f"{fault.path}: {fault.message}" for fault in refused.value.faults]


@pytest.fixture
def served(folder):
    store = Store(f"sqlite:///{folder}/engraft.sqlite")
    store.migrate()
    app = create_app(loaded(folder), store, lambda: NOW)
    with store.transaction() as tx:
        token = tx.clients.add("forms", "centre", "FR-037", NOW)

    def ask(method, path, sent=None):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return app.test_client().open(path, method=method, headers=headers, data=encode(sent) if sent else None)

    yield ask
    store.close()


def resources(answer):
    return [one["resource"] for one in decode(answer.data).get("entry", ())]


def test_it_is_known_from_the_start_and_forgotten_without(folder):
    settings = loaded(folder)
    assert [one.key for one in settings.protocols] == ["kdn5"]
    assert names() == (*shipped(), "kdn5")
    load({})
    assert names() == shipped()


def test_its_definitions_are_served(served):
    (plan,) = resources(served("GET", "/fhir/PlanDefinition?_id=kdn5"))
    assert plan["title"].startswith("Gemcitabine and carboplatin")
    found = resources(
        served("GET", f"/fhir/ActivityDefinition?url={plan['url'].replace('Plan', 'Activity')}-gemcitabine")
    )
    assert [one["id"] for one in found] == ["kdn5-gemcitabine"]
    assert served("GET", "/fhir/PlanDefinition/set-haplo-pdli").status_code == 200


def test_it_is_applied_over_http(served):
    """1250 mg/m2 by Mosteller for 70 kg and 175 cm: 1250 x 1.84466 = 2305.8 mg, on days 1 and 8 of six cycles."""
    measures = [("weight", 70, "kg"), ("height", 175, "cm")]
    ucum = "http://unitsofmeasure.org"
    inputs = [{"name": "day-zero", "valueDate": "2026-03-02"}] + [
        {"name": name, "valueQuantity": {"value": value, "unit": unit, "system": ucum, "code": unit}}
        for name, value, unit in measures
    ]
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": {"resourceType": "Patient", "id": "p1"}}],
    }
    parameters = [
        {"name": "subject", "valueString": "Patient/p1"},
        {"name": "data", "resource": bundle},
        {"name": "parameters", "resource": {"resourceType": "Parameters", "parameter": inputs}},
    ]
    answer = served("POST", "/fhir/PlanDefinition/kdn5/$apply", {"resourceType": "Parameters", "parameter": parameters})
    assert answer.status_code == 200, answer.data
    orders = [one for one in decode(answer.data)["contained"] if one["resourceType"] == "MedicationRequest"]
    assert len(orders) == 12
    (dosage,) = orders[1]["dosageInstruction"]
    assert dosage["timing"]["event"] == ["2026-03-09"]
    assert str(dosage["doseAndRate"][1]["doseQuantity"]["value"]) == "2305.8"


def test_a_patient_is_enrolled_in_it_and_gets_no_transplant_that_nobody_gave(served):
    sent = document(ENROLMENT, protocol="kdn5", transplant=START | {"planned": True}, disease=None)
    sent["measurements"] = {name: one | {"date": "2026-02-25"} for name, one in sent["measurements"].items()}
    answer = served("POST", "/enrolments", sent)
    assert answer.status_code in (200, 201), answer.data
    plan = resources(served("GET", "/fhir/CarePlan?_include=*&_count=200"))
    assert sum(one["resourceType"] == "MedicationRequest" for one in plan) == 12
    assert [fault for one in plan for fault in validate(one) if fault.severity == "error"] == []
    assert resources(served("GET", "/fhir/Procedure")) == []


def test_an_unknown_protocol_is_refused_by_the_names_that_are_known(served):
    answer = served("POST", "/enrolments", document(ENROLMENT, protocol="kdn6"))
    assert answer.status_code == 422
    assert "known: set-haplo-pdli, kdn5" in answer.get_data(as_text=True)


def test_an_error_stops_the_start_with_file_and_line(folder):
    file = folder / "kdn5.yaml"
    text = file.read_text()
    line = next(n for n, one in enumerate(text.splitlines(), 1) if "amount: 1250" in one)
    file.write_text(text.replace("amount: 1250", "amount: 1520"))
    (told,) = faults(folder)
    assert told.startswith(f"{file}:{line}: gemcitabine: its sentence does not say 1520 mg/m2")
    assert names() == shipped()


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ("[protocols]\nfiles = 'kdn5.yaml'\n", "engraft.toml:2: protocols.files: is a list of files"),
        ("[protocols]\nfiles = ['other.yaml']\n", "other.yaml cannot be read"),
        ("[protocols]\nfile = ['kdn5.yaml']\n", "engraft.toml:2: protocols.file: unknown key"),
        ("[protocols]\nfiles = ['kdn5.yaml', 'kdn5.yaml']\n", "kdn5 is the key of another file"),
        ("protocols = ['kdn5.yaml']\n", "protocols: is a table"),
    ],
)
def test_what_is_wrong_with_the_setting_is_named(folder, toml, told):
    (folder / "engraft.toml").write_text(toml)
    (fault,) = faults(folder)
    assert told in fault


def test_a_shipped_protocol_is_not_replaced(folder):
    from mappings.protocol import definition, wording

    (folder / "kdn5.yaml").write_text(definition("set-haplo-pdli"))
    (folder / "kdn5.txt").write_text(wording("set-haplo-pdli"))
    (fault,) = faults(folder)
    assert "set-haplo-pdli is the key of a shipped protocol" in fault


def test_without_the_trials_text_beside_it_the_rest_is_checked(folder):
    (folder / "kdn5.txt").unlink()
    assert [one.key for one in loaded(folder).protocols] == ["kdn5"]
    assert Settings().protocols == ()
