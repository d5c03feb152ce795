"""Forms to validated FHIR one after the other, in a process of its own as `engraft map` is: how many a second.

The follow-up of the interface page and its enrolment, of a hundred patients whose days differ.
"""

from __future__ import annotations

import re
import time
from datetime import date, timedelta
from statistics import median

import adapter.cli  # noqa: F401  a command has Python's collector look less often
from mappings import outcomes
from mappings.canonicals import DEFAULT
from mappings.facts import Enrolment
from mappings.intake import schema
from mappings.r4 import wire
from mappings.r4.build import Ids, course_id
from mappings.r4.validate import require_valid
from tests.lib.tree import ROOT

EXAMPLES = ROOT / "tests" / "unit" / "mappings" / "intake"
AS_OF = date(2026, 12, 31)
PATIENTS, ROUNDS = 100, 30
DAY = re.compile(r"20\d\d-\d\d-\d\d")

Case = tuple[bytes, Enrolment, Ids]


def cases() -> list[Case]:
    """Form, enrolment and ids of each patient; each a day later than the one before."""
    form, enrolment = ((EXAMPLES / f"example_{name}.json").read_text() for name in ("follow_up", "enrolment"))
    found = []
    for number in range(PATIENTS):
        enrolled = schema.enrolment(wire.decode(moved(enrolment, number)), AS_OF)
        course = course_id(DEFAULT, enrolled.centre, enrolled.patient, enrolled.protocol)
        found.append((moved(form, number).encode(), enrolled, Ids(course)))
    return found


def moved(text: str, days: int) -> str:
    """The same with every day so much later, of another patient."""
    later = DAY.sub(lambda said: (date.fromisoformat(said[0]) + timedelta(days)).isoformat(), text)
    return later.replace('"P-0001"', f'"P-{days:04}"')


def through(case: Case) -> list[bytes]:
    """A form all the way."""
    form, enrolment, ids = case
    visit = schema.follow_up(wire.decode(form), AS_OF)
    if schema.cross_check(visit, enrolment):
        raise AssertionError
    out = []
    for one in outcomes.map_course(enrolment, [visit], ids):
        require_valid(one.resource)
        out.append(wire.encode(one.resource))
    return out


def rates() -> list[float]:
    """Forms a second of CPU, of each round of a hundred."""
    made = cases()
    found = []
    for _ in range(ROUNDS + 3):
        began = time.process_time()
        for case in made:
            through(case)
        found.append(len(made) / (time.process_time() - began))
    return found[3:]


if __name__ == "__main__":
    said = rates()
    print(f"{median(said):.0f} {min(said):.0f} {max(said):.0f}")
