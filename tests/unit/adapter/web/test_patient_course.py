"""A patient's page: which visits are done, due and overdue, what is missing, and what was found over time."""

from __future__ import annotations

import re
from html import unescape

import pytest

from mappings.r4.wire import decode
from tests.lib.forms import FOLLOW_UP
from tests.unit.adapter.web.browsing import signed_in
from tests.unit.adapter.web.test_visit_pages import fill


@pytest.fixture
def home(ward, course):
    (patient,) = decode(ward.ask("GET", "/fhir/Patient", "ehr").data)["entry"]
    return f"/patients/{patient['resource']['id']}"


def visits(browser):
    """The rows of the table of visits, as words."""
    rows = re.findall(r"<tr>.*?</tr>", browser.text.split('id="visits"')[1].split("</table>")[0], re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in rows[1:]]


def test_visits_are_done_due_overdue_or_still_ahead(ward, home):
    """Today is 3 September 2026, the graft was on 2 March."""
    ward.ask("POST", "/follow-ups", document=FOLLOW_UP)
    found = visits(signed_in(ward, "dana").open(home))
    assert found[0].startswith("Baseline visit no date Fill in")
    assert found[1].startswith("Visit at 1 month overdue 2026-04-02 Fill in")
    assert found[2].startswith("Visit at 3 months done 2026-06-02 2026-06-02 Engraftment, Disease response,")
    assert found[3].startswith("Visit at 6 months overdue 2026-09-02")
    assert found[4].startswith("Visit at 12 months not due yet 2027-03-02")
    assert found[2].endswith("Correct Visit at 3 months of 2026-06-02")


def test_the_page_leads_to_forms_drafts_and_unscheduled_visits(ward, home):
    dana = signed_in(ward, "dana").open(f"{home}/visits/m6")
    fill(dana, f"{home}/visits/m6", "save", relapse__kind="molecular")
    fill(dana.open(f"{home}/visits/unscheduled"), f"{home}/visits/unscheduled", "save", date="2026-05-05")
    words = dana.open(home).words()
    assert "Visit at 6 months overdue , draft begun 2026-09-02" in words
    assert "Go on with the unscheduled visit" in words
    fill(dana.open(f"{home}/visits/unscheduled"), f"{home}/visits/unscheduled", "send")
    assert f'href="{home}/visits/unscheduled-2026-05-05"' in dana.open(home).text


def test_plots_have_a_title_a_description_and_a_table(ward, home):
    counts = [{"date": "2026-03-17", "neutrophils": {"value": 520, "unit": "/uL"}}]
    chimerism = [{"date": "2026-06-01", "sample": "blood", "lineage": "t-cell", "donor_percent": 97}]
    answer = ward.ask(
        "POST", "/follow-ups", document=FOLLOW_UP | {"chimerism": chimerism, "engraftment": {"counts": counts}}
    )
    assert answer.status_code == 202, answer.data
    dana = signed_in(ward, "dana").open(home)
    for key in ("gvhd", "neutrophils", "chimerism"):
        assert f'aria-labelledby="{key}-title {key}-told"' in dana.text
        assert f'<title id="{key}-title">' in dana.text
        assert f'<desc id="{key}-told">' in dana.text
    assert 'id="platelets-title"' not in dana.text
    words = dana.words()
    assert "acute, grade II, no end told" in words
    assert "neutrophils 2026-03-17 520 /uL" in words
    assert "T cells, Peripheral blood 2026-06-01 97 %" in words
    assert " style=" not in dana.text


def test_a_patient_without_a_graft_has_visits_without_dates_and_no_plots(ward, course):
    from tests.lib.forms import ENROLMENT

    open_ = {key: said for key, said in ENROLMENT.items() if key != "transplant"} | {"patient": "P-0002"}
    ward.ask("POST", "/enrolments", document=open_)
    found = decode(ward.ask("GET", "/fhir/Patient", "ehr").data)["entry"]
    homes = [f"/patients/{one['resource']['id']}" for one in found]
    shown = [signed_in(ward, "dana").open(home) for home in homes]
    (page,) = [one for one in shown if "Patient P-0002" in one.words()]
    assert {row.split(" no date")[0] for row in visits(page)} >= {"Visit at 24 months"}
    assert "<svg" not in page.text
