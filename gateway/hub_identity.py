"""Who a hub is: its key, its certificate, what it knows of its county. Files below its data folder.

`identity/hub.key` is made here and never leaves; `hub.crt` and `ca.crt` come from the county;
`hub.json` has the rest, among it the secret by which commands are known. All are 0600, each is
replaced in one step, and `hub.json` comes last: without it the hub counts as not enrolled.
The only file of the hub that talks to `cryptography`.
"""

import os
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

FOLDER = "identity"


class IdentityError(Exception):
    """The hub's identity cannot be read or written; the message says why."""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What `hub.json` holds. From `renew_at` on the hub asks for its next certificate.

    `county_ca` is the file of the authority of the county's pages where it is not a public one.
    """

    hub: str
    secret_hex: str
    county: str
    broker_host: str
    broker_port: int
    renew_at: datetime
    expires_at: datetime
    county_ca: str | None = None


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """The county's answer to a hub that was let in."""

    hub: str
    certificate: str
    authority: str
    secret_hex: str
    broker_host: str
    broker_port: int
    renew_at: datetime
    expires_at: datetime


class Renewed(msgspec.Struct, frozen=True, kw_only=True):
    """The county's answer to a hub that renewed."""

    hub: str
    certificate: str
    renew_at: datetime
    expires_at: datetime


class IdentityFolder:
    """The files of one hub, below its data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / FOLDER

    @property
    def key(self) -> Path:
        """File of the private key."""
        return self.path / "hub.key"

    @property
    def certificate(self) -> Path:
        """File of the hub's certificate."""
        return self.path / "hub.crt"

    @property
    def authority(self) -> Path:
        """File of the authority by which the hub knows the broker."""
        return self.path / "ca.crt"

    def read(self) -> Identity | None:
        """Who this hub is; None where it was never enrolled.

        Raises:
            IdentityError: the file is there and cannot be used.
        """
        try:
            return msgspec.json.decode((self.path / "hub.json").read_bytes(), type=Identity)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise IdentityError(f"{self.path}/hub.json: {error}") from error

    def request(self) -> tuple[str, str]:
        """A certificate request (PEM, PKCS #10) of this hub's key, and the key's fingerprint.

        Makes the key where there is none.

        Raises:
            IdentityError: the key cannot be read or written.
        """
        try:
            key = self._key()
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise IdentityError(f"{self.key}: {error}") from error
        # The name is the county's to give.
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub")])
        request = x509.CertificateSigningRequestBuilder().subject_name(name)
        signed = request.sign(key, hashes.SHA256())
        public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        text = signed.public_bytes(serialization.Encoding.PEM).decode()
        return text, sha256(public).hexdigest()

    def keep(self, answer: Enrolled, county: str, county_ca: str | None = None) -> None:
        """Becomes what the county says this hub is.

        Raises:
            IdentityError: a file cannot be written.
        """
        self._write("hub.crt", answer.certificate.encode())
        self._write("ca.crt", answer.authority.encode())
        identity = Identity(
            hub=answer.hub,
            secret_hex=answer.secret_hex,
            county=county,
            broker_host=answer.broker_host,
            broker_port=answer.broker_port,
            renew_at=answer.renew_at,
            expires_at=answer.expires_at,
            county_ca=county_ca,
        )
        self._write("hub.json", msgspec.json.encode(identity))

    def keep_renewed(self, identity: Identity, answer: Renewed) -> Identity:
        """Takes over the next certificate of the same key.

        Raises:
            IdentityError: it is another hub's, or a file cannot be written.
        """
        if answer.hub != identity.hub:
            raise IdentityError(f"the county answered with a certificate of {answer.hub}")
        self._write("hub.crt", answer.certificate.encode())
        renewed = msgspec.structs.replace(
            identity, renew_at=answer.renew_at, expires_at=answer.expires_at
        )
        self._write("hub.json", msgspec.json.encode(renewed))
        return renewed

    def _key(self) -> ec.EllipticCurvePrivateKey:
        if not self.key.exists():
            made = ec.generate_private_key(ec.SECP256R1())
            text = made.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            self._write("hub.key", text)
        key = serialization.load_pem_private_key(self.key.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("not an elliptic-curve key")
        return key

    def _write(self, name: str, content: bytes) -> None:
        draft = self.path / f".{name}.new"
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path / name)
        except OSError as error:
            raise IdentityError(f"{self.path / name}: {error}") from error


def in_groups(fingerprint: str) -> str:
    """`1A2B 3C4D …`: the first 128 bits, as the administrator's page shows them too."""
    first = fingerprint[:32].upper()
    return " ".join(first[at : at + 4] for at in range(0, len(first), 4))
