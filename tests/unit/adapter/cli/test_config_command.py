"""`engraft config`: what is wrong with the settings, where, and what mends it."""

from __future__ import annotations

import stat

import pytest

from adapter.config import load
from mappings.r4.wire import decode
from tests.lib.certificates import Authority


class TestConfig:
    def test_a_first_file_is_sound_and_its_key_is_private(self, run, tmp_path):
        assert run("config", "init").exit_code == 0
        key = tmp_path / "pseudonym.key"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        settings = load({"ENGRAFT_CONFIG": str(tmp_path / "engraft.toml")})
        assert len(settings.pseudonym_key()) == 32
        assert run("config", "check", ENGRAFT_CONFIG="engraft.toml").exit_code == 0

    def test_nothing_is_ever_overwritten(self, run, tmp_path):
        run("config", "init")
        before = (tmp_path / "pseudonym.key").read_text()
        (tmp_path / "engraft.toml").write_text('[privacy]\nkey = { file = "pseudonym.key" }\n# mine\n')
        assert run("config", "init").exit_code == 1
        assert (tmp_path / "pseudonym.key").read_text() == before
        assert "# mine" in (tmp_path / "engraft.toml").read_text()

    @pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
    def test_a_key_for_smart_is_written_for_its_owner_alone_and_checked(self, run, tmp_path, algorithm):
        assert run("config", "key", "mine.pem", "--algorithm", algorithm).exit_code == 0
        assert (tmp_path / "mine.pem").stat().st_mode & 0o777 == 0o600
        (tmp_path / "engraft.toml").write_text('[smart]\nkeys = [{ file = "mine.pem" }]\n')
        assert run("config", "check", ENGRAFT_CONFIG="engraft.toml").exit_code == 0
        assert run("config", "key", "mine.pem").exit_code == 1
        (tmp_path / "mine.pem").write_text("no key")
        told = run("config", "check", ENGRAFT_CONFIG="engraft.toml")
        assert told.exit_code == 1
        assert "smart.keys" in told.stderr

    def test_files_for_tls_and_secrets_that_no_header_carries_are_told(self, run, tmp_path):
        (tmp_path / "engraft.toml").write_text(
            '[hospitals.chu-a]\nbase_url = "https://h.example/fhir"\ntls = { ca = "ca.pem" }\n'
            'auth = { kind = "bearer", secret = { file = "token" } }\n'
        )
        for token in ("two\nlines", "é"):
            (tmp_path / "token").write_text(token)
            told = run("config", "check", ENGRAFT_CONFIG="engraft.toml")
            assert told.exit_code == 1
            assert "hospitals.chu-a.auth.secret" in told.stderr
            assert "which no header carries" in told.stderr
            assert "hospitals.chu-a.tls.ca" in told.stderr
            assert "No such file" in told.stderr
        (tmp_path / "token").write_text("one-line\n")
        Authority(tmp_path, "ca")
        assert run("config", "check", ENGRAFT_CONFIG="engraft.toml").exit_code == 0

    def test_the_public_keys_of_an_ehr_that_stand_in_a_file_are_read(self, run, tmp_path):
        issuer = '[ehrs.chu-a]\nissuer = "https://ehr.example"\ncentre = "FR-037"\n'
        (tmp_path / "engraft.toml").write_text(issuer + 'jwks = { file = "jwks.json" }\n')

        def told():
            result = run("config", "check", ENGRAFT_CONFIG="engraft.toml")
            assert (result.exit_code == 0) == (result.stderr == "")
            return result.stderr

        assert "ehrs.chu-a.jwks" in told()
        for content, why in (("{", "not JSON"), ('{"keys": 3}', "no JWK Set"), ('{"keys": []}', "holds no key")):
            (tmp_path / "jwks.json").write_text(content)
            assert why in told()
        (tmp_path / "jwks.json").write_text('{"keys": [{"kty": "EC", "kid": "k1"}]}')
        assert told() == ""
        (tmp_path / "engraft.toml").write_text(issuer + 'jwks = { url = "https://ehr.example/jwks.json" }\n')
        assert told() == ""

    def test_a_key_that_is_missing_is_made_where_the_file_says(self, run, tmp_path):
        (tmp_path / "mine.toml").write_text('[privacy]\nkey = { file = "keys/k" }\n')
        result = run("config", "init", "mine.toml")
        assert (result.exit_code, "keys/k" in result.stdout) == (0, True)
        assert (tmp_path / "keys" / "k").is_file()

    def test_a_registry_gets_the_key_file_that_it_names(self, run, tmp_path):
        section = '[registries.a]\nbase_url = "http://127.0.0.1:9/fhir"\nkey = { file = "a.key" }\n'
        (tmp_path / "mine.toml").write_text(section)
        assert run("config", "init", "mine.toml").exit_code == 0
        assert stat.S_IMODE((tmp_path / "a.key").stat().st_mode) == 0o600
        (tmp_path / "a.key").write_text("words")
        told = run("config", "check", ENGRAFT_CONFIG="mine.toml")
        assert (told.exit_code, "registries.a.key" in told.stderr) == (1, True)

    def test_a_folder_that_cannot_be_made_is_refused(self, run, tmp_path):
        (tmp_path / "file").write_text("")
        assert run("config", "init", tmp_path / "file" / "engraft.toml").exit_code == 1

    def test_uncommented_the_first_file_is_sound_too(self, run, tmp_path):
        """Every commented setting of the starter file is one that exists."""
        run("config", "init")
        file = tmp_path / "engraft.toml"
        lines = file.read_text().splitlines()
        live = [line[2:] if line.startswith("# [") or (" = " in line and line[:2] == "# ") else line for line in lines]
        file.write_text("\n".join(line for line in live if not line.startswith(("auth:", "      {"))))
        settings = load({"ENGRAFT_CONFIG": str(file)})
        assert set(settings.centres) == {"FR-037"}
        assert set(settings.hospitals) == {"chu-a"}
        assert set(settings.registries) == {"national"}

    def test_faults_are_explained_with_file_and_line(self, run, tmp_path):
        (tmp_path / "e.toml").write_text("[centres.A]\nnmae = 1\n")
        result = run("config", "check", ENGRAFT_CONFIG="e.toml")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "e.toml:2: centres.A.nmae" in result.stderr

    def test_a_secret_or_key_that_is_missing_is_named(self, run, tmp_path):
        hook = 'webhook = { kind = "hmac", secret = { file = "s" } }\n[privacy]\nkey = { file = "k" }\n'
        (tmp_path / "e.toml").write_text('[hospitals.h]\nbase_url = "http://h/f"\n' + hook)
        result = run("config", "check", "--json", ENGRAFT_CONFIG="e.toml")
        assert result.exit_code == 1
        places = [issue["expression"][0] for issue in decode(result.stdout)["issue"]]
        assert places == ["e.toml: hospitals.h.webhook.secret", "e.toml: privacy.key"]

    def test_without_a_file_the_defaults_are_shown(self, run):
        result = run("config", "check")
        assert result.exit_code == 0
        assert "ENGRAFT_CONFIG is not set" in result.stdout
        assert decode(run("config", "check", "--json").stdout)["issue"][0]["severity"] == "information"
