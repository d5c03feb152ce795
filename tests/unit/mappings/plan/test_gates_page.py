"""The worked patient of docs/gates.md: every line of its table is what the gates say."""

from __future__ import annotations

import re
from datetime import date

import pytest

from tests.lib.records import a_record, form, standing
from tests.lib.tree import ROOT

PAGE = (ROOT / "docs" / "gates.md").read_text("utf-8")
ROWS = re.findall(r"^\| (\d{4}-\d{2}-\d{2}) \| ([a-z0-9-]+) \| (met|not met|unknown) \|", PAGE, re.MULTILINE)
TAKEN = [{"drug": drug, "started": "2026-03-08"} for drug in ("mycophenolate", "ciclosporin")]
OVER = [TAKEN[0] | {"stopped": "2026-04-18"}, TAKEN[1] | {"stopped": "2026-06-10"}]
EPISODE = {"onset": "2026-04-20", "grade": "II", "skin": 3}


def none(day):
    return {"assessed": day, "acute": [], "chronic": []}


FORMS = [
    form(
        "2026-04-02",
        "m1",
        gvhd=none("2026-04-02"),
        immunosuppression={"assessed": "2026-04-02", "drugs": TAKEN},
    ),
    form("2026-04-22", gvhd={"acute": [EPISODE]}, immunosuppression={"drugs": OVER[:1]}),
    form("2026-05-18", gvhd=none("2026-05-18") | {"acute": [EPISODE | {"resolved": "2026-05-15"}]}),
    form("2026-07-06", gvhd=none("2026-07-06"), immunosuppression={"assessed": "2026-07-06", "drugs": OVER}),
    form("2026-07-13", dli=[{"number": 1, "date": "2026-07-13"}]),
    form("2026-08-06", gvhd=none("2026-08-06")),
]


@pytest.mark.parametrize(("day", "action", "said"), ROWS)
def test_the_page_says_what_the_gates_say(day, action, said):
    known = [one for one in FORMS if one["date"] <= day]
    assert standing(a_record(*known), action, date.fromisoformat(day)).verdict.words == said


def test_the_page_tells_of_every_form_and_has_its_rows():
    assert len(ROWS) == 9
    told = re.findall(r"^\| (\d{4}-\d{2}-\d{2}) \| [A-Za-z]", PAGE, re.MULTILINE)
    assert told[: len(FORMS)] == [one["date"] for one in FORMS]
