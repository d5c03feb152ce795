"""The operator's view of the queue, and what a registry may fetch."""

from __future__ import annotations

import gc
import importlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapter.app import create_app
from adapter.config import Settings
from adapter.store import Store
from mappings.r4.validate import validate
from mappings.r4.wire import decode, encode
from tests.lib.logged import logged
from tests.lib.pushing import anc
from tests.unit.adapter.web.conftest import OTHERS, OURS

NOW = datetime(2026, 9, 3, 10, 0, tzinfo=UTC)
ENROLMENT = {
    "centre": "FR-037",
    "patient": "P-0001",
    "protocol": "set-haplo-pdli",
    "birth_date": "1971-05-02",
    "sex": "female",
    "consent": {"status": "active", "date": "2026-01-10", "registry": True},
    "disease": {"diagnosis": "aml", "status": "refractory"},
    "transplant": {"date": "2026-03-02", "planned": False, "donor": "haploidentical", "graft": "pbsc"},
}


class TestQueue:
    def test_it_shows_counts_and_rows_and_no_patients(self, ward):
        assert ward.ask("POST", "/enrolments", document=ENROLMENT).status_code == 201
        answer = ward.ask("GET", "/admin/queue", "admin")
        told = decode(answer.data)
        assert told["deliveries"] == {"waiting": 1}
        assert told["backlog"] == {"chu-a": {"unfinished": 1, "oldest": told["rows"][0]["created"]}}
        assert [row["destination"] for row in told["rows"]] == ["chu-a"]
        assert b"1971" not in answer.data
        assert "content" not in told["rows"][0]

    def test_states_are_chosen(self, ward):
        assert decode(ward.ask("GET", "/admin/queue?state=parked&state=waiting", "admin").data)["rows"] == []
        answer = ward.ask("GET", "/admin/queue?state=lost", "admin")
        assert answer.status_code == 400
        assert decode(answer.data)["issue"][0]["expression"] == ["state"]


@pytest.fixture
def registry(ward, tmp_path):
    """The ward again, now with a pseudonym key."""
    key = tmp_path / "pseudonym.key"
    key.write_text("0f" * 32)
    settings = Settings(public_url="https://engraft.test", privacy_key=key)
    return replace(ward, app=create_app(settings, ward.store, lambda: NOW))


class TestRegistry:
    def test_it_gets_a_de_identified_bundle_of_who_agrees(self, registry):
        registry.ask("POST", "/enrolments", document=ENROLMENT)
        silent = ENROLMENT | {"patient": "P-0002", "consent": {"status": "active", "date": "2026-01-10"}}
        registry.ask("POST", "/enrolments", document=silent)
        answer = registry.ask("GET", "/registry/bundles", "registry")
        assert answer.content_type.startswith("application/fhir+json")
        collection = decode(answer.data)
        assert (collection["resourceType"], collection["type"]) == ("Bundle", "collection")
        assert [entry["resource"]["resourceType"] for entry in collection["entry"]] == ["Bundle"]
        assert [fault for fault in validate(collection) if fault.severity == "error"] == []
        for secret in (b"P-0001", b"P-0002", b"FR-037", b"1971-05-02", b"2026-03-02"):
            assert secret not in answer.data

    def test_two_registries_that_pull_see_different_pseudonyms(self, registry):
        registry.ask("POST", "/enrolments", document=ENROLMENT)
        with registry.store.transaction() as tx:
            registry.tokens["second"] = tx.clients.add("second", "registry", None, NOW)
        names = ("registry", "second", "registry")
        one, two, again = (decode(registry.ask("GET", "/registry/bundles", each).data) for each in names)
        assert one == again
        made = [{entry["resource"]["id"] for entry in each["entry"][0]["resource"]["entry"]} for each in (one, two)]
        assert len(made[0]) == len(made[1])
        assert not made[0] & made[1]

    def test_nobody_agrees_nothing_leaves(self, registry):
        collection = decode(registry.ask("GET", "/registry/bundles", "registry").data)
        assert "entry" not in collection
        assert validate(collection) == []

    def test_it_sees_only_who_agrees_of_every_centre(self, registry):
        registry.ask("POST", "/enrolments", document=ENROLMENT)
        theirs = ENROLMENT | {"centre": OTHERS}
        registry.ask("POST", "/enrolments", "other-centre", document=theirs | {"patient": "P-0003"})
        registry.ask("POST", "/enrolments", "other-centre", document=theirs | {"consent": {"status": "inactive"}})
        collection = decode(registry.ask("GET", "/registry/bundles", "registry").data)
        assert len(collection["entry"]) == 2

    @pytest.mark.parametrize("who", ["registry", "centre"])
    def test_a_parameter_that_means_nothing_is_refused(self, registry, who):
        answer = registry.ask("GET", "/registry/bundles?patient=P-0001", who)
        assert answer.status_code == 400
        assert decode(answer.data)["issue"][0]["expression"] == ["patient"]


NDJSON = "application/fhir+ndjson"
BOTH = ("registry", "centre")


class TestLines:
    """NDJSON, by any of its names, for who asks for it."""

    @pytest.mark.parametrize("who", BOTH)
    @pytest.mark.parametrize("kind", [NDJSON, "application/ndjson", "application/x-ndjson", "text/ndjson"])
    def test_every_name_of_ndjson_is_understood_and_answered(self, registry, who, kind):
        registry.ask("POST", "/enrolments", document=ENROLMENT)
        answer = registry.ask("GET", "/registry/bundles", who, headers={"Accept": kind})
        assert answer.content_type == kind
        (line,) = answer.data.splitlines()
        assert decode(line)["resourceType"] == "Bundle"

    @pytest.mark.parametrize(
        ("accept", "kind"),
        [
            ("*/*", "application/fhir+json"),
            (f"{NDJSON};q=0.5, application/fhir+json", "application/fhir+json"),
            (f"{NDJSON};q=0, */*", "application/fhir+json"),
            (f"{NDJSON}; fhirVersion=4.0, */*;q=0.1", NDJSON),
            (f"{NDJSON};q=much", NDJSON),
            (f"application/fhir+json;q=0.5, {NDJSON}", NDJSON),
        ],
    )
    @pytest.mark.parametrize("who", BOTH)
    def test_what_is_wanted_more_is_written(self, registry, who, accept, kind):
        answer = registry.ask("GET", "/registry/bundles", who, headers={"Accept": accept})
        assert answer.content_type.partition(";")[0] == kind

    @pytest.mark.parametrize(
        ("format_", "kind"),
        [
            ("ndjson", NDJSON),
            (NDJSON, NDJSON),
            ("application/fhir%2Bndjson", NDJSON),
            ("json", "application/fhir+json"),
        ],
    )
    def test_format_goes_before_accept(self, registry, format_, kind):
        answer = registry.ask("GET", f"/registry/bundles?_format={format_}", headers={"Accept": "text/ndjson"})
        assert answer.content_type.partition(";")[0] == kind

    def test_what_is_not_written_is_refused(self, registry):
        assert registry.ask("GET", "/registry/bundles", headers={"Accept": "text/csv"}).status_code == 406
        assert registry.ask("GET", "/registry/bundles?_format=xml").status_code == 406

    def test_a_route_that_writes_no_lines_says_so(self, registry):
        for asked in ({"headers": {"Accept": NDJSON}}, {"query_string": {"_format": "ndjson"}}):
            answer = registry.ask("GET", "/fhir/Patient", **asked)
            assert answer.status_code == 406
            assert decode(answer.data)["issue"][0]["code"] == "not-supported"


class TestOwn:
    """A centre sees its own patients as they are, and nobody else's."""

    def bundles(self, registry, who="centre"):
        collection = decode(registry.ask("GET", "/registry/bundles", who).data)
        assert [fault for fault in validate(collection) if fault.severity == "error"] == []
        return [entry["resource"] for entry in collection.get("entry", [])]

    def test_its_own_ids_and_dates(self, registry):
        registry.ask("POST", "/enrolments", document=ENROLMENT)
        (bundle,) = self.bundles(registry)
        patient = decode(registry.ask("GET", "/fhir/Patient").data)["entry"][0]["resource"]
        assert patient in [entry["resource"] for entry in bundle["entry"]]
        assert "2026-03-02" in [entry["resource"].get("performedDateTime") for entry in bundle["entry"]]

    def test_an_id_that_its_system_chose_holds_nothing_back(self, registry):
        told = decode(registry.ask("POST", "/enrolments", document=ENROLMENT).data)
        subject = next(one for one in told["resources"] if one.startswith("Patient/"))
        count = anc(subject) | {"id": "lab.4711"}
        answer = registry.ask("PUT", "/fhir/Observation/lab.4711", document=count, content_type="application/fhir+json")
        assert answer.status_code == 201
        (bundle,) = self.bundles(registry)
        assert "lab.4711" in [entry["resource"]["id"] for entry in bundle["entry"]]
        assert len(self.bundles(registry, "registry")) == 1

    @pytest.mark.parametrize("said", [None, {"status": "inactive"}, {"status": "rejected"}], ids=str)
    def test_nobodys_consent_to_registries_is_needed(self, registry, said):
        document = {key: value for key, value in ENROLMENT.items() if key != "consent"}
        registry.ask("POST", "/enrolments", document=document | ({"consent": said} if said else {}))
        assert len(self.bundles(registry)) == 1
        assert self.bundles(registry, "registry") == []

    def test_another_centres_patients_are_never_seen(self, registry):
        registry.ask("POST", "/enrolments", document=ENROLMENT)
        registry.ask("POST", "/enrolments", "other-centre", document=ENROLMENT | {"centre": OTHERS})
        ours, theirs = self.bundles(registry), self.bundles(registry, "other-centre")
        assert (len(ours), len(theirs)) == (1, 1)
        assert {entry["resource"]["id"] for b in ours for entry in b["entry"]}.isdisjoint(
            entry["resource"]["id"] for b in theirs for entry in b["entry"]
        )
        assert OTHERS not in encode(ours).decode()
        assert OURS not in encode(theirs).decode()

    def test_no_pseudonym_key_is_needed_where_nothing_leaves(self, ward):
        ward.ask("POST", "/enrolments", document=ENROLMENT)
        assert len(self.bundles(ward)) == 1

    def test_a_centre_without_patients_has_an_empty_collection(self, registry):
        assert self.bundles(registry) == []

    @pytest.mark.parametrize("who", ["ehr", "hospital", "admin"])
    def test_nobody_else_may_ask(self, registry, who):
        assert registry.ask("GET", "/registry/bundles", who).status_code == 403

    def test_without_a_key_nothing_leaves(self, ward):
        answer = ward.ask("GET", "/registry/bundles", "registry")
        assert answer.status_code == 503
        assert decode(answer.data)["issue"][0]["code"] == "transient"


class TestApplication:
    def test_it_is_made_from_the_environment(self, tmp_path, monkeypatch):
        from adapter import app

        url = f"sqlite:///{tmp_path}/engraft.sqlite"
        store = Store(url)
        store.migrate()
        store.close()
        monkeypatch.setenv("ENGRAFT_DATABASE_URL", url)
        monkeypatch.delenv("ENGRAFT_CONFIG", raising=False)
        with logged():
            for made in (app.create_app_from_environment(), importlib.import_module("adapter.wsgi").app):
                assert made.test_client().get("/readyz").status_code == 200
        assert gc.get_freeze_count() > 0, "what a server has from the start is in no collection"
        gc.unfreeze()

    def test_json_of_the_framework_keeps_decimals_too(self, ward):
        assert ward.app.json.dumps(ward.app.json.loads("[2.50]")) == "[2.50]"


def test_a_token_without_a_centre_sees_no_patients(ward, monkeypatch):
    """Such a token cannot be made; should one ever be found, it opens nothing."""
    from adapter.store.clients import Client, Clients

    monkeypatch.setattr(Clients, "find", lambda *_: Client("x", "ehr", None))
    assert ward.ask("GET", "/fhir/Patient", "ehr").status_code == 403
