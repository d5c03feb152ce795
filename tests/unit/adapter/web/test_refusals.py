"""Every answer that is no success is an OperationOutcome, and tells nothing of a patient."""

from __future__ import annotations

from io import BytesIO

import pytest

from adapter.errors import HospitalRefused, StoreUnavailable
from adapter.web.content import LIMIT
from adapter.web.routing import CENTRE, Route, register
from mappings.r4.wire import decode
from tests.lib.logged import logged


def issue(answer):
    assert answer.content_type.startswith("application/fhir+json")
    outcome = decode(answer.data)
    assert outcome["resourceType"] == "OperationOutcome"
    return outcome["issue"][0]


def breaking(ward, error):
    """A route of the ward's own that raises `error`."""

    def view():
        raise error

    ward.app.extensions["engraft.access"] |= register(ward.app, [Route("breaking", "/breaking", view, CENTRE)])
    return ward.ask("GET", "/breaking")


CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize("accept", [CHROMIUM, "text/html"])
@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/sign-in", 405)])
def test_a_browser_that_is_lost_reads_a_page(ward, accept, method, path, status):
    answer = ward.ask(method, path, None, headers={"Accept": accept})
    assert (answer.status_code, answer.content_type) == (status, "text/html; charset=utf-8")
    assert "To the patients" in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        *[("/nowhere", accept) for accept in ("*/*", "application/json", "application/fhir+json, text/html")],
        *[(path, CHROMIUM) for path in ("/fhir/Account", "/fhir", "/fhir/Patient/1/2/3")],
    ],
)
def test_a_program_that_is_lost_reads_an_outcome(ward, path, accept):
    assert issue(ward.ask("GET", path, None, headers={"Accept": accept}))["code"] in ("not-found", "not-supported")


@pytest.mark.parametrize("path", ["/fhir/PlanDefinition/set-haplo-pdli/$apply", "/enrolments"])
def test_a_packed_body_is_not_read(ward, path):
    told = issue(ward.ask("POST", path, document={}, headers={"Content-Encoding": "gzip"}))
    assert (told["code"], "Content-Encoding gzip" in told["diagnostics"]) == ("not-supported", True)


def test_an_unknown_address(ward):
    assert issue(ward.ask("GET", "/nowhere", None))["code"] == "not-found"


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("/fhir/Account", "not-supported", "Account is not served here"),
        ("/fhir/Account/1", "not-supported", "Account is not served here"),
        ("/fhir/Nonsense", "not-supported", "Nonsense is no resource type of R4"),
        ("/fhir/DomainResource", "not-supported", "DomainResource is no resource type of R4"),
        ("/fhir/PlanDefinition/x/$guess", "not-supported", "no operation $guess"),
        ("/fhir/$guess", "not-supported", "no operation $guess"),
        ("/fhir/.well-known/smart-configuration", "not-found", "nothing is served at this address"),
        ("/fhir/Patient/1/2/3", "not-found", "nothing is served at this address"),
        ("/elsewhere", "not-found", "nothing is served at this address"),
    ],
)
def test_what_is_not_served_is_told_in_the_words_of_fhir(ward, path, code, words):
    answer = ward.ask("GET", path, None)
    assert (answer.status_code, issue(answer)["code"]) == (404, code)
    assert words in issue(answer)["diagnostics"]


def test_a_method_that_is_not_served_names_those_that_are(ward):
    answer = ward.ask("DELETE", "/fhir/metadata", None)
    assert (answer.status_code, issue(answer)["code"]) == (405, "not-supported")
    assert issue(answer)["diagnostics"] == "DELETE means nothing here"
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", ["/healthz/", "/fhir//metadata"])
def test_no_address_is_answered_by_a_redirect(ward, path):
    assert ward.ask("GET", path, None).status_code in (200, 404)


def test_what_nobody_foresaw_is_a_number_to_the_caller_and_a_place_in_the_log(ward):
    with logged() as log:
        answer = breaking(ward, KeyError("Mrs Example has a relapse"))
    assert (answer.status_code, issue(answer)["code"]) == (500, "exception")
    number = answer.headers["X-Request-Id"]
    assert number in issue(answer)["diagnostics"]
    (line,) = log.of("unforeseen")
    assert (line["correlation"], line["error"]) == (number, "KeyError")
    assert line["at"][0].startswith("web/test_refusals.py:")
    assert "Example" not in log.text + answer.text


def test_a_database_that_is_away_says_when_to_come_back(ward):
    answer = breaking(ward, StoreUnavailable("the database is locked"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert issue(answer)["code"] == "transient"


def test_the_wait_that_was_asked_for_is_passed_on_in_whole_seconds(ward):
    assert breaking(ward, StoreUnavailable("busy", retry_after=0.2)).headers["Retry-After"] == "1"


def test_another_servers_no_is_not_ours(ward):
    assert breaking(ward, HospitalRefused(400, "no")).status_code == 502


def test_a_request_id_comes_back(ward):
    assert ward.ask("GET", "/healthz", None, headers={"X-Request-Id": "a-1"}).headers["X-Request-Id"] == "a-1"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "<script>"])
def test_a_request_id_that_is_none_is_replaced(ward, given):
    made = ward.ask("GET", "/healthz", None, headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert made not in ("", given)
    assert len(made) == 36


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "application/fhir+xml",
        "application/fhir+json; fhirVersion=5.0",
        "application/fhir+json;q=0, text/html",
        "application/json;q=0.0",
    ],
)
def test_a_form_of_answer_that_is_not_spoken(ward, accept):
    answer = ward.ask("GET", "/fhir/metadata", None, headers={"Accept": accept})
    assert (answer.status_code, issue(answer)["code"]) == (406, "not-supported")


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/json",
        "application/fhir+xml, application/fhir+json;q=0.5",
        "application/fhir+json; fhirVersion=4.0",
        "Application/FHIR+json; charset=utf-8",
    ],
)
def test_a_form_of_answer_that_is_spoken(ward, accept):
    assert ward.ask("GET", "/fhir/metadata", None, headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_may_understand_anything(ward, path):
    assert ward.ask("GET", path, None, headers={"Accept": "text/plain"}).status_code == 200


def test_the_query_goes_before_the_header(ward):
    xml = {"Accept": "application/fhir+xml"}
    assert ward.ask("GET", "/fhir/metadata?_format=json", None, headers=xml).status_code == 200
    assert ward.ask("GET", "/fhir/metadata?_format=application/fhir+json", None, headers=xml).status_code == 200
    answer = ward.ask("GET", "/fhir/metadata?_format=xml", None)
    assert (answer.status_code, issue(answer)["code"]) == (406, "not-supported")


def test_a_body_that_is_too_large_is_refused_and_read_to_its_end(ward):
    answer = ward.ask("POST", "/enrolments", data=b" " * (LIMIT + 1), content_type="application/json")
    assert (answer.status_code, issue(answer)["code"]) == (413, "too-long")
    assert "5 MB" in issue(answer)["diagnostics"]


def test_a_body_of_unsaid_length_is_not_cut_off_in_silence(ward):
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    endless = BytesIO(b'{"a":1}' + b" " * LIMIT)
    answer = ward.ask(
        "POST", "/enrolments", input_stream=endless, environ_overrides=chunked, content_type="application/json"
    )
    assert (answer.status_code, issue(answer)["code"]) == (413, "too-long")


def test_a_stranger_is_refused_before_the_body_is_judged(ward):
    assert ward.ask("POST", "/enrolments", None, data=b"{", content_type="text/csv").status_code == 401


def test_answers_are_not_kept_by_anybody_on_the_way(ward):
    assert ward.ask("GET", "/fhir/Patient", None).headers["Cache-Control"] == "no-store"
    assert ward.ask("GET", "/fhir/Patient").headers["Cache-Control"] == "private, no-cache"


def test_a_server_without_its_schema_is_alive_and_not_ready(ward):
    assert ward.ask("GET", "/readyz", None).status_code == 200
    ward.store.ready = lambda: False
    assert ward.ask("GET", "/healthz", None).status_code == 200
    answer = ward.ask("GET", "/readyz", None)
    assert (answer.status_code, issue(answer)["code"]) == (503, "transient")
    assert "Retry-After" in answer.headers


@pytest.mark.parametrize(
    ("code", "kept"), [("required", "required"), ("made-up", "processing")], ids=["of the list", "of nobody's list"]
)
def test_issue_codes_are_those_of_r4(code, kept):
    from adapter.web.outcome import operation_outcome
    from mappings.r4.faults import Fault

    assert operation_outcome([Fault("$", "x", code)]) == {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": kept, "diagnostics": "x"}],
    }
