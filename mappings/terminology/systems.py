"""A type per coding system: a bare string is no code.

Making one checks its form and, where the system has one, its check digit; a slip of the pen raises ValueError.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from mappings.canonicals import ATC, ICD_10, ICD_10_CM, LOINC, RXNORM, SNOMED, UCUM, Canonicals

_VERHOEFF_PERMUTATION = "1576283094"
_LONGEST_SNOMED = 18


@dataclass(frozen=True, slots=True)
class Code:
    """One code of one system. `name` is how our tables write the system, `uri` how FHIR does."""

    value: str

    name: ClassVar[str]
    uri: ClassVar[str]
    form: ClassVar[re.Pattern[str]]

    def __post_init__(self) -> None:
        if not self.form.fullmatch(self.value):
            raise ValueError(f"{self.value!r} has not the form of a code of {self.name}")
        if not self.checked():
            raise ValueError(f"{self.value!r} fails the check digit of {self.name}")

    def checked(self) -> bool:
        """Is the check digit right? True in a system that has none."""
        return True

    def system(self, canonicals: Canonicals) -> str:  # noqa: ARG002  only our own system depends on the deployment
        """URI of the coding system in one deployment."""
        return self.uri


class AtcCode(Code):
    """WHO ATC, fifth level: a substance."""

    __slots__ = ()
    name = "ATC"
    uri = ATC
    form = re.compile(r"[A-Z]\d{2}[A-Z]{2}\d{2}")


class RxNormCode(Code):
    """RxNorm concept unique identifier."""

    __slots__ = ()
    name = "RXNORM"
    uri = RXNORM
    form = re.compile(r"[1-9]\d{0,7}")


class SnomedCode(Code):
    """SNOMED CT concept of the International edition: partition 00, Verhoeff check digit."""

    __slots__ = ()
    name = "SNOMED"
    uri = SNOMED
    form = re.compile(rf"[1-9]\d{{2,{_LONGEST_SNOMED - 4}}}00\d")

    def checked(self) -> bool:
        return verhoeff(self.value) == 0


class LoincCode(Code):
    """LOINC number with its modulo 10 check digit."""

    __slots__ = ()
    name = "LOINC"
    uri = LOINC
    form = re.compile(r"[1-9]\d{0,6}-\d")

    def checked(self) -> bool:
        number, _, digit = self.value.partition("-")
        return luhn(number) == int(digit)


class Icd10Code(Code):
    """ICD-10 of the WHO: never a fifth character."""

    __slots__ = ()
    name = "ICD10"
    uri = ICD_10
    form = re.compile(r"[A-Z]\d{2}(\.\d)?")


class Icd10CmCode(Code):
    """ICD-10-CM of the United States."""

    __slots__ = ()
    name = "ICD10CM"
    uri = ICD_10_CM
    form = re.compile(r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?")


class UcumCode(Code):
    """UCUM unit; powers of ten are `10*9`, and `G/L`, `10^9/L` or `cells/uL` are none."""

    __slots__ = ()
    name = "UCUM"
    uri = UCUM
    form = re.compile(r"1|%|(10\*\d{1,2}|\{cells\}|[a-z]{1,2}2?)(/(uL|L|mm3|[a-z]{1,2}2?))*|/(uL|L|mm3)")


class LocalCode(Code):
    """A concept of our own CodeSystem: words in lower case joined by hyphens."""

    __slots__ = ()
    name = "LOCAL"
    uri = ""
    form = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

    def system(self, canonicals: Canonicals) -> str:
        return canonicals.local


Kind: TypeAlias = type[Code]
SYSTEMS: dict[str, Kind] = {
    kind.name: kind
    for kind in (AtcCode, RxNormCode, SnomedCode, LoincCode, Icd10Code, Icd10CmCode, UcumCode, LocalCode)
}


def parse(text: str) -> Code:
    """`LOINC:29463-7` as a typed code. Raises ValueError for an unknown system, a bad form or check digit."""
    name, _, value = text.partition(":")
    if name not in SYSTEMS:
        raise ValueError(f"{text!r} names no coding system; write one of {', '.join(SYSTEMS)} and a colon")
    return SYSTEMS[name](value)


def verhoeff(digits: str) -> int:
    """Verhoeff checksum over the digits with their check digit; 0 when it is right."""
    sum_ = 0
    for place, digit in enumerate(reversed(digits)):
        permuted = int(digit)
        for _ in range(place % 8):
            permuted = int(_VERHOEFF_PERMUTATION[permuted])
        sum_ = _dihedral(sum_, permuted)
    return sum_


def _dihedral(left: int, right: int) -> int:
    """Product in the dihedral group of order ten: 0-4 turn, 5-9 mirror."""
    turn = (left - right if left > 4 else left + right) % 5
    return turn + (5 if (left > 4) != (right > 4) else 0)


def luhn(digits: str) -> int:
    """Modulo 10 check digit of LOINC for the number before the hyphen."""
    doubled = (int(digit) * (1 if place % 2 else 2) for place, digit in enumerate(reversed(digits)))
    return -sum(value // 10 + value % 10 for value in doubled) % 10
