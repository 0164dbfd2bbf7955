"""The homes' certificate authority: it signs hubs' keys and lists what was revoked (RFC 5280).

It is not the county's authority, which signs broker, core and service and stays off the server
(`deploy/make-certificate.sh`): what leaks here lets somebody pose as a hub, never as the broker.
The only file of the service that talks to `cryptography`.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CERTIFICATE_LASTS = timedelta(days=30)
"""A hub's certificate; the hub renews it after two thirds of that."""

RENEWABLE_AFTER_END = timedelta(days=365)
"""A hub that was away comes back by itself while it is not shut out."""

_AUTHORITY_LASTS = timedelta(days=3650)
# A list that is out of date makes the broker refuse everybody, so it lasts; it is written anew with
# every change and every day.
_LIST_LASTS = timedelta(days=365)
_BEFORE = timedelta(hours=1)  # a hub's clock may be behind ours
_LARGEST_REQUEST = 8192


class AuthorityError(Exception):
    """The authority's folder cannot be used; the message says why."""


class RequestRefusedError(ValueError):
    """A certificate request that is none, or not of the one kind we sign; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """A checked request: whoever made it holds the key. `fingerprint` is that of the key."""

    fingerprint: str
    key: ec.EllipticCurvePublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate; `serial` in hexadecimal, `pem` its text."""

    pem: str
    serial: str
    fingerprint: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """A certificate that is no longer good although it has not ended."""

    serial: str
    revoked_at: datetime


class HomeAuthority:
    """Signs and lists; `HomeAuthority.open(folder, now)` makes it on first use."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @classmethod
    def open(cls, folder: Path, now: datetime) -> Self:
        """The authority in `folder` (`homes.crt`, `homes.key` 0600), made where there is none.

        Raises:
            AuthorityError: the folder cannot be read or written, or holds something else.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not (folder / "homes.crt").exists():
                _make(folder, now)
            certificate = x509.load_pem_x509_certificate((folder / "homes.crt").read_bytes())
            key = serialization.load_pem_private_key((folder / "homes.key").read_bytes(), None)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise AuthorityError(f"{folder}: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise AuthorityError(f"{folder}/homes.key: not an elliptic-curve key")
        return cls(certificate, key)

    @property
    def pem(self) -> str:
        """The authority's own certificate, for the broker to trust."""
        return _text(self._certificate)

    def issue(self, request: KeyRequest, hub: str, now: datetime) -> Issued:
        """A certificate for the key of `request` in the name of `hub`, good from now on.

        Nothing of what the request says about itself is taken over: the name is ours to give.
        """
        serial = x509.random_serial_number()
        end = now + CERTIFICATE_LASTS
        certificate = (
            self._draft(_name(hub), request.key, serial, (now - _BEFORE, end))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Issued(
            pem=_text(certificate),
            serial=f"{serial:x}",
            fingerprint=request.fingerprint,
            issued_at=now,
            expires_at=end,
        )

    def revocations(self, revoked: Iterable[Revoked], now: datetime) -> str:
        """The signed list of what was revoked (PEM), as the broker's `crlfile` takes it."""
        draft = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now - _BEFORE)
            .next_update(now + _LIST_LASTS)
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        )
        for each in revoked:
            draft = draft.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(int(each.serial, 16))
                .revocation_date(each.revoked_at)
                .build()
            )
        return draft.sign(self._key, hashes.SHA256()).public_bytes(_PEM).decode()

    def _draft(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        serial: int,
        valid: tuple[datetime, datetime],
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._certificate.subject)
            .public_key(key)
            .serial_number(serial)
            .not_valid_before(valid[0])
            .not_valid_after(valid[1])
        )


_PEM = serialization.Encoding.PEM


def read_request(text: str) -> KeyRequest:
    """The request in a PEM text (PKCS #10, RFC 2986), when its sender holds the key it names.

    Raises:
        RequestRefusedError: no request, not ECDSA on P-256, or not signed by its own key.
    """
    if len(text) > _LARGEST_REQUEST:
        raise RequestRefusedError("too long")
    try:
        request = x509.load_pem_x509_csr(text.encode())
        key = request.public_key()
        signed = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise RequestRefusedError("not a certificate request") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise RequestRefusedError("the key is not on the curve P-256")
    if not signed:
        raise RequestRefusedError("not signed by its own key")
    return KeyRequest(fingerprint=_fingerprint(key), key=key)


def _fingerprint(key: ec.EllipticCurvePublicKey) -> str:
    """SHA-256 of the key's SubjectPublicKeyInfo in hexadecimal, as the hub computes it too."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return digest.finalize().hex()


def _make(folder: Path, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Hearthwatch homes authority")
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + _AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # The key first: with the certificate there, nobody makes another.
    _write(folder / "homes.key", secret)
    _write(folder / "homes.crt", certificate.public_bytes(_PEM))


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(_PEM).decode()
