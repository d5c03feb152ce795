"""Settings: what a deployment may say, and how each fault of its file is told."""

from __future__ import annotations

import pytest

from adapter.config import DEFAULT_DATABASE_URL, DEFAULT_PUBLIC_URL, Secret, load
from adapter.errors import Invalid, Refused
from adapter.toml_lines import line_of
from mappings.canonicals import DEFAULT_BASE

SOUND = """\
canonical_base = "https://fhir.chu-a.example/engraft/"

[centres.FR-037]
name = "CHU A"
hospital = "chu-a"
[centres."BE.2"]
name = "UZ B"

[hospitals.chu-a]
base_url = "http://127.0.0.1:8090/fhir/"
auth = { kind = "basic", user = "engraft", secret = { env = "CHU_A_PASSWORD" } }
identity = "conditional"
webhook = { kind = "hmac", secret = { file = "chu-a.secret" } }

[registries.national]
base_url = "http://127.0.0.1:8091/fhir"
dialect = "fhir"

[privacy]
key = { file = "keys/pseudonym.key" }
"""


def settings_of(tmp_path, text, **environ):
    file = tmp_path / "engraft.toml"
    file.write_text(text, "utf-8")
    return load({"ENGRAFT_CONFIG": str(file), **environ})


def faults_of(tmp_path, text):
    """(line, dotted key, message) of each fault."""
    with pytest.raises(Invalid) as refused:
        settings_of(tmp_path, text)
    told = []
    for fault in refused.value.faults:
        file, line, *key = fault.path.removeprefix(str(tmp_path)).split(":")
        assert file == "/engraft.toml"
        told.append((int(line), "".join(key).strip(), fault.message))
    return told


def test_without_anything_said_there_are_embedded_defaults():
    settings = load({})
    assert (settings.database_url, settings.public_url) == (DEFAULT_DATABASE_URL, DEFAULT_PUBLIC_URL)
    assert settings.canonicals.base == DEFAULT_BASE
    assert (settings.centres, settings.hospitals, settings.registries, settings.privacy_key) == ({}, {}, {}, None)


def test_the_environment_names_database_and_public_address():
    settings = load({"ENGRAFT_DATABASE_URL": "sqlite:////srv/e.sqlite", "ENGRAFT_PUBLIC_URL": "https://e.example/a/"})
    assert settings.database_url == "sqlite:////srv/e.sqlite"
    assert settings.public_url == "https://e.example/a"


def test_a_public_address_that_is_none_is_refused():
    with pytest.raises(Invalid, match="ENGRAFT_PUBLIC_URL"):
        load({"ENGRAFT_PUBLIC_URL": "engraft.example"})


def test_a_sound_file_gives_centres_hospitals_registries_and_the_key(tmp_path):
    settings = settings_of(tmp_path, SOUND)
    assert settings.canonicals.base == "https://fhir.chu-a.example/engraft"
    assert settings.centres["FR-037"].hospital == "chu-a"
    assert settings.centres["BE.2"].hospital is None
    hospital = settings.hospitals["chu-a"]
    assert (hospital.base_url, hospital.identity) == ("http://127.0.0.1:8090/fhir", "conditional")
    assert (hospital.auth.kind, hospital.auth.user) == ("basic", "engraft")
    assert hospital.webhook is not None
    assert hospital.webhook.kind == "hmac"
    assert settings.registries["national"].dialect == "fhir"
    assert settings.privacy_key == tmp_path / "keys" / "pseudonym.key"
    assert set(settings.secrets()) == {"hospitals.chu-a.auth.secret", "hospitals.chu-a.webhook.secret"}


def test_a_hospital_may_ask_for_smart_backend_services_and_mutual_tls(tmp_path):
    text = (
        '[smart]\nkeys = [{ file = "new.pem" }, { env = "OLD_KEY" }]\n'
        '[hospitals.h]\nbase_url = "https://h.example/fhir"\n'
        'tls = { certificate = "c.pem", key = "k.pem", ca = "ca.pem" }\n'
        'auth = { kind = "smart-backend", client_id = "engraft", algorithm = "RS384", scope = "system/Patient.rs", '
        'token_url = "https://login.h.example/token" }\n'
        '[registries.r]\nbase_url = "https://r.example"\nauth = { kind = "smart-backend", client_id = "e" }\n'
    )
    settings = settings_of(tmp_path, text, OLD_KEY="pem")
    assert [str(secret) for secret in settings.signing_keys] == [
        f"file {tmp_path / 'new.pem'}",
        "environment variable OLD_KEY",
    ]
    hospital = settings.hospitals["h"]
    assert (hospital.auth.client_id, hospital.auth.algorithm, hospital.auth.scope) == (
        "engraft",
        "RS384",
        "system/Patient.rs",
    )
    assert hospital.auth.token_url == "https://login.h.example/token"
    assert (hospital.tls.certificate, hospital.tls.key) == (tmp_path / "c.pem", tmp_path / "k.pem")
    assert hospital.tls.ca == tmp_path / "ca.pem"
    assert settings.registries["r"].auth.scope == "system/*.cruds"


def test_a_hospital_that_notifies_is_asked_every_quarter_of_an_hour_unless_it_says_otherwise(tmp_path):
    said = {
        "a": 'webhook = { kind = "bearer", secret = { env = "S" } }',
        "b": 'webhook = { kind = "bearer", secret = { env = "S" } }\npoll_minutes = 60',
        "c": "poll_minutes = 5",
        "d": "",
    }
    text = "".join(f'[hospitals.{name}]\nbase_url = "http://{name}"\n{more}\n' for name, more in said.items())
    hospitals = settings_of(tmp_path, text).hospitals
    assert {name: one.poll_minutes for name, one in hospitals.items()} == {"a": 15, "b": 60, "c": 5, "d": None}


def test_auth_and_webhook_may_be_left_out(tmp_path):
    hospital = settings_of(tmp_path, '[hospitals.h]\nbase_url = "http://127.0.0.1/fhir"\n').hospitals["h"]
    assert (hospital.auth.kind, hospital.identity, hospital.webhook) == ("none", "auto", None)
    assert (hospital.conflict, hospital.timeout) == ("park", (5.0, 30.0))


def test_how_long_to_wait_and_whose_version_counts_can_be_said(tmp_path):
    said = "connect_seconds = 2\nread_seconds = 12.5\n"
    hospital = f'[hospitals.h]\nconflict = "theirs"\nbase_url = "http://127.0.0.1/h"\n{said}'
    settings = settings_of(tmp_path, f'{hospital}[registries.r]\nbase_url = "http://127.0.0.1/r"\n{said}')
    assert (settings.hospitals["h"].conflict, settings.hospitals["h"].timeout) == ("theirs", (2.0, 12.5))
    assert settings.registries["r"].timeout == (2.0, 12.5)


def test_a_centre_without_a_name_is_called_by_its_code(tmp_path):
    assert settings_of(tmp_path, "[centres.X]\n").centres["X"].name == "X"


def test_a_secret_is_read_when_it_is_needed_and_beside_the_file(tmp_path):
    settings = settings_of(tmp_path, SOUND, CHU_A_PASSWORD="one")
    hospital = settings.hospitals["chu-a"]
    assert hospital.auth.secret is not None
    assert hospital.webhook is not None
    assert hospital.auth.secret.read() == "one"
    with pytest.raises(Refused, match=r"chu-a\.secret cannot be read: No such file or directory"):
        hospital.webhook.secret.read()
    (tmp_path / "chu-a.secret").write_text("rotated\n")
    assert hospital.webhook.secret.read() == "rotated"


def test_an_empty_secret_is_refused_by_the_name_of_its_place():
    with pytest.raises(Refused, match="environment variable NOWHERE is empty"):
        Secret(env="NOWHERE").read()


def test_a_secret_is_never_shown():
    assert "hunter2" not in repr(Secret(env="A", environ={"A": "hunter2"}))


def test_the_pseudonym_key_is_hexadecimal_and_named_when_it_is_not(tmp_path):
    settings = settings_of(tmp_path, '[privacy]\nkey = { file = "k" }\n')
    (tmp_path / "k").write_text("00ff" * 8 + "\n")
    assert settings.pseudonym_key() == b"\x00\xff" * 8
    (tmp_path / "k").write_text("00ff\n")
    with pytest.raises(Refused, match="k: a pseudonym key has at least 16 bytes"):
        settings.pseudonym_key()
    (tmp_path / "k").write_text("secret words")
    with pytest.raises(Refused, match="hexadecimal") as refused:
        settings.pseudonym_key()
    assert "secret words" not in str(refused.value)
    with pytest.raises(Refused, match="no pseudonym key"):
        load({}).pseudonym_key()


SMART = 'auth = { kind = "smart-backend", client_id = "engraft"'
HOSPITAL = '[hospitals.h]\nbase_url = "http://h/fhir"\n'
FAULTY = [
    ('colour = "red"', 1, "colour", "unknown key"),
    ('[centres.A]\nnmae = "A"', 2, "centres.A.nmae", "unknown key"),
    ('[centres.A]\ncanonical_base = "http://h"', 2, "centres.A.canonical_base", "belongs above"),
    ('canonical_base = "engraft"', 1, "canonical_base", "absolute http"),
    ('canonical_base = "http://h:x/"', 1, "canonical_base", "absolute http"),
    ('[centres.A]\nname = ""', 2, "centres.A.name", "not empty"),
    ("[centres.A]\nname = 7", 2, "centres.A.name", "not empty"),
    ('[centres.A]\nhospital = "nowhere"', 2, "centres.A.hospital", "no hospital is called nowhere; known: none"),
    ("centres = 3", 1, "centres", "set of tables"),
    ("[centres]\nA = 3", 2, "centres.A", "is a table"),
    ('[centres."a b"]', 1, "centres.a b", "letters, digits"),
    ("[hospitals.h]\n", 1, "hospitals.h.base_url", "is needed"),
    ('[hospitals.h]\nbase_url = "http://me:pw@h/"', 2, "hospitals.h.base_url", "credentials"),
    (HOSPITAL + 'identity = "name"', 3, "hospitals.h.identity", "known: auto, client-id, conditional"),
    (HOSPITAL + 'auth = "none"', 3, "hospitals.h.auth", "is a table"),
    (HOSPITAL + "auth = { }", 3, "hospitals.h.auth.kind", "is needed"),
    (HOSPITAL + 'auth = { kind = "kerberos" }', 3, "hospitals.h.auth.kind", "unknown word"),
    (HOSPITAL + SMART + ', id = "x" }', 3, "hospitals.h.auth.id", "unknown key"),
    (HOSPITAL + 'auth = { kind = "smart-backend" }', 3, "hospitals.h.auth.client_id", "is needed"),
    (HOSPITAL + SMART + " }", 3, "hospitals.h.auth", "engraft config key"),
    (HOSPITAL + SMART + ', algorithm = "HS256" }', 3, "hospitals.h.auth.algorithm", "known: ES384, RS384"),
    (HOSPITAL + SMART + ', token_url = "login" }', 3, "hospitals.h.auth.token_url", "absolute http"),
    ("[smart]\nkeys = []", 2, "smart.keys", "is a list of keys"),
    ('[smart]\nkeys = ["es384.pem"]', 2, "smart.keys", "never stands"),
    ('[smart]\nkeys = [{ file = "k" }]\nalg = "ES384"', 3, "smart.alg", "unknown key"),
    (HOSPITAL + "poll_minutes = 0", 3, "hospitals.h.poll_minutes", "whole number of minutes"),
    (HOSPITAL + "poll_minutes = true", 3, "hospitals.h.poll_minutes", "whole number of minutes"),
    (HOSPITAL + 'tls = { key = "k.pem" }', 3, "hospitals.h.tls.certificate", "beside the key"),
    (HOSPITAL + "tls = { ca = 7 }", 3, "hospitals.h.tls.ca", "is a text"),
    (HOSPITAL + 'auth = { kind = "none", user = "x" }', 3, "hospitals.h.auth.user", "unknown key"),
    (HOSPITAL + 'auth = { kind = "bearer" }', 3, "hospitals.h.auth.secret", "is needed"),
    (HOSPITAL + 'auth = { kind = "bearer", secret = "hunter2" }', 3, "hospitals.h.auth.secret", "never stands"),
    (HOSPITAL + 'auth = { kind = "bearer", secret = { } }', 3, "hospitals.h.auth.secret", "write either"),
    (HOSPITAL + 'auth = { kind = "bearer", secret = { env = "" } }', 3, "hospitals.h.auth.secret", "is a text"),
    (HOSPITAL + 'webhook = { kind = "none", secret = { env = "A" } }', 3, "hospitals.h.webhook.kind", "bearer, hmac"),
    (HOSPITAL + 'webhook = { kind = "hmac" }', 3, "hospitals.h.webhook.secret", "is needed"),
    (HOSPITAL + 'conflict = "mine"', 3, "hospitals.h.conflict", "known: park, ours, theirs"),
    (HOSPITAL + "read_seconds = 0", 3, "hospitals.h.read_seconds", "from 0.1 to 60"),
    (HOSPITAL + "connect_seconds = true", 3, "hospitals.h.connect_seconds", "from 0.1 to 60"),
    ('[registries.r]\nbase_url = "http://r"\nread_seconds = "9"', 3, "registries.r.read_seconds", "number of seconds"),
    ('[registries.r]\nbase_url = "http://r"\ndialect = "ebmt"', 1, "registries.r.windows", "days around each form"),
    ('[registries.r]\nbase_url = "http://r"\ndialect = "csv"', 3, "registries.r.dialect", "unknown word"),
    (HOSPITAL + '[registries.h]\nbase_url = "http://r"', 3, "registries.h", "same name"),
    (HOSPITAL + '[registries.r]\nbase_url = "HTTP://H:80/fhir/"', 4, "registries.r.base_url", "of hospitals.h too"),
    (HOSPITAL + '[hospitals.i]\nbase_url = "http://h/fhir"', 4, "hospitals.i.base_url", "of hospitals.h too"),
    ('[privacy]\nkey = { env = "KEY" }', 2, "privacy.key", "kept in a file"),
    ('[privacy]\nsalt = "x"\nkey = { file = "k" }', 2, "privacy.salt", "unknown key"),
    ("privacy = 1", 1, "privacy", "is a table"),
    ("[centres.A]\nname = ", 2, "", "not valid TOML"),
    ("a = 1\n[centres", 2, "", "not valid TOML"),
    ('x = """', 1, "", "not valid TOML"),
]


@pytest.mark.parametrize(("text", "line", "key", "message"), FAULTY, ids=[text.splitlines()[-1] for text, *_ in FAULTY])
def test_a_fault_is_told_with_its_line_and_key(tmp_path, text, line, key, message):
    told = faults_of(tmp_path, text)
    assert [(at, of) for at, of, said in told if message in said] == [(line, key)]
    assert "hunter2" not in str(told)


def test_all_faults_are_told_at_once(tmp_path):
    text = "zzz = 1\n[centres.A]\nname = 1\nhospital = 'h'\n[hospitals.h]\nidentity = 'x'\nauth = { kind = 'x' }\n"
    assert [(line, key) for line, key, _ in sorted(faults_of(tmp_path, text))] == [
        (1, "zzz"),
        (3, "centres.A.name"),
        (5, "hospitals.h.base_url"),
        (6, "hospitals.h.identity"),
        (7, "hospitals.h.auth.kind"),
    ]


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Invalid, match=r"nothing\.toml"):
        load({"ENGRAFT_CONFIG": str(tmp_path / "nothing.toml")})


@pytest.mark.parametrize(
    ("path", "line"),
    [(("a",), 1), (("t", "b"), 3), (("t", "d", "e"), 4), (("t", "x y"), 5), (("u", "v"), 6), (("nowhere",), 1)],
)
def test_a_key_is_found_in_the_text(path, line):
    assert line_of('a = 1 # b = 2\n[ t ]\nb = "a = 3"\nd.e = 4\n"x y" = 5\n[u."v"]\n[t]\n', path) == line


def test_how_old_a_fact_of_a_gate_may_be_is_nobodys_number_unless_it_is_set(tmp_path):
    assert load({}).gate_max_age == {}
    said = settings_of(tmp_path, "[gates]\nmax_age_days = { active-gvhd = 14, worst-acute-gvhd = 0 }\n")
    assert said.gate_max_age == {"active-gvhd": 14, "worst-acute-gvhd": 0}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[gates]\nmax_age_days = { day = 3 }\n", "gates.max_age_days.day"),
        ("[gates]\nmax_age_days = { active-gvhd = -1 }\n", "gates.max_age_days.active-gvhd"),
        ("[gates]\nmax_age_days = { active-gvhd = true }\n", "gates.max_age_days.active-gvhd"),
        ('[gates]\nmax_age_days = { active-gvhd = "14" }\n', "gates.max_age_days.active-gvhd"),
        ("[gates]\nmax_age_days = 14\n", "gates.max_age_days"),
        ("[gates]\nmax_age = 14\n", "gates.max_age"),
        ("gates = 14\n", "gates"),
    ],
)
def test_an_age_that_cannot_be_meant_is_refused(tmp_path, text, key):
    assert [told[1] for told in faults_of(tmp_path, text)] == [key]


def test_two_addresses_of_one_host_are_two_servers(tmp_path):
    text = HOSPITAL + '[hospitals.i]\nbase_url = "http://h:8080/fhir"\n[hospitals.j]\nbase_url = "http://h/other"\n'
    assert set(settings_of(tmp_path, text).hospitals) == {"h", "i", "j"}


def test_how_much_is_logged_and_in_which_form():
    usual = load({})
    assert (usual.log_format, usual.log_level) == (None, None)
    said = load({"ENGRAFT_LOG_FORMAT": "text", "ENGRAFT_LOG_LEVEL": "debug"})
    assert (said.log_format, said.log_level) == ("text", "debug")


@pytest.mark.parametrize(("name", "words"), [("FORMAT", "json, text"), ("LEVEL", "debug, info, warning, error")])
def test_a_log_that_is_none_is_refused_with_the_words_that_are_known(name, words):
    with pytest.raises(Invalid, match=f"ENGRAFT_LOG_{name}: unknown: xml; known: {words}"):
        load({f"ENGRAFT_LOG_{name}": "xml"})
