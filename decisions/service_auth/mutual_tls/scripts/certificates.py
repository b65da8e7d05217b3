"""Make certificates for development: `certificates`. They are for this machine alone, and end after a month.

The key that signs them is forgotten at once, so that nobody can make more of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from dotenv import dotenv_values

from services.common.auth.certificates import Files
from services.common.config import PROJECT
from services.common.utils import now
from scripts.processes import ROOT

NAMES = ("localhost", "127.0.0.1", "::1")
"""Where processes are found on this machine."""
LIFETIME = timedelta(days=30)
RENEWED_BEFORE = timedelta(days=1)
SETTINGS = ("TLS_CERT_FILE", "TLS_KEY_FILE", "TLS_CA_FILE")


class Authority:
    """Issues certificates."""

    def __init__(self) -> None:
        self.key = generate_private_key(SECP256R1())
        self.name = _name(f"{PROJECT}, development")
        usage = _usage(key_cert_sign=True, crl_sign=True)
        self.certificate = (
            _begun(self.name, self.name, self.key, now() + LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self.key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """What others need to trust it."""
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(self, *names: str, until: datetime | None = None) -> tuple[bytes, bytes]:
        """A certificate for a process that is found under these names, and its key."""
        key = generate_private_key(SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            _begun(_name(names[0]), self.name, key, until or now() + LIFETIME)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage(both), critical=False)
            .add_extension(x509.SubjectAlternativeName([*map(_host, names)]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return certificate.public_bytes(Encoding.PEM), private


def _begun(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, until: datetime
) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now(), until) - RENEWED_BEFORE)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(**what: bool) -> x509.KeyUsage:
    parts = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
    more = ("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**(dict.fromkeys((*parts, *more), False) | what))


def places() -> list[Path]:
    """Where the certificate for development is, its key, and its authority."""
    example = dotenv_values(ROOT / ".env.example")
    return [ROOT / (example[it] or "") for it in SETTINGS]


def make() -> None:
    """Make new certificates for development; processes that run take them over."""
    certificate, key, authority = places()
    certificate.parent.mkdir(parents=True, exist_ok=True)
    issuing = Authority()
    key.touch(mode=0o600)
    contents = issuing.issue(*NAMES)
    for path, content in zip((certificate, key), contents, strict=True):
        path.write_bytes(content)
    authority.write_bytes(issuing.pem)


def make_where_needed(environment: Mapping[str, str]) -> None:
    """Make them if these settings ask for them, and there are none that can be used for another day."""
    used = [ROOT / environment[it] for it in SETTINGS]
    if used == places() and (Files(*map(str, used)).fault() or _ends_soon(used[0])):
        make()


def _ends_soon(certificate: Path) -> bool:
    it = x509.load_pem_x509_certificate(certificate.read_bytes())
    return it.not_valid_after_utc <= now() + RENEWED_BEFORE


def main() -> None:
    """Make certificates, and say where they are."""
    make()
    print("\n".join(map(str, places())))
