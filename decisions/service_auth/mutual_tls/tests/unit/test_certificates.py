"""Certificates for development are made where there are none, and renewed before they end."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography import x509

from services.common.auth.certificates import Files
from services.common.utils import now
from scripts import certificates
from scripts.certificates import LIFETIME, RENEWED_BEFORE, SETTINGS, make_where_needed, places
from scripts.dev import settings_for_development
from scripts.processes import ROOT, load_processes


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose certificates are nobody else's."""
    (tmp_path / ".env.example").write_bytes((ROOT / ".env.example").read_bytes())
    monkeypatch.setattr(certificates, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def example(root: Path) -> dict[str, str]:
    """The settings of the example."""
    names = [str(it.relative_to(root)) for it in places()]
    return dict(zip(SETTINGS, names, strict=True))


def test_what_is_made_is_enough_for_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    certificates.main()
    assert capsys.readouterr().out.splitlines() == [*map(str, places())]
    assert Files(*map(str, places())).fault() == ""
    made = x509.load_pem_x509_certificate(places()[0].read_bytes())
    named = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    hosts = {str(it) for it in named.get_values_for_type(x509.IPAddress)}
    hosts |= {*named.get_values_for_type(x509.DNSName)}
    assert {it.host for it in load_processes()} <= hosts
    assert stat.S_IMODE(places()[1].stat().st_mode) == 0o600


def test_they_are_made_once_and_renewed_before_they_end(
    example: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_where_needed(example)
    made = [it.read_bytes() for it in places()]
    make_where_needed(example)
    assert [it.read_bytes() for it in places()] == made
    for path in places():
        path.unlink()
        make_where_needed(example)
        path.write_bytes(b"half a")
        make_where_needed(example)
        assert Files(*map(str, places())).fault() == ""
    made = [it.read_bytes() for it in places()]
    later = now() + LIFETIME - RENEWED_BEFORE
    monkeypatch.setattr(certificates, "now", lambda: later)
    make_where_needed(example)
    assert not {*made} & {it.read_bytes() for it in places()}


def test_none_are_made_for_settings_of_ones_own(example: dict[str, str]) -> None:
    make_where_needed(example | {"TLS_KEY_FILE": "/etc/keys/own.key"})
    assert not any(it.exists() for it in places())
    assert example.items() <= settings_for_development().items()
