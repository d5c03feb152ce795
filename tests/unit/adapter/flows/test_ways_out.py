"""More than a thousand recognisable words and days, in every element of records: none leaves by any way out.

Synthetic patients only. `tests/unit/mappings/registry/test_leaks.py` plants them one after another; here they are all
there at once, stored, and everything that registries can get or fetch is looked through.
"""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime

import pytest

from adapter.app import create_app
from adapter.config import Exports, Registry, Settings
from adapter.flows import access, bulk, endpoints, export, forms, registry
from adapter.flows.bulk import Asked
from adapter.flows.endpoints import Question
from adapter.flows.push import push
from adapter.flows.submission import submit_to
from adapter.store import Store
from adapter.store.stored import Stored
from mappings.canonicals import CIBMTR_CRID
from mappings.r4.build import collection
from mappings.r4.wire import decode, encode
from mappings.registry import report_page
from mappings.registry.group_observations import group_observations
from mappings.registry.measure_report import measure_reports
from tests.lib.logged import logged
from tests.unit.mappings.registry.patients import KEY, course_of, enrolled
from tests.unit.mappings.registry.test_leaks import MARK, Planter, planted_record
from tests.unit.mappings.registry.test_leaks import RECORD as OURS

NOW = datetime(2030, 1, 1, tzinfo=UTC)
CRID = {"system": CIBMTR_CRID, "value": "9990001"}
PATIENTS = 6


class OneOfMany(Planter):
    """Of `value[x]` and the like only one, another one for each patient, so that what leaves is valid."""

    def __init__(self, number):
        super().__init__()
        self.number = number

    def properties(self, kind):
        choices = {}
        for one in kind().elementProperties():
            choices.setdefault(one[4] or one[1], []).append(one)
        return [many[self.number % len(many)] for many in choices.values()]

    def element(self, kind, depth=0):
        out = super().element(kind, depth)
        if {"start", "end"} <= out.keys():
            out["start"], out["end"] = sorted((out["start"], out["end"]))
        return out


def consent_of(patient):
    (consent,) = [one for one in OURS if one["resourceType"] == "Consent"]
    return copy.deepcopy(consent) | {"id": f"consent-{patient}", "patient": {"reference": f"Patient/{patient}"}}


def renamed(value, patient):
    """The same record of another patient."""
    if isinstance(value, dict):
        return {name: renamed(part, patient) for name, part in value.items()}
    if isinstance(value, list):
        return [renamed(part, patient) for part in value]
    return f"Patient/{patient}" if value == "Patient/p" else value


@pytest.fixture(scope="module")
def planted():
    """(words, days, resources by patient): every element of R4 filled, and our own records with words in every text."""
    words, days, records = [], [], {}
    for number in range(PATIENTS):
        planter, record = planted_record(OneOfMany(number))
        patient = f"{MARK}p{number}"
        mine = [renamed(one, patient) for one in record]
        for one in mine:
            one["id"] = patient if one["resourceType"] == "Patient" else f"{MARK}{number}-{one['resourceType']}"
            if one["resourceType"] == "Patient":
                one["identifier"].append(CRID)
            if one["resourceType"] == "Condition":
                one["clinicalStatus"]["coding"][0]["code"] = "resolved"
        words += planter.texts
        days += planter.dates
        records[f"course-{number}"] = [*mine, consent_of(patient)]
    said = enrolled(f"{MARK}-own", identifiers=[CRID, {"system": f"urn:{MARK}", "value": f"{MARK}-national"}])
    records["own"] = course_of(said)
    return words, days, records


@pytest.fixture(scope="module")
def site(tmp_path_factory, planted):
    """(store, settings) with everything in it."""
    folder = tmp_path_factory.mktemp("ways-out")
    store = Store(f"sqlite:///{folder}/engraft.sqlite")
    store.migrate()
    with store.transaction() as tx:
        for course, resources in planted[2].items():
            for one in resources:
                tx.resources.put(one, centre="FR-037", course=course, sources=[], at=NOW)
    (folder / "key").write_text(KEY.hex())
    yield store, Settings(privacy_key=folder / "key", exports=Exports(folder / "exports"))
    store.close()


def require_silent(told, planted):
    text = told if isinstance(told, str) else encode(told).decode()
    assert text, "nothing came out, so nothing was tried"
    assert MARK not in text
    assert [day for day in planted[1] if day in text] == []
    for word in ("FR-037", "271057512345678", "1971-05-02"):
        assert word not in text


def test_more_than_a_thousand_are_planted(planted):
    words, days, records = planted
    assert len(words) + len(days) > 1000 * PATIENTS / 2
    wire = encode([one for record in records.values() for one in record]).decode()
    assert wire.count(MARK) > 1000
    assert sum(day in wire for day in set(days)) > 100


def test_registry_bundles(site, planted):
    store, _ = site
    made = list(registry.bundles(store, KEY, NOW, aside=[]))
    assert len(made) == PATIENTS + 1
    require_silent(made, planted)


def test_the_export_of_the_command_line(site, planted):
    store, _ = site
    require_silent(list(export.deidentified(store, export.Leaving(KEY, NOW), aside=[])), planted)


@pytest.mark.parametrize("kind", ["Patient", "Observation", "Condition", "Procedure"])
def test_what_a_registry_reads_and_searches(site, planted, kind):
    store, settings = site
    with store.transaction() as tx:
        token = tx.clients.add(f"reader-of-{kind}", "registry", None, NOW)
    client = create_app(settings, store, lambda: NOW).test_client()
    headers = {"Authorization": f"Bearer {token}"}
    beside = "_revinclude=Observation:patient" if kind == "Patient" else "_include=*"
    answer = client.get(f"/fhir/{kind}?_count=500&{beside}", headers=headers)
    assert len(decode(answer.data)["entry"]) >= PATIENTS
    require_silent(f"{answer.headers}{answer.text}", planted)
    id_ = decode(answer.data)["entry"][0]["resource"]["id"]
    require_silent(client.get(f"/fhir/{kind}/{id_}/_history", headers=headers).text, planted)


def test_the_bulk_export_of_a_registry(site, planted):
    store, settings = site
    kinds = ("Patient", "Observation", "Condition", "Procedure", "MedicationStatement", "MedicationAdministration")
    whose = {"client": "registry", "centre": None, "url": "http://127.0.0.1/$export"}
    job = bulk.ask(Asked(kinds), store=store, now=NOW, settings=settings, **whose)
    bulk.work(job.id, store=store, clock=lambda: NOW, settings=settings)
    files = sorted((settings.exports.folder / job.id).glob("*.ndjson"))
    assert len(files) >= 5
    require_silent("".join(file.name + file.read_text("utf-8") for file in files), planted)


@pytest.mark.parametrize(
    ("dialect", "more"), [("fhir", {}), ("cibmtr", {"ccn": {"FR-037": "10123"}})], ids=["fhir", "cibmtr"]
)
def test_what_is_pushed(site, planted, dialect, more):
    store, settings = site
    one = Registry(f"to-{dialect}", "", dialect=dialect, **more)
    done = push(store, one.name, submit_to(one, settings, date(2030, 1, 1)), NOW, who="operator")
    assert done.queued >= 1
    with store.reading() as tx:
        rows = tx.outbox.listing(destination=one.name)
    require_silent([resource for row in rows for resource in row.content], planted)
    require_silent(" ".join(done.left) or "nothing", planted)


@pytest.mark.parametrize("dates", ["shifted", "days-from-graft"])
def test_forms_for_ebmt(site, planted, tmp_path, dates):
    store, settings = site
    one = Registry("forms", "", dialect="ebmt", dates=dates, windows={"day-100": 400})
    assert forms.export(store, one, settings, NOW, tmp_path, who="operator").total() >= 1
    require_silent("".join(file.name + file.read_text("utf-8") for file in tmp_path.iterdir()), planted)


def test_a_released_report(site, planted):
    store, settings = site
    question = Question(as_of=date(2030, 1, 1), release=True)
    made = endpoints.report_from_store(store, question)
    require_silent(made.document(curves=True), planted)
    require_silent(report_page.document(made), planted)
    fhir = [*measure_reports(made, NOW, settings.canonicals), *group_observations(made, NOW, settings.canonicals)]
    require_silent(collection(fhir), planted)


def test_the_log_of_what_leaves(site, planted, tmp_path):
    """And of a record that cannot leave, because it is at fault."""
    store, settings = site
    one = Registry("logged", "", dialect="fhir")
    whose = {"client": "registry", "centre": None, "url": "http://127.0.0.1/$export"}
    with logged() as log:
        list(registry.bundles(store, KEY, NOW, aside=[]))
        push(store, one.name, submit_to(one, settings, date(2030, 1, 1)), NOW, who="operator")
        job = bulk.ask(Asked(("Patient",)), store=store, now=NOW, settings=settings, **whose)
        bulk.work(job.id, store=store, clock=lambda: NOW, settings=settings)
        access.taken_out(store, "de-identified", NOW, MARK, who=f"operator:{MARK} for {MARK}")
        access.looked_at(store, f"course-{MARK}", NOW, 1, MARK, who=MARK)
        registry.set_aside(
            [Stored("Patient", MARK, 1, NOW, "FR-037", MARK, False, {"id": MARK})], ValueError(MARK), None
        )
    assert {"queued", "export-asked", "export-written", "export", "access", "outcomes-set-aside"} <= {
        line["event"] for line in log.lines
    }
    require_silent(log.text, planted)


def test_words_would_be_found():
    """Else the tests above would prove nothing."""
    planter = Planter()
    with pytest.raises(AssertionError):
        require_silent([planter.text()], ([], [], {}))
    with pytest.raises(AssertionError):
        require_silent("on 1000-01-01", ([], ["1000-01-01"], {}))
