"""What each concept of our own means, in a sentence: by its list, by its table, or in words of its own.

Scales are cited and not told again: their authors' criteria are theirs to state.
"""

from __future__ import annotations

from collections.abc import Iterator

from mappings.terminology.systems import LocalCode
from mappings.terminology.tables import TABLES, Row, table

ELN = "the ELN 2022 recommendations (Döhner et al., Blood 2022;140:1345-1377)"
MAGIC = "MAGIC (Harris et al., Biol Blood Marrow Transplant 2016;22:4-10)"
NIH = "the NIH consensus of 2014 (Jagasia et al., Biol Blood Marrow Transplant 2015;21:389-401)"

_LISTS = {
    "diagnosis": "Diagnosis for which the patient is treated: {}.",
    "disease-status": "Status of the leukaemia when the patient entered the study: {}.",
    "donor": "Whose graft it is, by relation and HLA match: {}.",
    "graft": "Where the cells of the graft were taken: {}.",
    "visit": "Visit of the protocol at which a follow-up was told; months are calendar months after the graft: {}.",
    "override-reason": "Why a person went on in spite of a card's warning: {}.",
    "vital-status": "What is known of the patient on the day of the last contact: {}.",
    "cause": "Main cause of death, one for each death: {}.",
    "engraftment": "What became of the cell line after the graft: {}.",
    "response": f"Response as {ELN} define it: {{}}.",
    "mrd": "Result of a test for measurable residual disease: {}.",
    "mrd-method": "Method of a test for measurable residual disease: {}.",
    "relapse": "How a relapse showed itself: {}.",
    "sample": "What a chimerism test was done on: {}.",
    "lineage": "Cells in which a chimerism test looked for the donor: {}.",
    "agvhd-grade": f"Overall grade of acute GVHD by {MAGIC}: {{}}.",
    "agvhd-stage": f"Stage of one organ in acute GVHD by {MAGIC}: {{}}.",
    "cgvhd-severity": f"Global severity of chronic GVHD by {NIH}: {{}}.",
    "cgvhd-score": f"Score of one organ in chronic GVHD by {NIH}: {{}}.",
    "gvhd-treatment": "Treatment given for graft-versus-host disease: {}.",
    "infection-kind": "Kind of organism that an infection is due to: {}.",
    "infection-agent": "Organism, or group of organisms, found in an infection: {}.",
    "infection-site": "Where in the body an infection is: {}.",
    "infection-severity": "How severe an infection was at its worst, in the centre's judgement: {}.",
    "immunosuppressant": "Systemic drug that suppresses immunity: {}.",
    "dli-withheld": "Why a planned infusion of donor lymphocytes was not given: {}.",
    "agreement": "Whether what was derived from the counts is what the centre reports: {}.",
    "instrument": "Questionnaire by which quality of life was measured; its texts are its owner's: {}.",
}
_TABLES = {
    "drugs": "Drug: {}.",
    "observables": "What is observed or asked: {}.",
    "conditions": "Disease or complication: {}.",
    "procedures": "Step of the treatment: {}.",
}
_OWN = {
    "donor-chimerism-percent": "Per cent of the cells looked at that are the donor's; never the recipient's share.",
    "treg-absolute": "Regulatory T cells in a volume of blood: an absolute count, no ratio to CD4 cells.",
    "engraftment-never-below": "The count was never below the threshold of engraftment: there is no day of recovery.",
    "primary-graft-failure": "The cell line never engrafted.",
    "secondary-graft-failure": "The cell line was lost after it had engrafted.",
    "cause-other-nrm": "Death without relapse from a cause that no other word of this list names.",
    "last-contact": "Day on which the patient was last known to be alive.",
    "lost-to-follow-up": "Nothing is known of the patient after the day of the last contact.",
    "days-from-graft": "Days from the day of the graft, which is day 0; days before it are negative.",
    "tec": "The sequential chemotherapy of the protocol, before the rest days.",
    "rest": "Days of the protocol on which no treatment of the regimen is given.",
    "ric": "The reduced-intensity conditioning of the protocol, before the graft.",
    "open-dose": "The protocol gives a dose on a basis that is not calculated here; a person settles it.",
    "prophylactic-dli": "Donor lymphocytes given without a sign of relapse, from D+120 on.",
    "pdli-feasibility": "Whether prophylactic donor lymphocytes could be given, and why not.",
    "withheld-prior-agvhd-over-ii": "Acute GVHD above grade II at any time before, which rules the infusion out.",
    "aml-response-eln": f"Response of acute myeloid leukaemia as {ELN} define it.",
    "agvhd-overall-grade": f"Overall grade of acute GVHD by {MAGIC}; not the highest organ stage.",
    "cgvhd-nih-severity": f"Global severity of chronic GVHD by {NIH}; no sum of organ scores.",
}


def definition_of(code: str) -> str:
    """One sentence. Raises KeyError for a concept that is none of ours."""
    return _definitions()[code]


def _definitions() -> dict[str, str]:
    found = {code: sentence for name in TABLES for row in table(name).values() for code, sentence in _of(name, row)}
    if strangers := set(_OWN) - set(found):
        raise KeyError(f"defined, and no concept of ours: {', '.join(sorted(strangers))}")
    return found | _OWN


def _of(name: str, row: Row) -> Iterator[tuple[str, str]]:
    template = _LISTS[row.key.partition("/")[0]] if name == "answers" else _TABLES[name]
    yield from ((code.value, template.format(row.text)) for code in row.codes if isinstance(code, LocalCode))
