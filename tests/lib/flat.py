"""Documents as the flat forms say them: columns of a table, items of a QuestionnaireResponse."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from mappings.intake.columns import column

QUESTIONNAIRES = "https://engraft.example/fhir/Questionnaire"


def cells(document: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of every value of a document; an empty list is `none`."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from cells(value, f"{above}.{key}" if above else key)
    elif isinstance(document, list):
        for number, value in enumerate(document, 1):
            yield from cells(value, f"{above}.{number}")
        if not document:
            yield f"{above}.none", True
    else:
        yield above, document


def text(value: Any) -> str:
    """A value as a spreadsheet shows it."""
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def table(*documents: Any, delimiter: str = ",") -> bytes:
    """A CSV file of documents, a row for each."""
    rows = [dict(cells(one)) for one in documents]
    header = list(dict.fromkeys(name for row in rows for name in row))
    lines = [header, *([text(row[name]) if name in row else "" for name in header] for row in rows)]
    return "".join(delimiter.join(_quoted(cell) for cell in line) + "\r\n" for line in lines).encode()


def response(document: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A QuestionnaireResponse whose items stand side by side, each with its whole path."""
    kind = "follow-up" if "visit" in document else "enrolment"
    name = f"follow-up-{document['visit']}" if "visit" in document else kind
    made = {"resourceType": "QuestionnaireResponse", "questionnaire": f"{QUESTIONNAIRES}/{name}", "status": "completed"}
    return made | {"item": [_item(kind, path, value) for path, value in _answered(kind, document)]} | more


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set('",;\t\r\n') else cell


def _answered(kind: Any, document: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """As `cells`, but an amount is one answer; what stands beside it, its date or why it is missing, is another."""
    found = column(kind, above) if above else None
    if isinstance(document, dict) and found and found.holds == "quantity" and _has_amount(document):
        yield above, {key: document[key] for key in ("value", "unit", "comparator") if key in document}
        document = {key: value for key, value in document.items() if key not in ("value", "unit", "comparator")}
    if isinstance(document, dict):
        for key, value in document.items():
            yield from _answered(kind, value, f"{above}.{key}" if above else key)
    elif isinstance(document, list) and document:
        for number, value in enumerate(document, 1):
            yield from _answered(kind, value, f"{above}.{number}")
    else:
        yield (f"{above}.none", True) if document == [] else (above, document)


def _has_amount(document: dict[str, Any]) -> bool:
    return "value" in document and not isinstance(document["value"], dict)


def _item(kind: Any, path: str, value: Any) -> dict[str, Any]:
    found = column(kind, path)
    assert found is not None, path
    if isinstance(value, dict):
        amount = {"value": value["value"], "unit": value["unit"], "system": "http://unitsofmeasure.org"}
        comparator = {"comparator": value["comparator"]} if "comparator" in value else {}
        return {"linkId": path, "answer": [{"valueQuantity": amount | comparator | {"code": value["unit"]}}]}
    names = {"flag": "valueBoolean", "none": "valueBoolean", "date": "valueDate", "whole": "valueInteger"}
    name = names.get(found.holds, "valueString")
    if found.holds == "number":
        name = "valueDecimal" if isinstance(value, Decimal) else "valueInteger"
    return {"linkId": path, "answer": [{name: value}]}
