"""Every URL that we mint or cite, in one place.

Ours hang under one configurable base and are cited pinned, `url|version`; other people's are constants.
"""

from __future__ import annotations

from typing import NamedTuple

DEFAULT_BASE = "https://engraft.example/fhir"
"""Stands in the shipped artefacts; a deployment replaces it by a URL of its own."""

ARTEFACT_VERSION = "0.1.0"
"""Version of everything in `profiles/` and of the generated definitions."""

UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ATC = "http://www.whocc.no/atc"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD_10 = "http://hl7.org/fhir/sid/icd-10"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"

ADMINISTRATIVE_GENDER = "http://hl7.org/fhir/administrative-gender"
CONSENT_STATES = "http://hl7.org/fhir/consent-state-codes"

_THO = "http://terminology.hl7.org/CodeSystem/"
CONDITION_CLINICAL = _THO + "condition-clinical"
CONDITION_VER_STATUS = _THO + "condition-ver-status"
OBSERVATION_CATEGORY = _THO + "observation-category"
DATA_ABSENT_REASON = _THO + "data-absent-reason"
DATA_OPERATION = _THO + "v3-DataOperation"
DOSE_RATE_TYPE = _THO + "dose-rate-type"
PLAN_DEFINITION_TYPE = _THO + "plan-definition-type"
PROVENANCE_PARTICIPANT = _THO + "provenance-participant-type"
CONSENT_SCOPE = _THO + "consentscope"
CONSENT_CATEGORY = _THO + "consentcategorycodes"
ACT_REASON = _THO + "v3-ActReason"
OBSERVATION_VALUE = _THO + "v3-ObservationValue"
MEASURE_POPULATION = _THO + "measure-population"
MEASURE_IMPROVEMENT = _THO + "measure-improvement-notation"
LIST_EMPTY_REASON = _THO + "list-empty-reason"

CIBMTR_CENTRE = "http://cibmtr.org/codesystem/transplant-center"
CIBMTR_CRID = "http://cibmtr.org/identifier/CRID"
"""As CIBMTR's connection guide and its own client write them; its profiles name another host."""

EXT_DATA_ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
EXT_NORMALIZATION_BASIS = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-normalization-basis"
EXT_DAYS_OF_CYCLE = "http://hl7.org/fhir/StructureDefinition/timing-daysOfCycle"
EXT_ORIGINAL_TEXT = "http://hl7.org/fhir/StructureDefinition/originalText"
EXT_ISSUE_LINE = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line"
EXT_CONDITION_DUE_TO = "http://hl7.org/fhir/StructureDefinition/condition-dueTo"


class Canonicals(NamedTuple):
    """The URLs of one deployment. `base` has no trailing slash.

    A tuple, because it is asked for with every code that is looked up, and a tuple is a cheap key.
    """

    base: str = DEFAULT_BASE
    version: str = ARTEFACT_VERSION

    def url(self, kind: str, name: str) -> str:
        """Unpinned canonical, as in `StructureDefinition.url`."""
        return f"{self.base}/{kind}/{name}"

    def pinned(self, kind: str, name: str) -> str:
        """Canonical pinned to our artefact version, as in `instantiatesCanonical`."""
        return f"{self.base}/{kind}/{name}|{self.version}"

    def profile(self, name: str) -> str:
        """`meta.profile` entry for the StructureDefinition `name`."""
        return self.pinned("StructureDefinition", name)

    def extension(self, name: str) -> str:
        """`Extension.url` (extensions are never pinned on the wire)."""
        return self.url("StructureDefinition", name)

    @property
    def local(self) -> str:
        """System of the project's own concepts."""
        return self.url("CodeSystem", "engraft")

    def sid(self, name: str) -> str:
        """Identifier system, e.g. `sid("request")`."""
        return f"{self.base}/sid/{name}"

    @property
    def source(self) -> str:
        """`meta.source` of everything that Engraft makes."""
        return f"{self.base}/engraft"


DEFAULT = Canonicals()
