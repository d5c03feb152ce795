"""A visit's form: asked, kept as a draft, corrected beside its fields, handed in, looked at."""

from __future__ import annotations

import re
from html import unescape

import pytest

from adapter.flows import visit
from mappings.intake import words
from mappings.r4.wire import decode
from tests.lib.forms import FOLLOW_UP
from tests.unit.adapter.web.browsing import Browser, signed_in
from tests.unit.adapter.web.conftest import OURS


@pytest.fixture
def place(ward, course):
    """Where the visits of the patient are."""
    (patient,) = decode(ward.ask("GET", "/fhir/Patient", "ehr").data)["entry"]
    return f"/patients/{patient['resource']['id']}/visits"


def fill(browser: Browser, path: str, do: str, **said: str) -> Browser:
    """Fills in the form at `path` on top of what it shows, and presses a button; `__` in a name is a dot."""
    shown = shown_in(browser) | {name.replace("__", "."): text for name, text in said.items()}
    browser.answer = browser.client.post(path, data=shown | {"do": do}, base_url="https://engraft.test")
    browser.text = browser.answer.get_data(as_text=True)
    return browser


def shown_in(browser: Browser) -> dict[str, str]:
    """What a browser would send of the form that it shows."""
    form = re.search(r'<form method="post"[^>]*class="visit".*?</form>', browser.text, re.DOTALL)[0]
    out = {}
    for attributes in re.findall(r"<input ([^>]*)>", form):
        name, value = (re.search(rf'{key}="([^"]*)"', attributes) for key in ("name", "value"))
        if name and ("checkbox" not in attributes or "checked" in attributes):
            out[name[1]] = unescape(value[1])
    for name, options in re.findall(r'<select id="[^"]*" name="([^"]*)".*?>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        out[name] = unescape(chosen[1])
    for name, text in re.findall(r'<textarea id="[^"]*" name="([^"]*)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        out[name] = unescape(text)
    return out


def test_the_form_asks_what_the_questionnaire_asks(ward, place):
    dana = signed_in(ward, "dana").open(f"{place}/m3")
    assert dana.answer.status_code == 200
    assert "<script" not in dana.text
    assert " style=" not in dana.text
    words = dana.words()
    assert "Visit m3" in words
    assert "Instrument (needed)" in words
    assert "Response (ELN 2022) (needed)" not in words
    assert 'for="vital_status.status"' in dana.text
    assert "Only if Vital status is Dead." in words
    assert '<option value="10*3/uL"' in dana.text
    ids = re.findall(r' id="([^"]+)"', dana.text)
    assert len(ids) == len(set(ids))
    labelled = set(re.findall(r'<label for="([^"]+)"', dana.text))
    fields = set(re.findall(r'<(?:input|select|textarea) (?:type="checkbox" )?id="([^"]+)"', dana.text))
    assert fields - labelled == set()


def test_a_visit_is_handed_in_and_its_resources_are_shown(ward, place):
    dana = signed_in(ward, "dana").open(f"{place}/m6")
    fill(
        dana,
        f"{place}/m6",
        "send",
        date="2026-09-02",
        vital_status__status="alive",
        vital_status__date="2026-09-02",
        immune_reconstitution__date="2026-08-29",
        immune_reconstitution__cd4__value="120.50",
        immune_reconstitution__cd4__unit="/uL",
        response__not_done="not-performed",
    ).follow()
    words = dana.words()
    assert "Visit m6 is handed in" in words
    assert "CD4 lymphocytes in blood 2026-08-29 120.50 /uL" in words
    assert "Vital status 2026-09-02 Alive" in words
    found = decode(ward.ask("GET", "/fhir/Observation?code=http://loinc.org|24467-3", "ehr").data)["entry"]
    quantity = found[0]["resource"]["valueQuantity"]
    assert (str(quantity["value"]), quantity["code"]) == ("120.50", "/uL")


def test_a_dose_that_was_not_given_is_handed_in_and_shown(ward, place):
    dana = signed_in(ward, "dana").open(f"{place}/m6")
    fill(dana, f"{place}/m6", "add:administrations").follow()
    fill(
        dana,
        f"{place}/m6",
        "send",
        date="2026-09-02",
        administrations__1__action="thiotepa",
        administrations__1__day="D-13",
        administrations__1__date="2026-02-17",
        administrations__1__given__not_done="not-performed",
    ).follow()
    assert "Thiotepa 2026-02-17 not-performed" in dana.words()


def test_faults_stand_beside_their_fields_and_nothing_typed_is_lost(ward, place):
    dana = signed_in(ward, "dana").open(f"{place}/m6")
    fill(dana, f"{place}/m6", "add:gvhd.acute").follow()
    fill(
        dana,
        f"{place}/m6",
        "send",
        date="2026-09-02",
        gvhd__assessed="2026-09-02",
        gvhd__acute__1__onset="2026-13-40",
        gvhd__acute__1__grade="I",
        gvhd__acute__1__skin="seven",
        immune_reconstitution__cd4__value="many",
        quality_of_life__version="4",
    )
    assert dana.answer.status_code == 422
    beside = re.findall(r'id="([^"]+)-wrong\d*"><span class="hidden">Error: </span>([^<]*)', dana.text)
    told = {name: unescape(message) for name, message in beside}
    assert "no date of the calendar" in told["gvhd.acute.1.onset"]
    assert "expected a whole number" in told["gvhd.acute.1.skin"]
    assert "expected a number" in told["immune_reconstitution.cd4.value"]
    assert "needed" in told["quality_of_life.instrument"]
    kept = shown_in(dana)
    assert kept["gvhd.acute.1.onset"] == "2026-13-40"
    assert kept["immune_reconstitution.cd4.value"] == "many"
    assert dana.text.count(" autofocus") == 1
    first = re.search(r'<input id="([^"]+)"[^>]* autofocus', dana.text)[1]
    assert first == "immune_reconstitution.cd4.value"
    assert 'aria-invalid="true" aria-describedby="gvhd.acute.1.onset-wrong"' in dana.text
    assert shown_in(dana.open(f"{place}/m6"))["gvhd.acute.1.skin"] == "seven"


def test_a_grade_that_contradicts_its_stages_is_told_at_the_grade(ward, place):
    dana = signed_in(ward, "dana").open(f"{place}/m6")
    fill(dana, f"{place}/m6", "add:gvhd.acute").follow()
    fill(dana, f"{place}/m6", "add:gvhd.acute").follow()
    fill(
        dana,
        f"{place}/m6",
        "send",
        date="2026-09-02",
        gvhd__acute__2__onset="2026-04-20",
        gvhd__acute__2__grade="I",
        gvhd__acute__2__lower_gi="3",
    )
    assert "gvhd.acute.2.grade-wrong" in dana.text
    assert "by MAGIC these make III or IV" in dana.words()


def test_a_value_and_a_reason_for_none_are_told_at_the_reason(ward, place):
    dana = signed_in(ward, "dana").open(f"{place}/m6")
    fill(dana, f"{place}/m6", "send", date="2026-09-02", relapse__kind="molecular", relapse__not_done="unknown")
    assert dana.answer.status_code == 422
    assert 'id="relapse.not_done-wrong"' in dana.text
    assert '<details class="why" open>' in dana.text


def test_a_draft_is_kept_and_makes_nothing(ward, place):
    before = ward.counts()
    dana = signed_in(ward, "dana").open(f"{place}/m12")
    fill(dana, f"{place}/m12", "save", date="2026-09", relapse__kind="molecular").follow()
    assert "The draft is kept." in dana.words()
    again = signed_in(ward, "ben").open(f"{place}/m12")
    assert shown_in(again)["relapse.kind"] == "molecular"
    assert "by user:dana" in again.words()
    assert ward.counts() == before
    fill(again, f"{place}/m12", "discard")
    assert shown_in(again.open(f"{place}/m12"))["relapse.kind"] == ""


def test_two_people_do_not_write_over_each_other_unseen(ward, place):
    dana, ben = (signed_in(ward, name).open(f"{place}/m12") for name in ("dana", "ben"))
    fill(dana, f"{place}/m12", "save", relapse__kind="molecular")
    fill(ben, f"{place}/m12", "save", relapse__kind="extramedullary")
    assert ben.answer.status_code == 409
    assert "user:dana has saved a draft meanwhile" in ben.words()
    assert shown_in(ben)["relapse.kind"] == "extramedullary"
    assert shown_in(dana.open(f"{place}/m12"))["relapse.kind"] == "molecular"
    fill(ben, f"{place}/m12", "save")
    assert ben.answer.status_code == 303


def test_a_form_that_was_handed_in_meanwhile_is_not_replaced_unseen(ward, place):
    dana = signed_in(ward, "dana").open(f"{place}/m3")
    assert ward.ask("POST", "/follow-ups", document=FOLLOW_UP).status_code == 202
    fill(dana, f"{place}/m3", "send", date="2026-06-02", relapse__date="2026-06-01", relapse__kind="molecular")
    assert dana.answer.status_code == 409
    assert "handed in meanwhile" in dana.words()


def test_items_are_added_and_taken_away_without_scripts(ward, place):
    dana = signed_in(ward, "dana").open(f"{place}/m6")
    fill(dana, f"{place}/m6", "add:infections").follow()
    assert re.search(r'id="infections.1.id"[^>]* autofocus', dana.text)
    fill(dana, f"{place}/m6", "add:infections", infections__1__kind="viral").follow()
    fill(dana, f"{place}/m6", "add:infections.2.nothing", infections__2__kind="fungal")
    fill(dana.open(f"{place}/m6"), f"{place}/m6", "drop:infections.1").follow()
    shown = shown_in(dana)
    assert shown["infections.1.kind"] == "fungal"
    assert "infections.2.kind" not in shown
    fill(dana, f"{place}/m6", "add:engraftment.platelet_transfusions").follow()
    assert 'id="engraftment.platelet_transfusions.1"' in dana.text


def test_a_visit_that_was_told_is_shown_and_corrected(ward, place):
    ward.ask("POST", "/follow-ups", document=FOLLOW_UP)
    dana = signed_in(ward, "dana").open(f"{place}/m3")
    shown = shown_in(dana)
    assert (shown["gvhd.acute.1.grade"], shown["gvhd.acute.1.skin"]) == ("II", "3")
    fill(dana, f"{place}/m3", "send", gvhd__acute__1__resolved="2026-05-15").follow()
    assert "version 2" in dana.words()
    assert "Acute graft-versus-host disease 2026-04-20 resolved" in dana.words()


def test_sending_what_was_told_writes_nothing(ward, place):
    ward.ask("POST", "/follow-ups", document=FOLLOW_UP)
    before = ward.counts()
    dana = signed_in(ward, "dana").open(f"{place}/m3")
    fill(dana, f"{place}/m3", "send").follow()
    assert "version 1" in dana.words()
    assert ward.counts() == before


def test_what_is_handed_in_between_the_draft_and_the_sending_is_not_replaced_unseen(ward, place, monkeypatch):
    ward.ask("POST", "/follow-ups", document=FOLLOW_UP)
    corrected = FOLLOW_UP | {"vital_status": {"status": "alive", "date": "2026-06-01"}}
    save = visit.save

    def overtaken(*about, **how):
        kept = save(*about, **how)
        assert ward.ask("POST", "/follow-ups", document=corrected).status_code == 202
        return kept

    monkeypatch.setattr(visit, "save", overtaken)
    dana = signed_in(ward, "dana").open(f"{place}/m3")
    fill(dana, f"{place}/m3", "send", gvhd__acute__1__resolved="2026-05-15")
    assert dana.answer.status_code == 409
    assert "handed in meanwhile" in dana.words()
    assert "version 2" in dana.open(f"{place}/m3/stored").words()


def test_what_the_form_cannot_show_is_not_lost_by_it(ward, place):
    """Blanks around a text are no part of a field: the form does not open, so that nothing is changed unseen."""
    episode = {"onset": "2026-04-20", "treatment": ["other"], "text": " as in the letter "}
    ward.ask("POST", "/follow-ups", document=FOLLOW_UP | {"gvhd": {"acute": [episode]}})
    dana = signed_in(ward, "dana").open(f"{place}/m3")
    assert dana.answer.status_code == 409
    assert "corrected the way it was sent" in dana.words()


def test_values_of_lists_that_are_not_known_are_shown_and_sent_again_as_they_were(ward, place, course):
    episode = {"onset": "2026-04-20", "treatment": [{"not_done": "unknown", "note": "abroad"}, "ecp"]}
    transfusions = ["2026-03-16", {"not_done": "asked-unknown"}]
    told = {"gvhd": {"acute": [episode]}, "engraftment": {"platelet_transfusions": transfusions}}
    ward.ask("POST", "/follow-ups", document=FOLLOW_UP | told)
    dana = signed_in(ward, "dana").open(f"{place}/m3")
    boxes = len(words.GVHD_TREATMENT.admitted)
    shown = shown_in(dana)
    assert shown[f"gvhd.acute.1.treatment.{boxes + 1}.not_done"] == "unknown"
    assert shown[f"gvhd.acute.1.treatment.{boxes + 1}.note"] == "abroad"
    assert shown[f"gvhd.acute.1.treatment.{boxes + 2}.not_done"] == "", "there is room for another"
    assert shown["engraftment.platelet_transfusions.2.not_done"] == "asked-unknown"
    fill(dana, f"{place}/m3", "send", **{f"gvhd.acute.1.treatment.{boxes + 2}.not_done": "masked"}).follow()
    assert "version 2" in dana.words()
    with ward.store.reading() as tx:
        (kept,) = [one.content for one in tx.follow_ups.of_course(course)]
    assert kept["gvhd"]["acute"][0]["treatment"] == ["ecp", episode["treatment"][0], {"not_done": "masked"}]
    assert kept["engraftment"]["platelet_transfusions"] == transfusions


def test_a_note_without_a_reason_is_told_at_its_place(ward, place):
    dana = signed_in(ward, "dana").open(f"{place}/m3")
    fill(dana, f"{place}/m3", "add:gvhd.acute").follow()
    boxes = len(words.GVHD_TREATMENT.admitted)
    fill(dana, f"{place}/m3", "send", **{f"gvhd.acute.1.treatment.{boxes + 1}.note": "abroad"})
    assert f'id="gvhd.acute.1.treatment.{boxes + 1}.note-wrong"' in dana.text
    assert "choose the reason too" in dana.words()


def test_unscheduled_visits_are_told_by_their_dates(ward, place):
    dana = signed_in(ward, "dana").open(f"{place}/unscheduled")
    fill(dana, f"{place}/unscheduled", "send", date="2026-05-05", relapse__date="2026-05", relapse__kind="molecular")
    assert dana.answer.headers["Location"] == f"{place}/unscheduled-2026-05-05/stored"
    assert "Kind of relapse 2026-05 Molecular relapse" in dana.follow().words()
    dana.open(f"{place}/unscheduled")
    assert shown_in(dana)["relapse.kind"] == ""
    fill(dana, f"{place}/unscheduled", "send", date="2026-05-05", relapse__not_done="unknown")
    assert dana.answer.status_code == 422
    assert "was told already" in dana.words()
    dana.open(f"{place}/unscheduled-2026-05-05")
    assert shown_in(dana)["date"] == "2026-05-05"
    assert dana.open(f"{place}/unscheduled-2026-05-06").answer.status_code == 404


def test_other_patients_and_other_visits_are_as_missing_as_none(ward, place):
    eve = signed_in(ward, "eve")
    for path in (f"{place}/m3", f"{place}/m3/stored"):
        assert eve.open(path).answer.status_code == 404
    dana = signed_in(ward, "dana")
    for path in (f"{place}/m7", f"{place}/enrolment", f"{place}/m3/stored", "/patients/nobody/visits/m3"):
        assert dana.open(path).answer.status_code == 404


def test_nobody_fills_in_a_form_without_its_token(ward, place):
    dana = signed_in(ward, "dana").open(f"{place}/m3")
    fill(dana, f"{place}/m3", "send", csrf="forged", date="2026-06-02")
    assert dana.answer.status_code == 403
    with ward.store.reading() as tx:
        enrolled = tx.enrolments.of(OURS, "P-0001")
        assert tx.drafts.visits(enrolled.course) == ()


@pytest.mark.parametrize("do", ["", "jump", "add:", "add:../x", "drop:infections", "drop:infections.x", "send:now"])
def test_no_button_that_nobody_made_breaks_anything(ward, place, do):
    dana = signed_in(ward, "dana").open(f"{place}/m3")
    fill(dana, f"{place}/m3", do, **{"shown:infections": "-1", "shown:dli": "999999"})
    assert dana.answer.status_code in (303, 422)
    assert dana.open(f"{place}/m3").answer.status_code == 200


def test_what_was_typed_is_text_and_no_markup(ward, place):
    dana = signed_in(ward, "dana").open(f"{place}/m3")
    fill(dana, f"{place}/m3", "send", relapse__text='"><b>x', relapse__kind="<i>")
    assert "<b>x" not in dana.text
    assert "<i>" not in dana.text


@pytest.mark.parametrize(
    ("do", "said"),
    [
        (f"drop:gvhd.acute.{'9' * 5000}", {}),
        ("save", {"shown:gvhd.acute": "9" * 5000}),
        ("save", {f"gvhd.acute.{'9' * 5000}.onset": "2026-04-20"}),
    ],
)
def test_a_number_that_no_form_of_ours_has_breaks_no_page(ward, place, do, said):
    dana = signed_in(ward, "dana").open(f"{place}/m3")
    fill(dana, f"{place}/m3", do, **said)
    assert dana.answer.status_code == 303
    assert dana.open(f"{place}/m3").answer.status_code == 200
