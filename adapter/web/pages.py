"""What people of a centre see: their patients, one patient, one plan as a calendar, and where they sign it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from flask import Response

from adapter.errors import NotAllowed
from adapter.flows import hospital_patients, patient_course, sign_in, tapers, validation, ward
from adapter.flows.course import day_of
from adapter.flows.regimen import body_of
from adapter.flows.validation import SIGNABLE, Signer
from adapter.flows.ward import Sheet
from adapter.store.clients import Client
from adapter.web import appointments, html, session
from adapter.web.page_frame import around, of_centre
from adapter.web.routing import Door, Route
from adapter.web.site import Site
from mappings.outcomes.course_plots import LEFT, RIGHT
from mappings.plan.reading import Item, Kind
from mappings.plan.signature import ROLES
from mappings.protocol import load

STATES = {
    "open": "No dated plan yet",
    "draft": "DRAFT, to be validated",
    "active": "Validated",
    "revoked": "Called off",
}
"""Status of a plan, for people."""

ATTENDANCE = {
    "done": "done",
    "due": "due",
    "overdue": "overdue",
    "ahead": "not due yet",
    "open": "no date",
    "not-due": "not due: died before",
}
"""State of a visit, for people."""

_TAPER_FIELDS = (tapers.FIRST, tapers.LAST, tapers.ALTHOUGH, tapers.DEVIATION, "reason")
ENDED = {"lapsed": "ended: a dose or date of the plan changed", "withdrawn": "taken back"}


def routes(site: Site) -> list[Route]:
    plan = "/regimens/<id_>/calendar"
    return [
        _page("home", "/", partial(home, site)),
        _page("patient", "/patients/<id_>", partial(patient, site)),
        _page("calendar", plan, partial(calendar, site)),
        _page("calendar-sign", plan, partial(sign, site), "POST"),
        _page("calendar-withdraw", f"{plan}/withdrawal", partial(withdraw, site), "POST"),
        _page("calendar-taper", f"{plan}/tapers/<action>", partial(taper, site), "POST"),
        _page("calendar-taper-withdraw", f"{plan}/tapers/<action>/withdrawal", partial(taper_withdraw, site), "POST"),
        _page("calendar-file", f"{plan}.ics", partial(file, site)),
    ]


def home(site: Site) -> Response:
    found = ward.patients(**of_centre(site))
    return html.page("patients.html", **around(site), patients=found, states=STATES)


def patient(site: Site, id_: str) -> Response:
    found = ward.chart(id_, **of_centre(site))
    asked = hospital_patients.of_centre(site.store, session.person().centre)
    return html.page(
        "patient.html",
        **around(site),
        chart=found,
        patient=found.patient,
        states=STATES,
        questions=[one for one, number in asked if number == found.patient.number],
        words=hospital_patients.words,
        course=patient_course.told(id_, **of_centre(site)),
        attendance=ATTENDANCE,
        left=LEFT,
        right=RIGHT,
    )


def calendar(site: Site, id_: str) -> Response:
    """The plan day by day, with the places of both signatures."""
    return _shown(site, ward.sheet(id_, **of_centre(site)))


def sign(site: Site, id_: str) -> Response:
    """Signs what was shown; who signs shows once more who they are, for ward computers are shared."""
    signer = _signer(site)
    validation.validate(id_, signer, shown=session.field("shown"), **of_centre(site))
    return html.away(f"/regimens/{id_}/calendar")


def withdraw(site: Site, id_: str) -> Response:
    validation.withdraw(id_, _signer(site), session.field("reason"), **of_centre(site))
    return html.away(f"/regimens/{id_}/calendar")


def taper(site: Site, id_: str, action: str) -> Response:
    """A pharmacist or physician confirms that a taper began, or is over."""
    return _decided(site, id_, action, tapers.confirm, _TAPER_FIELDS)


def taper_withdraw(site: Site, id_: str, action: str) -> Response:
    return _decided(site, id_, action, tapers.withdraw, ("reason",))


def _decided(site: Site, id_: str, action: str, act: Callable[..., object], fields: Sequence[str]) -> Response:
    """Done as the person, who sees and changes the patients of their own centre only."""
    signer, who = _signer(site), session.person()
    said = {name: field for name in fields if (field := session.field(name).strip())}
    given = of_centre(site) | {"sender": Client(signer.by, who.role, who.centre)}
    del given["centre"]
    act(id_, action, said | {"confirmed_by": f"{signer.name}, {signer.role}"}, **given)
    return html.away(f"/regimens/{id_}/calendar#gates")


def file(site: Site, id_: str) -> Response:
    """The plan for a calendar program. It names no patient."""
    sheet = ward.sheet(id_, **of_centre(site))
    headers = html.HEADERS | {"Content-Disposition": 'attachment; filename="engraft.ics"'}
    return Response(appointments.ics(sheet), headers=headers, content_type="text/calendar; charset=utf-8")


def _page(name: str, rule: str, view: partial[Response], method: str = "GET") -> Route:
    return Route(name, rule, view, Door.PEOPLE, (method,), page=True)


def _signer(site: Site) -> Signer:
    who = session.person()
    if who.role not in ROLES:
        raise NotAllowed(f"a plan is signed by a {' or a '.join(ROLES)}")
    sign_in.check(who.name, session.field("password"), store=site.store, now=site.clock())
    return Signer(who.full_name, who.role, sign_in.who(who))


def _shown(site: Site, sheet: Sheet) -> Response:
    plan, who = sheet.standing, session.person()
    return html.page(
        "calendar.html",
        **around(site),
        sheet=sheet,
        plan=plan,
        body=body_of(plan.enrolment, plan.ids),
        protocol=load(plan.enrolment.protocol),
        today=day_of(site.clock()),
        state=STATES.get(plan.status, plan.status),
        draft=plan.status != "active",
        roles=ROLES,
        ended=ENDED,
        told=_told(sheet.items),
        tapers=[one.key for one in load(plan.enrolment.protocol).tapers] if who.role in ROLES else [],
        may_sign=who.role in ROLES and plan.status in SIGNABLE and not plan.issues,
        has_signed=any((one.name, one.role) == (who.full_name, who.role) for one in plan.holding),
    )


def _told(items: tuple[Item, ...]) -> list[Item]:
    """One item of each line, whose words tell how its amount came about."""
    drugs = [item for item in items if item.kind in (Kind.DOSE, Kind.COURSE)]
    return list({item.action: item for item in reversed(drugs)}.values())[::-1]
