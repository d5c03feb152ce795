"""What registries are sent: once, when it is new, and taken back when a patient no longer agrees."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from adapter.config import Registry
from adapter.errors import Refused
from adapter.flows.crew import policies_of
from adapter.flows.delivery import Post
from adapter.flows.push import NO_CONSENT, Submission, named, push
from adapter.flows.registry import whole
from adapter.flows.submission import submit_to
from adapter.hospital.client import HospitalClient
from adapter.hospital.sandbox import Sandbox
from adapter.store import Store
from mappings.canonicals import CIBMTR_CRID
from mappings.r4.faults import Fault, FaultyInput
from mappings.r4.wire import encode
from mappings.registry.allow_list import allow_list
from mappings.registry.cibmtr import MOST_ENTRIES
from tests.lib.centre import ENROLMENT, M1, M3, SETTINGS, Ward, document
from tests.unit.mappings.registry.patients import KEY

NAME = "national"
KINDS = [*allow_list().resources, "Composition"]
GIVEN = [{"action": "atg", "date": "2026-02-27", "given": {"value": 175, "unit": "mg"}}]
AGREED = {"status": "active", "date": "2026-01-10", "registry": True}
WITHDRAWN = AGREED | {"status": "inactive"}


@pytest.fixture
def ward(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/engraft.sqlite")
    store.migrate()
    settings = replace(SETTINGS, registries={NAME: Registry(NAME, "http://127.0.0.1:9/fhir")})
    made = Ward(store, settings)
    made.enrol()
    made.visit(M1)
    made.visit(M3)
    made.visit(M3, visit="m12", date="2026-11-01", gvhd=None, administrations=GIVEN)
    yield made
    store.close()


@pytest.fixture
def registry():
    with Sandbox() as sandbox:
        yield sandbox


def pushed(ward, on=date(2026, 11, 3), key=KEY, **said):
    def outcomes(resources, _):
        made = whole(resources, key, on)
        return Submission([made] if made else ())

    ward.now += timedelta(minutes=1)
    return push(ward.store, NAME, outcomes, ward.now, who="operator", **said)


def queued(ward, *states):
    with ward.store.reading() as tx:
        return tx.outbox.listing(states or None, destination=NAME)


def deliver(ward, registry):
    ward.now += timedelta(minutes=1)
    client = HospitalClient(NAME, registry.base_url, None, timeout=(2, 5), pause=lambda _: None)
    try:
        post = Post(ward.store, lambda: ward.now, lambda: 0.5)
        return post.work(NAME, lambda _: client, "w")
    finally:
        client.close()


def kept(registry):
    found = [one for kind in KINDS for one in registry.all(kind)]
    return {f"{one['resourceType']}/{one['id']}": one for one in found}


def test_the_bundle_arrives_under_pseudonyms(ward, registry):
    done = pushed(ward)
    assert (done.queued, done.retracted, done.unchanged) == (1, 0, 0)
    assert deliver(ward, registry) == {"delivered": 1}
    there = kept(registry)
    assert len(there) == done.resources
    assert {"Patient", "Observation", "Procedure", "Condition", "Composition"} <= {n.partition("/")[0] for n in there}
    told = encode(list(there.values())).decode()
    assert "SYN-0001" not in told
    assert "1971-05-02" not in told
    own = {one.reference for one in ward.stored()}
    assert not own & there.keys()


def test_unchanged_content_is_not_sent_again(ward, registry):
    pushed(ward)
    again = pushed(ward)
    assert (again.queued, again.unchanged, again.resources) == (0, 1, 0)  # though nothing has been delivered yet
    deliver(ward, registry)
    before = kept(registry)
    assert pushed(ward).unchanged == 1
    assert len(queued(ward)) == 1
    deliver(ward, registry)
    assert kept(registry) == before


def test_a_correction_is_a_new_version_of_the_same_resources(ward, registry):
    pushed(ward)
    deliver(ward, registry)
    before = kept(registry)
    ward.visit(M1, immune_reconstitution={"date": "2026-04-01", "cd4": {"value": 130, "unit": "/uL"}})
    done = pushed(ward)
    assert (done.queued, done.resources) == (1, 1)
    deliver(ward, registry)
    after = kept(registry)
    assert after.keys() == before.keys()
    (changed,) = [name for name in after if after[name] != before[name]]
    assert after[changed]["meta"]["versionId"] == "2"
    assert after[changed]["valueQuantity"]["value"] == 130


def test_what_was_taken_back_at_the_centre_is_void_at_the_registry(ward, registry):
    taken = ward.visit(M3, visit="m6", date="2026-09-02", gvhd={"assessed": "2026-09-02", "acute": [], "chronic": []})
    pushed(ward)
    deliver(ward, registry)
    ward.retract(taken.id)
    pushed(ward)
    deliver(ward, registry)
    statuses = [one.get("status") for one in kept(registry).values()]
    assert "entered-in-error" in statuses


class TestWithdrawal:
    def test_all_that_was_sent_is_emptied_at_once(self, ward, registry):
        pushed(ward)
        deliver(ward, registry)
        before = kept(registry)
        ward.enrol(consent=WITHDRAWN)
        done = deliver(ward, registry)  # no push in between
        assert done == {"delivered": 1}, [(row.error, row.outcome) for row in queued(ward, "parked")]
        after = kept(registry)
        assert after.keys() == before.keys()
        told = encode(list(after.values())).decode()
        assert "valueQuantity" not in told
        assert "loinc" not in told
        assert all(one["meta"]["versionId"] == "2" for one in after.values())
        assert pushed(ward).retracted == 0

    def test_what_still_waits_is_not_sent(self, ward, registry):
        pushed(ward)
        ward.enrol(consent=WITHDRAWN)
        assert [(row.state, row.error) for row in queued(ward)] == [("discarded", NO_CONSENT)]
        deliver(ward, registry)
        assert kept(registry) == {}

    def test_what_may_have_arrived_without_an_answer_is_taken_back_too(self, ward):
        pushed(ward)
        with Sandbox() as gone:
            pass
        assert deliver(ward, gone) == {"retried": 1}
        ward.enrol(consent=WITHDRAWN)
        first, second = queued(ward)
        assert (first.state, second.state) == ("discarded", "waiting")
        assert len(second.content) == len(first.content)
        assert second.content[0]["resourceType"] == "Patient"
        assert second.content[0]["active"] is False

    def test_consent_that_ends_by_itself_is_found_by_the_next_push(self, ward, registry):
        """A no that nobody recorded: the day alone decides."""
        pushed(ward)
        deliver(ward, registry)
        with ward.store.transaction() as tx:
            (consent,) = tx.resources.stream(centres=None, kinds=["Consent"])
            said = consent.content | {"status": "inactive"}
            tx.resources.put(said, centre="FR-037", course=consent.course, sources=["x"], at=ward.now)
        assert pushed(ward).retracted == 1
        assert pushed(ward).retracted == 0
        deliver(ward, registry)
        assert all("valueQuantity" not in one for one in kept(registry).values())

    def test_who_agrees_again_is_there_again(self, ward, registry):
        pushed(ward)
        ward.enrol(consent=WITHDRAWN)
        ward.enrol(consent=AGREED | {"date": "2026-06-01"})
        assert pushed(ward).queued == 1
        deliver(ward, registry)
        before = len(kept(registry))
        ward.enrol(consent=WITHDRAWN | {"date": "2026-07-01"})
        deliver(ward, registry)
        ward.enrol(consent=AGREED | {"date": "2026-08-01"})
        assert pushed(ward).queued == 1
        deliver(ward, registry)
        assert len(kept(registry)) == before
        assert any("valueQuantity" in one for one in kept(registry).values())

    def test_who_never_agreed_is_never_queued(self, ward):
        ward.enrol(patient="SYN-0002", consent=None)
        ward.enrol(patient="SYN-0003", consent=AGREED | {"registry": False})
        assert pushed(ward).queued == 1
        assert len({row.course for row in queued(ward)}) == 1


def test_another_key_that_nobody_announced_queues_nothing(ward, registry):
    ward.enrol(patient="SYN-0002", consent=None)  # who is not told of cannot show which key it was
    pushed(ward)
    for _ in range(2):  # queued, and there
        with pytest.raises(Refused, match=f"{NAME} knows the patients by pseudonyms of another key"):
            pushed(ward, key=bytes(32))
        assert len(queued(ward)) == 1
        deliver(ward, registry)
    assert pushed(ward).unchanged == 1


def test_another_key_takes_back_what_was_sent_under_the_old_one(ward, registry):
    pushed(ward)
    deliver(ward, registry)
    before = kept(registry)
    pushed(ward, key=bytes(32), new_key=True)
    assert pushed(ward, key=bytes(32)).unchanged == 1  # from now on it is the key
    deliver(ward, registry)
    after = kept(registry)
    assert len(after) == 2 * len(before)
    assert all("valueQuantity" not in after[name] for name in before)


def test_what_a_person_discarded_is_not_queued_again(ward):
    pushed(ward)
    (row,) = queued(ward)
    with ward.store.transaction() as tx:
        tx.outbox.discard(row.id, "the registry asked us not to", ward.now)
    assert pushed(ward).queued == 0


def test_each_push_is_in_the_audit(ward):
    pushed(ward)
    with ward.store.reading() as tx:
        (deed,) = tx.audit.of(NAME)
    assert (deed.who, deed.action, deed.detail) == ("operator", "registry-push", "1 queued, 0 taken back, 0 unchanged")


def test_registries_are_named():
    assert named(["b", "a"], None) == ["a", "b"]
    assert named(["b", "a"], "b") == ["b"]
    with pytest.raises(Refused, match="no registry is called x; known: a"):
        named(["a"], "x")
    with pytest.raises(Refused, match="no registry is configured"):
        named([], None)


def test_the_enrolment_of_these_tests_agrees():
    assert document(ENROLMENT)["consent"] == AGREED


CRID = {"system": CIBMTR_CRID, "value": "9990001"}


class TestCibmtr:
    """Its label, its limit of 50 entries, and one receipt for each bundle."""

    def push(self, ward, **more):
        registry = Registry(NAME, "http://127.0.0.1:9/fhir", dialect="cibmtr", **{"ccn": {"FR-037": "10123"}} | more)
        key = ward.store_key
        settings = replace(ward.settings, registries={NAME: registry}, privacy_key=key)
        ward.now += timedelta(minutes=1)
        return push(ward.store, NAME, submit_to(registry, settings, date(2026, 11, 3)), ward.now, who="operator")

    @pytest.fixture
    def ward(self, ward, tmp_path):
        ward.store_key = tmp_path / "key"
        ward.store_key.write_text(KEY.hex())
        ward.enrol(identifiers=[CRID])
        days = [date(2026, 3, 3) + timedelta(days=n) for n in range(70)]
        counts = [{"date": f"{day}", "neutrophils": {"value": n + 1, "unit": "10*9/L"}} for n, day in enumerate(days)]
        ward.visit(M1, visit="m6", date="2026-09-02", engraftment={"counts": counts})
        return ward

    def test_bundles_of_fifty_arrive_with_the_label_of_the_centre(self, ward, registry):
        done = self.push(ward)
        assert done.queued == 1
        rows = queued(ward)
        assert len(rows) >= 2
        assert all(len(row.content) <= MOST_ENTRIES for row in rows)
        seen = []
        client = HospitalClient(NAME, registry.base_url, None, timeout=(2, 5), pause=lambda _: None)
        apply = client.apply
        client.apply = lambda changes, *more: seen.append(len(changes)) or apply(changes, *more)
        policies = policies_of(replace(ward.settings, registries={NAME: Registry(NAME, "", dialect="cibmtr")}))
        post = Post(ward.store, lambda: ward.now, lambda: 0.5, policies=policies)
        assert post.work(NAME, lambda _: client, "w") == {"delivered": len(rows)}
        client.close()
        assert sum(seen) == done.resources
        assert max(seen) <= MOST_ENTRIES
        there = kept(registry).values()
        assert len(there) == done.resources
        assert {label["code"] for one in there for label in one["meta"]["security"]} == {"rc_10123"}
        assert {row.state for row in queued(ward)} == {"delivered"}

    def test_what_is_not_sent_is_told(self, ward):
        left = self.push(ward).left
        assert left["Condition: CIBMTR takes no such type"] >= 1
        assert self.push(ward).unchanged == 1

    def test_of_a_centre_without_a_number_nothing_goes(self, ward):
        done = self.push(ward, ccn={"BE-001": "10123"})
        assert (done.queued, done.left) == (0, {"Patient: centre FR-037 has no number at national": 1})

    def test_forms_are_not_pushed(self, ward):
        settings = replace(ward.settings, privacy_key=ward.store_key)
        with pytest.raises(Refused, match="nothing is pushed in the dialect ebmt"):
            submit_to(Registry(NAME, "", dialect="ebmt"), settings, date(2026, 11, 3))


def test_a_record_that_is_no_valid_r4_holds_up_nobody_else(ward):
    ward.enrol(patient="SYN-0002")
    first = ward.stored("Patient")[0]

    def choosy(resources, _):
        if any(one["id"] == first.id for one in resources):
            raise FaultyInput([Fault("Bundle", "is no valid R4")])
        return Submission([whole(resources, KEY, date(2026, 11, 3))])

    done = push(ward.store, NAME, choosy, ward.now, who="operator")
    assert done.queued == 1
    assert done.left == {f"course {first.course}: Bundle: is no valid R4": 1}


@pytest.mark.parametrize("error", [KeyError("Dupont"), ValueError("Dupont"), TypeError("Dupont"), AttributeError("x")])
def test_a_record_that_nobody_foresaw_holds_up_nobody_else_and_its_words_are_not_told(ward, error):
    with ward.store.reading() as tx:
        first = next(tx.resources.stream(centres=None, kinds=["Patient"]))
    ward.enrol(patient="P-0002")

    def choosy(resources, _):
        if any(one["id"] == first.id for one in resources):
            raise error
        return Submission([whole(resources, KEY, date(2026, 11, 3))])

    done = push(ward.store, NAME, choosy, ward.now, who="operator")
    assert done.queued == 1
    assert done.left == {f"course {first.course}: has a record that cannot be read": 1}
    again = push(ward.store, NAME, choosy, ward.now, who="operator")  # now the registry's key is looked at too
    assert (again.queued, again.unchanged) == (0, 1)
