"""Forms of EBMT of every patient who agrees: a CSV file for each form, and a page for each patient and form."""

from __future__ import annotations

import csv
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from adapter.config import Registry, Settings
from adapter.errors import Invalid, Refused
from adapter.flows import registry as outcomes
from mappings.registry import course, ebmt, ebmt_day0, ebmt_page

if TYPE_CHECKING:
    from adapter.store import Store

_FORMS = "|".join((ebmt_day0.FORM, *ebmt.FORMS))
_OURS = re.compile(rf"({_FORMS})\.csv|[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}-({_FORMS})\.html")
"""A table, and a page under a pseudonym."""

CONTROLS = "=+-@\t\r"
"""How a cell begins that a spreadsheet would run."""


def export(store: Store, registry: Registry, settings: Settings, now: datetime, out: Path, *, who: str) -> Counter[str]:
    """Writes the forms into the folder `out`, in the place of what an earlier call left there; how many of each. In the
    audit before.

    Raises Refused where it cannot, and Invalid, when the others are written, naming who is set aside because of a
    record at fault.
    """
    key = settings.pseudonym_key(registry.name)
    rows: dict[str, list[ebmt.Line]] = {}
    aside: list[outcomes.Aside] = []
    for bundle in outcomes.bundles(store, key, now, aside=aside, canonicals=settings.canonicals):
        resources = [entry["resource"] for entry in bundle["entry"]]
        for one in course.read(resources, settings.canonicals):
            day_zero = ebmt_day0.line(one, resources, registry.dates, settings.canonicals)
            made = {ebmt_day0.FORM: day_zero} if day_zero else {}
            for form, line in (made | ebmt.lines(one, registry.windows, registry.dates)).items():
                rows.setdefault(form, []).append(line)
    done = Counter({form: len(lines) for form, lines in rows.items()})
    told = ", ".join(f"{form} {number}" for form, number in done.items()) or "nothing"
    with store.transaction() as tx:
        tx.audit.add(at=now, who=who, action="registry-export", target=registry.name, centre=None, detail=told)
    try:
        _replace(out, rows)
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}") from error
    if aside:
        raise Invalid([fault for one in aside for fault in one.for_the_centre()])
    return done


def _replace(out: Path, rows: dict[str, list[ebmt.Line]]) -> None:
    """Forms of an earlier call go when the new ones are whole: somebody in them may agree no longer."""
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".engraft-", dir=out) as folder:
        for form, lines in rows.items():
            _write(Path(folder), form, lines)
        new = {file.name: file for file in Path(folder).iterdir()}
        for name, file in new.items():
            file.replace(out / name)
        for old in list(out.iterdir()):
            if _OURS.fullmatch(old.name) and old.name not in new:
                old.unlink()


def _write(out: Path, form: str, lines: list[ebmt.Line]) -> None:
    with (out / f"{form}.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ebmt.columns(form), lineterminator="\n")
        table.writeheader()
        table.writerows({name: _cell(value) for name, value in line.items()} for line in lines)
    for line in lines:
        (out / f"{line['pseudonym']}-{form}.html").write_text(ebmt_page.page(form, line), "utf-8")


def _cell(value: str) -> str:
    """A negative number of days is a number; nothing else may begin like a formula."""
    return value if value.lstrip("-").isdecimal() or not value.startswith(tuple(CONTROLS)) else f"'{value}"
