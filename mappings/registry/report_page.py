"""The report as a page that prints: figures, the same as tables, completeness, exclusions, definitions in words.

It is whole in itself: no script, no font, nothing from a network. What is hidden in a release is said to be hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from mappings.registry.curves import curve, stacked
from mappings.registry.definitions import DEFINITIONS, RULES, VERSION
from mappings.registry.judged import Analysis, AnyRow, CountRow, Row, SpreadRow
from mappings.registry.report import Report
from mappings.registry.scheduled import ASSESSED, GRAFTED

STYLE = """
body { font: 15px/1.45 sans-serif; color: #000; background: #fff; max-width: 56rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: .6rem 0 1.2rem; width: 100% }
caption { text-align: left; font-weight: bold; padding: .3rem 0 }
th, td { border-bottom: 1px solid #888; padding: .2rem .5rem; text-align: left; vertical-align: top }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
tbody th { font-weight: normal } .wide { overflow-x: auto }
section { break-inside: avoid } figure { margin: .6rem 0 } svg { max-width: 100%; height: auto }
@media print { body { margin: 0; max-width: none; font-size: 10pt } h2 { break-after: avoid } tr { break-inside: avoid }
  .wide { overflow: visible }
}
"""

_TIMES = ("day", "n", "at risk", "events", "estimate", "95 % interval", "also")
_SHARES = ("day", "what", "of", "count", "whole", "share", "95 % interval", "also")
_SPREADS = ("day", "n", "median", "quartiles", "range", "unit")
_HIDDEN = "hidden"
_ONCE = ("CR or PR", "full")
"""Categories of which each date has one row of the assessed."""


def document(report: Report) -> str:
    """A whole HTML page."""
    title = f"Endpoints as of {report.as_of or 'no date'}"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body(report)}\n</main>\n"
        "</body>\n</html>\n"
    )


def body(report: Report, preface: str = "") -> str:
    """The content of the page, for a page that has its own style. `preface`: HTML that stands under the heading."""
    parts = [
        f"<h1>Endpoints as of {escape(str(report.as_of or 'no date'))}</h1>",
        preface,
        f"<p>{escape(_about(report))}</p>",
        *_together(report.analyses),
        *(_section(each) for each in report.analyses),
        _completeness(report),
        _named(report, "Excluded", "excluded", "reason"),
        _named(report, "Counted by a special rule", "listed", "rule"),
        "<section><h2>What holds for all</h2><ul>",
        *(f"<li>{escape(rule)}</li>" for rule in RULES),
        "</ul></section>",
    ]
    return "\n".join(part for part in parts if part)


def _about(report: Report) -> str:
    released = (
        " Small counts, and what they could be worked out from, are hidden; nobody is named." if report.release else ""
    )
    since = report.since and (report.since.year if report.release else report.since)
    return f"Transplants since {since or 'none'}. Version {VERSION} of the definitions.{released}"


def _section(analysis: Analysis) -> str:
    name = escape(analysis.endpoint)
    figure = ""
    if analysis.curve and analysis.curve.n:
        day = max(analysis.main.horizon_days or 0, 1) if analysis.main else 1
        figure = f"<figure>{curve(name, analysis.title, analysis.curve, day)}</figure>"
    return (
        f'<section aria-labelledby="{name}"><h2 id="{name}">{escape(analysis.title)}</h2>'
        f"<p>{escape(DEFINITIONS[analysis.endpoint])}</p>{figure}{_rows(analysis.title, analysis.rows)}</section>"
    )


def _together(analyses: Sequence[Analysis]) -> Iterator[str]:
    """Relapse and death without it, stacked to 1."""
    curves = {each.endpoint: each.curve for each in analyses if each.curve and each.curve.n}
    relapse, death = curves.get("relapse"), curves.get("nrm")
    if relapse and death:
        title = "Relapse, death without relapse, and leukaemia-free survival make 100 %"
        parts = (("relapse", relapse), ("death without relapse", death))
        drawn = stacked("stacked", title, parts, "leukaemia-free survival", 730)
        yield f"<section><h2>{escape(title)}</h2><figure>{drawn}</figure></section>"


def _rows(title: str, rows: Sequence[AnyRow]) -> str:
    columns = {Row: _TIMES, CountRow: _SHARES, SpreadRow: _SPREADS}[type(rows[0])]
    return _table(title, columns, (_cells(row) for row in rows))


def _cells(row: AnyRow) -> list[str]:
    day = "" if row.horizon_days is None else str(row.horizon_days)
    if isinstance(row, Row):
        counts = [_shown(row, name) for name in ("n", "at_risk", "events")]
        return [day, *counts, _share(row, "estimate"), _interval(row), _also(row)]
    if isinstance(row, CountRow):
        what = row.category + (f" ({row.more['lineage']})" if "lineage" in row.more else "")
        counts = [_shown(row, name) for name in ("count", "of")]
        return [day, what, row.among, *counts, _share(row, "estimate"), _interval(row), _also(row)]
    quartiles = _pair(_shown(row, "q1"), _shown(row, "q3"))
    return [
        day,
        _shown(row, "n"),
        _shown(row, "median"),
        quartiles,
        _pair(_shown(row, "min"), _shown(row, "max")),
        row.unit,
    ]


def _shown(row: AnyRow, name: str) -> str:
    said = getattr(row, name)
    if name in row.suppressed:
        return _HIDDEN
    return "–" if said is None else f"{said:g}" if isinstance(said, float) else str(said)


def _share(row: Row | CountRow, name: str) -> str:
    said = getattr(row, name)
    return f"{said:.1%}" if said is not None else _HIDDEN if name in row.suppressed else "–"


def _interval(row: Row | CountRow) -> str:
    return _pair(_share(row, "ci_low"), _share(row, "ci_high"))


def _pair(one: str, other: str) -> str:
    return one if one == other and one in (_HIDDEN, "–") else f"{one} to {other}"


def _also(row: Row | CountRow) -> str:
    """What a row counts beside, in words."""
    told = []
    for name, said in row.more.items():
        if isinstance(said, dict):
            told += [f"{name.replace('_', ' ')}: " + ", ".join(f"{word} {count}" for word, count in said.items())]
        elif name != "lineage":
            told.append(f"{name.replace('_', ' ')} {said}")
    return "; ".join(told)


def _completeness(report: Report) -> str:
    """How many of the grafted had a value at each date."""
    whole = _grafted(report.analyses)
    grafted = _shown(whole, "of" if isinstance(whole, CountRow) else "n") if whole else "–"
    lines = [
        [each.title, str(row.horizon_days), _shown(row, name), grafted]
        for each in report.analyses
        for row, name in _assessed(each.rows)
    ]
    columns = ("what", "day", "assessed", "grafted")
    return f"<section><h2>Completeness</h2>{_table('Assessed at each date', columns, lines)}</section>"


def _assessed(rows: Iterable[AnyRow]) -> Iterator[tuple[AnyRow, str]]:
    for row in rows:
        if isinstance(row, SpreadRow):
            yield row, "n"
        elif (
            isinstance(row, CountRow) and row.among == ASSESSED and row.category in _ONCE and "lineage" not in row.more
        ):
            yield row, "of"


def _grafted(analyses: Sequence[Analysis]) -> AnyRow | None:
    """A row that tells how many were grafted."""
    for each in analyses:
        for row in each.rows:
            if each.endpoint == "os" or (isinstance(row, CountRow) and row.among == GRAFTED):
                return row
    return None


def _named(report: Report, title: str, key: str, word: str) -> str:
    said = report.document()[key]
    if not said:
        return f"<section><h2>{title}</h2><p>Nobody.</p></section>"
    columns = (word, "patients") if report.release else ("patient", word, "endpoints")
    lines = (
        [entry[word], "few, or all but few" if entry["count"] is None else str(entry["count"])]
        if report.release
        else [entry["patient"], entry[word], ", ".join(entry["endpoints"])]
        for entry in said
    )
    return f"<section><h2>{title}</h2>{_table(title, columns, lines)}</section>"


def _table(caption: str, columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """On a narrow screen it is moved sideways, also by the keyboard."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    rows = "".join(f"<tr>{_row(line)}</tr>" for line in lines)
    table = f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="wide" role="region" aria-label="Table: {escape(caption)}" tabindex="0">{table}</div>'


def _row(line: Sequence[str]) -> str:
    """The first cell heads the row, where it says something."""
    first, *rest = map(escape, line)
    head = f'<th scope="row">{first}</th>' if first else "<td></td>"
    return head + "".join(f"<td>{cell}</td>" for cell in rest)
