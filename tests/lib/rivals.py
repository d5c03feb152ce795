"""What others make of a resource: the models of fhir.resources, to be compared with."""

from __future__ import annotations

import json
from typing import Any

from fhir.resources.R4B import get_fhir_model_class


def caught_by_models(resource: dict[str, Any]) -> bool:
    """Does `model_validate` of fhir.resources (R4B) refuse it?"""
    try:
        get_fhir_model_class(resource["resourceType"]).model_validate_json(json.dumps(resource, default=float))
    except (ValueError, KeyError):  # KeyError: a type that it does not know
        return True
    return False
