"""Keys and certificates that seal and sign: the grantor's, and one for each signatory.

The embedded stack makes an authority of its own and says in every subject that it is one for
demonstration: it proves that a file was not changed, not who signed it. Private keys stay in files
of mode 0600 and in memory; a signatory's key lives for one signature and is forgotten.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from domain.contract import Capacity, Grantor

DEMONSTRATION = "DEMONSTRATION ONLY, NO LEGAL EFFECT"
DEMONSTRATION_ZH = "仅供演示 不具法律效力"

# As long as a credit file is kept, so that what was signed can be checked for as long.
_YEARS_VALID = 10
_NAME_BYTES_MAX = 64  # X.520, ub-common-name; the whole name stands in the document itself


class SealsMissing(Exception):
    """The folder holds no key to seal with, and none may be made here."""


Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Pair:
    """A private key and its certificate; never printed."""

    key: Key
    certificate: x509.Certificate

    def __repr__(self) -> str:
        return f"Pair({self.certificate.serial_number:x})"


@dataclass(frozen=True)
class Seals:
    """The authority that issues for signatories, and the grantor's own seal."""

    authority: Pair
    grantor: Pair
    demonstration: bool


def open_seals(folder: Path, grantor: Grantor, now: datetime) -> Seals:
    """The seals of a folder; a demonstration makes its own on first use, once.

    Raises `SealsMissing` where there are none and the grantor is no demonstration.
    """
    if not folder.is_dir():
        if not grantor.demonstration:
            raise SealsMissing(str(folder))
        _make_once(folder, grantor, now)
    return Seals(
        _read_pair(folder, "authority"), _read_pair(folder, "grantor"), grantor.demonstration
    )


def issue_to_signatory(
    seals: Seals, name: str, capacity: Capacity, company: str, now: datetime
) -> Pair:
    """A fresh key and its certificate for one signature by one person."""
    parts = [
        (NameOID.COMMON_NAME, name),
        (NameOID.TITLE, capacity.value),
        (NameOID.ORGANIZATION_NAME, company),
    ]
    if seals.demonstration:
        parts.append((NameOID.ORGANIZATIONAL_UNIT_NAME, DEMONSTRATION))
    return _issue(_subject(*parts), seals.authority, now)


def _make_once(folder: Path, grantor: Grantor, now: datetime) -> None:
    """Write a whole folder aside and move it into place; whoever comes second uses the first's."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        authority = _issue(
            _subject(
                (NameOID.COMMON_NAME, f"Demonstration CA ({DEMONSTRATION_ZH})"),
                (NameOID.ORGANIZATION_NAME, grantor.name),
                (NameOID.ORGANIZATIONAL_UNIT_NAME, DEMONSTRATION),
            ),
            None,
            now,
        )
        seal = _issue(
            _subject(
                (NameOID.COMMON_NAME, grantor.name),
                (NameOID.ORGANIZATION_NAME, grantor.name_zh or grantor.name),
                (NameOID.ORGANIZATIONAL_UNIT_NAME, DEMONSTRATION),
            ),
            authority,
            now,
        )
        _write_pair(aside, "authority", authority)
        _write_pair(aside, "grantor", seal)
        aside.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _issue(subject: x509.Name, issuer: Pair | None, now: datetime) -> Pair:
    """A key on P-256 and its certificate; signed by itself where there is no issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    is_authority = issuer is None
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(_ends_at(issuer, now))
        .add_extension(
            x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), True
        )
        .add_extension(_usage(is_authority), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(
                (issuer.key if issuer else key).public_key()
            ),
            False,
        )
        .sign((issuer.key if issuer else key), hashes.SHA256())
    )
    return Pair(key, certificate)


def _ends_at(issuer: Pair | None, now: datetime) -> datetime:
    ends_at = now + timedelta(days=365 * _YEARS_VALID)
    return min(ends_at, issuer.certificate.not_valid_after_utc) if issuer else ends_at


def _usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _subject(*parts: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(kind, _shortened(text)) for kind, text in parts])


def _shortened(text: str) -> str:
    """As much of the text, in whole characters, as a certificate has room for."""
    return text.encode()[:_NAME_BYTES_MAX].decode(errors="ignore")


def _write_pair(folder: Path, name: str, pair: Pair) -> None:
    key = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for file, content in (
        (folder / f"{name}.key.pem", key),
        (folder / f"{name}.cert.pem", pair.certificate.public_bytes(Encoding.PEM)),
    ):
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as written:
            written.write(content)


def _read_pair(folder: Path, name: str) -> Pair:
    key = load_pem_private_key((folder / f"{name}.key.pem").read_bytes(), password=None)
    assert isinstance(key, Key), f"the key of {name} must be RSA or on an elliptic curve"
    certificate = x509.load_pem_x509_certificate((folder / f"{name}.cert.pem").read_bytes())
    return Pair(key, certificate)
