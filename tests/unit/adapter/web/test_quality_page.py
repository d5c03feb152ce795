"""/quality: people of a centre see what to mend, of their own patients only."""

from __future__ import annotations

import re

from tests.lib.forms import ENROLMENT
from tests.unit.adapter.web.browsing import signed_in


def visit(ward, name, on, **said):
    whose = {"centre": ENROLMENT["centre"], "patient": ENROLMENT["patient"], "visit": name, "date": on}
    assert ward.ask("POST", "/follow-ups", document=whose | said).status_code == 202


def test_a_finding_leads_to_the_form(ward, course):
    visit(ward, "m1", "2026-04-02", vital_status={"status": "dead", "date": "2026-04-01"})
    visit(ward, "m3", "2026-06-02", vital_status={"status": "alive", "date": "2026-06-02"})
    ada = signed_in(ward)
    words = ada.open("/quality").words()
    assert "Seen alive on 2026-06-02, after the death on 2026-04-01. cannot be true" in words
    place = re.search(r'href="(/patients/[^"]+/visits/m3)"', ada.text)[1]
    assert ada.open(place).answer.status_code == 200


def test_nobody_else_sees_it(ward, course):
    visit(ward, "m1", "2026-04-02", vital_status={"status": "alive", "date": "2026-04-01"})
    words = signed_in(ward, "eve").open("/quality").words()
    assert "Nothing contradicts itself, and no visit is overdue." in words
    assert "No visit was told yet." in words
    assert "P-0001" not in words
