"""[registries.NAME]: each dialect has its own keys, and a number that is none is refused by its line."""

from __future__ import annotations

import pytest

from adapter.config import load
from adapter.errors import Invalid


@pytest.fixture
def said(tmp_path):
    def of(*lines):
        file = tmp_path / "engraft.toml"
        file.write_text("\n".join(["[registries.r]", *lines]) + "\n")
        return load({"ENGRAFT_CONFIG": str(file)}).registries["r"]

    return of


BASE = 'base_url = "http://127.0.0.1:9/fhir"'
WINDOWS = "windows = { day-100 = 15 }"
CIBMTR = 'dialect = "cibmtr"'


def test_by_default_it_takes_whole_bundles(said):
    one = said(BASE)
    assert (one.dialect, one.identity, one.dates, one.ccn) == ("fhir", "auto", "shifted", {})
    assert one.centre_system == "http://cibmtr.org/codesystem/transplant-center"


def test_cibmtr_knows_centres_by_five_digits(said):
    one = said(
        BASE, CIBMTR, 'ccn = { FR-037 = "10123" }', 'crid_system = "http://terminology.cibmtr.org/identifier/CRID"'
    )
    assert one.ccn == {"FR-037": "10123"}
    assert one.crid_system == "http://terminology.cibmtr.org/identifier/CRID"


@pytest.mark.parametrize("number", ['"1234"', '"123456"', "12345", '"rc_12345"'])
def test_any_other_number_is_refused(said, number):
    with pytest.raises(Invalid, match=r"engraft.toml:4: registries.r.ccn.FR-037: .* five digits"):
        said(BASE, CIBMTR, f"ccn = {{ FR-037 = {number} }}")


def test_without_a_number_no_centre_could_send(said):
    with pytest.raises(Invalid, match="the number of each centre at CIBMTR is needed"):
        said(BASE, CIBMTR)


def test_forms_need_no_server(said):
    assert said('dialect = "ebmt"', 'dates = "days-from-graft"', WINDOWS).dates == "days-from-graft"
    with pytest.raises(Invalid, match="base_url"):
        said('dialect = "fhir"')


def test_windows_are_whole_days_of_known_forms(said):
    assert said('dialect = "ebmt"', WINDOWS).windows == {"day-100": 15}
    for wrong in ("windows = { day-100 = -1 }", "windows = { day-100 = true }", "windows = { day-90 = 1 }"):
        with pytest.raises(Invalid, match=r"registries\.r\.windows\.day-"):
            said('dialect = "ebmt"', wrong)


@pytest.mark.parametrize("stranger", ['dates = "shifted"', 'ccn = { A = "12345" }'])
def test_keys_of_another_dialect_are_strangers(said, stranger):
    with pytest.raises(Invalid, match="unknown key"):
        said(BASE, stranger)


CCN = 'ccn = { FR-037 = "10123" }'
OAUTH = 'auth = { kind = "oauth", token_url = "https://login.example/token", client_id = "e", scope = "s", '
SECRET = 'secret = { env = "A" }'


def test_a_client_secret_and_an_account(said):
    plain = said(BASE, OAUTH + SECRET + " }").auth
    assert (plain.kind, plain.client_id, plain.scope, plain.user, plain.password) == ("oauth", "e", "s", None, None)
    both = said(BASE, OAUTH + SECRET + ', user = "u", password = { env = "B" } }').auth
    assert (both.user, str(both.password)) == ("u", "environment variable B")


@pytest.mark.parametrize(
    ("auth", "where"),
    [
        (OAUTH + "}", "auth.secret: is needed"),
        (OAUTH + SECRET + ', user = "u" }', "auth.password: is needed"),
        (OAUTH + SECRET + ', password = { env = "B" } }', "auth.user: is needed"),
        (OAUTH + SECRET + ', password = "words" }', "auth.password: a secret never stands in this file"),
    ],
)
def test_half_of_it_is_refused(said, auth, where):
    with pytest.raises(Invalid, match=where):
        said(BASE, auth.replace(", }", " }"))


def test_a_secret_does_not_go_out_in_the_clear(said):
    clear = OAUTH.replace("https://login", "http://login") + SECRET + " }"
    with pytest.raises(Invalid, match=r"auth\.token_url: is without TLS"):
        said('base_url = "https://registry.example/r4"', clear)
    assert said(BASE, clear).auth.token_url == "http://login.example/token"


def test_numbers_are_asked_for_at_the_registrys_own_server(said):
    assert said(BASE, CIBMTR, CCN).crid_url is None
    assert said(BASE, CIBMTR, CCN, 'crid_url = "http://127.0.0.1:9/CRID"').crid_url == "http://127.0.0.1:9/CRID"
    with pytest.raises(Invalid, match=r"registries\.r\.crid_url: is not on the server of base_url"):
        said(BASE, CIBMTR, CCN, 'crid_url = "http://127.0.0.1:8/CRID"')
    with pytest.raises(Invalid, match="unknown key"):
        said(BASE, 'crid_url = "http://127.0.0.1:9/CRID"')
