"""What waits for something, clause by clause: judged from facts, met, not met or unknown."""

from __future__ import annotations

from datetime import date

import pytest

from tests.lib.records import D119, D120, a_record, form, ready, standing, verdict

WELL = {"acute": [], "chronic": []}


@pytest.mark.parametrize(
    ("action", "first", "last"),
    [
        ("mycophenolate-taper", date(2026, 4, 6), date(2026, 4, 27)),
        ("ciclosporin-taper", date(2026, 5, 3), date(2026, 5, 31)),
    ],
)
def test_each_taper_may_begin_in_its_days_without_gvhd(action, first, last):
    """In the absence of clinical contraindication(GVHD), tapering MMF between days D + 35 and D + 56, then tapering CSA between D + 62 and D + 90 | In the absence of clinical contraindication(GVHD)"""  # noqa: E501  the protocol's sentence
    over = {"drugs": [{"drug": "mycophenolate", "started": "2026-03-08", "stopped": "2026-04-02"}]}
    well = form("2026-04-02", "m1", gvhd=WELL | {"assessed": "2026-04-02"}, immunosuppression=over)
    record = a_record(well)
    assert [verdict(record, action, day) for day in (first, last)] == ["met", "met"]
    assert verdict(record, action, date.fromordinal(first.toordinal() - 1)) == "not-met"
    assert verdict(record, action, date.fromordinal(last.toordinal() + 1)) == "not-met"
    sick = form("2026-04-03", gvhd={"acute": [{"onset": "2026-04-03", "grade": "I", "skin": 1}]})
    assert verdict(a_record(well, sick), action, first) == "not-met"
    assert verdict(a_record(), action, first) == "unknown"


def test_donor_lymphocytes_have_four_conditions_and_each_alone_can_shut_the_gate():
    """pDLI: 3 injections from the D + 120 in patients who discontinued immunosuppressive therapy for ≥ 1 month and having no active GVHD or history of acute GVHD grade> II."""  # noqa: E501  the protocol's sentence
    assert [one.criterion for one in standing(a_record(), "pdli-1", D120).findings] == [
        "day",
        "months-off-immunosuppression",
        "active-gvhd",
        "worst-acute-gvhd",
    ]
    assert verdict(a_record(ready()), on=D120) == "met"
    assert verdict(a_record(ready()), on=D119) == "not-met"
    late = [{"drug": "steroids", "started": "2026-04-20", "stopped": "2026-06-10"}]
    active = {"chronic": [{"onset": "2026-06-20", "severity": "mild", "organs": {"mouth": 1}}]}
    worse = {"acute": [{"onset": "2026-04-20", "grade": "III", "resolved": "2026-05-15"}]}
    for more in ({"immunosuppression": {"drugs": late}}, {"gvhd": active}, {"gvhd": worse}):
        assert verdict(a_record(ready(), form("2026-06-29", **more)), on=D120) == "not-met"
    for section in ("gvhd", "immunosuppression"):
        assert verdict(a_record(ready(**{section: None})), on=D120) == "unknown"
