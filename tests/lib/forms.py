"""Documents as a centre sends them."""

from __future__ import annotations

ENROLMENT = {
    "centre": "FR-037",
    "patient": "P-0001",
    "protocol": "set-haplo-pdli",
    "birth_date": "1971-05-02",
    "sex": "female",
    "consent": {"status": "active", "date": "2026-01-10", "registry": True},
    "disease": {"diagnosis": "aml", "status": "refractory"},
    "measurements": {
        "weight": {"value": 70, "unit": "kg", "date": "2026-02-10"},
        "height": {"value": 175, "unit": "cm", "date": "2026-02-10"},
    },
    "transplant": {"date": "2026-03-02", "planned": False, "donor": "haploidentical", "graft": "pbsc"},
}
FOLLOW_UP = {
    "centre": "FR-037",
    "patient": "P-0001",
    "visit": "m3",
    "date": "2026-06-02",
    "vital_status": {"status": "alive", "date": "2026-06-02"},
    "gvhd": {"assessed": "2026-06-02", "acute": [{"onset": "2026-04-20", "grade": "II", "skin": 3}]},
}
