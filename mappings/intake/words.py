"""The closed lists of the interface, as data. Each word is also a row `<list>/<word>` of the terminology's answers."""

from __future__ import annotations

from dataclasses import dataclass

OTHER = "other"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class WordList:
    """One closed list; every list also admits `other` (with a text beside it) and `unknown`."""

    name: str
    words: tuple[str, ...]

    @property
    def admitted(self) -> tuple[str, ...]:
        return (*self.words, OTHER, UNKNOWN)


DIAGNOSIS = WordList("diagnosis", ("aml",))
DISEASE_STATUS = WordList("disease-status", ("refractory", "relapsed"))
DONOR = WordList("donor", ("haploidentical", "matched-related", "matched-unrelated", "mismatched-unrelated"))
GRAFT = WordList("graft", ("pbsc", "bone-marrow"))

VITAL_STATUS = WordList("vital-status", ("alive", "dead", "lost"))
CAUSE = WordList("cause", ("relapse", "gvhd", "infection", "toxicity", "graft-failure", "other-nrm"))
ENGRAFTMENT = WordList(
    "engraftment", ("engrafted", "never-below", "primary-graft-failure", "secondary-graft-failure", "not-evaluable")
)
RESPONSE = WordList("response", ("CR", "CRh", "CRi", "MLFS", "PR", "no-response", "relapse", "not-evaluable"))
MRD = WordList("mrd", ("negative", "positive", "not-evaluable"))
MRD_METHOD = WordList("mrd-method", ("flow", "pcr", "ngs"))
RELAPSE = WordList("relapse", ("haematological", "molecular", "extramedullary"))
SAMPLE = WordList("sample", ("blood", "marrow"))
LINEAGE = WordList("lineage", ("whole-blood", "bone-marrow", "t-cell", "myeloid"))
ACUTE_GRADE = WordList("agvhd-grade", ("0", "I", "II", "III", "IV"))
CHRONIC_SEVERITY = WordList("cgvhd-severity", ("none", "mild", "moderate", "severe"))
GVHD_TREATMENT = WordList(
    "gvhd-treatment", ("topical", "systemic-steroids", "ruxolitinib", "ecp", "calcineurin-inhibitor", "mycophenolate")
)
INFECTION_KIND = WordList("infection-kind", ("bacterial", "viral", "fungal", "parasitic"))
INFECTION_AGENT = WordList(
    "infection-agent",
    (
        *("cmv", "ebv", "hhv6", "adenovirus", "bk", "influenza", "rsv", "sars-cov-2"),
        *("aspergillus", "candida", "pneumocystis"),
        *("gram-negative", "gram-positive", "clostridioides", "toxoplasma"),
    ),
)
INFECTION_SITE = WordList("infection-site", ("blood", "lung", "gi", "urinary", "cns", "skin", "liver", "eye"))
INFECTION_SEVERITY = WordList("infection-severity", ("mild", "moderate", "severe", "life-threatening", "fatal"))
IMMUNOSUPPRESSANT = WordList(
    "immunosuppressant", ("ciclosporin", "tacrolimus", "mycophenolate", "steroids", "ruxolitinib", "sirolimus")
)
WITHHELD = WordList(
    "dli-withheld",
    (
        *("active-gvhd", "prior-agvhd-over-ii", "on-immunosuppression", "relapse"),
        *("infection", "donor", "patient", "death"),
    ),
)
INSTRUMENT = WordList("instrument", ("FACT-BMT", "EQ-5D-5L", "EORTC-QLQ-C30", "SF-36"))

LISTS = tuple(found for found in vars().copy().values() if isinstance(found, WordList))
"""Every list above."""

SEXES = ("male", "female", "other", "unknown")
"""FHIR administrative-gender."""

CONSENTS = ("active", "inactive", "rejected")
VISITS = ("baseline", "m1", "m3", "m6", "m12", "m24", "unscheduled")
COMPARATORS = ("<", "<=", ">=", ">")

ACTIONS = (
    *("thiotepa", "cyclophosphamide", "etoposide", "fludarabine", "busulfan", "atg"),
    *("ptcy", "ciclosporin", "mycophenolate"),
)
"""Action keys of the protocol whose doses a centre reports as given."""

ACUTE_ORGANS = {"skin": 4, "liver": 4, "upper_gi": 1, "lower_gi": 4}
"""Organs of acute GVHD with their highest MAGIC stage."""

CHRONIC_ORGANS = ("skin", "mouth", "eyes", "gi", "liver", "lungs", "joints", "genital")
"""Organs of chronic GVHD; each has an NIH score of 0 to 3."""

REASONS_MISSING = (
    *("unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "masked", "not-applicable"),
    *("unsupported", "as-text", "error", "not-a-number", "negative-infinity", "positive-infinity"),
    *("not-performed", "not-permitted"),
)
"""R4 data-absent-reason, whole list."""
