"""The endpoints of a centre as a page, and its analysis table. Both are the centre's own and name patients."""

from __future__ import annotations

import csv
import io
from functools import partial

from flask import Response
from markupsafe import Markup, escape

from adapter.flows import endpoints
from adapter.flows.endpoints import Question
from adapter.web import html, session
from adapter.web.page_frame import around
from adapter.web.routing import Door, Route
from adapter.web.site import Site
from mappings.registry import report_page

_PREFACE = (
    "<p>Of the patients of {}, by name: for the centre alone.\n"
    '<a href="/endpoints/table.csv">Analysis table (CSV)</a>, one row a patient.</p>'
)


def routes(site: Site) -> list[Route]:
    return [
        Route("endpoints", "/endpoints", partial(shown, site), Door.PEOPLE, page=True),
        Route("endpoints-table", "/endpoints/table.csv", partial(table, site), Door.PEOPLE, page=True),
    ]


def shown(site: Site) -> Response:
    """The report on the patients of the centre, up to the last date that is stored."""
    made = endpoints.report_from_store(
        site.store, Question(), centres=[session.person().centre], canonicals=site.settings.canonicals
    )
    frame = around(site)
    # the page escapes what it prints: every cell, title and sentence goes through html.escape
    content = Markup(report_page.body(made, _PREFACE.format(escape(frame["centre"]))))  # noqa: S704 - see the line above
    return html.page("endpoints.html", **frame, content=content)


def table(site: Site) -> Response:
    """One row a patient, for a statistician of the centre."""
    lines = io.StringIO()
    rows = endpoints.table_from_store(
        site.store, centres=[session.person().centre], canonicals=site.settings.canonicals
    )
    csv.writer(lines, lineterminator="\n").writerows(rows)
    headers = html.HEADERS | {"Content-Disposition": 'attachment; filename="endpoints.csv"'}
    return Response(lines.getvalue(), headers=headers, content_type="text/csv; charset=utf-8")
