"""The second proof: six digits of an app (RFC 6238), or a passkey (WebAuthn). Pure but for chance.

Nothing is stored here; a challenge belongs to the session that asked for it.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from ipaddress import ip_address
from urllib.parse import urlsplit

from pyotp import random_base32
from pyotp.totp import TOTP
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

ISSUER = "守望 Hearthwatch"
_STEP_S = 30
_CHALLENGE_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Whom a passkey belongs to: the host's name, and the pages' origin."""

    host: str
    origin: str

    @property
    def has_passkeys(self) -> bool:
        """Browsers bind passkeys to a name; a bare address has none."""
        try:
            ip_address(self.host)
        except ValueError:
            return True
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A registered passkey; `sign_count` only ever rises, where the device counts at all."""

    credential: bytes
    public_key: bytes
    sign_count: int


def site_of(public_url: str) -> Site:
    """The site whose pages lie at `public_url`."""
    parts = urlsplit(public_url)
    return Site(host=parts.hostname or "", origin=f"{parts.scheme}://{parts.netloc}")


def new_secret() -> str:
    """A fresh secret for an app: 160 bits in base 32."""
    return random_base32()


def app_address(secret: str, login: str) -> str:
    """The `otpauth:` address that the app scans."""
    return TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)


def step_of_code(secret: str, code: str, now: datetime, last_step: int | None) -> int | None:
    """The 30-second step that `code` is of, the present one or a neighbour; None for a wrong code.

    A step at or before `last_step` was used already (RFC 6238 §5.2).
    """
    present = int(now.timestamp()) // _STEP_S
    app = TOTP(secret)
    for step in (present, present - 1, present + 1):
        right = compare_digest(app.generate_otp(step), code)
        if right and (last_step is None or step > last_step):
            return step
    return None


def new_challenge() -> bytes:
    """What the passkey signs next."""
    return secrets.token_bytes(_CHALLENGE_BYTES)


def registration_options(
    site: Site, account_id: bytes, login: str, challenge: bytes, known: Sequence[bytes]
) -> str:
    """What a browser needs to make a passkey (JSON); devices that have one are not asked again."""
    options = generate_registration_options(
        rp_id=site.host,
        rp_name=ISSUER,
        user_id=account_id,
        user_name=login,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
    )
    return options_to_json(options)


def registered(site: Site, challenge: bytes, credential: str) -> Passkey | None:
    """The passkey that a browser made for `challenge`; None where it does not prove itself."""
    try:
        made = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
        )
    except (WebAuthnException, ValueError, KeyError):
        return None
    return Passkey(
        credential=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
    )


def request_options(site: Site, challenge: bytes, known: Sequence[bytes]) -> str:
    """What a browser needs to use one of the account's passkeys (JSON)."""
    options = generate_authentication_options(
        rp_id=site.host,
        challenge=challenge,
        allow_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return options_to_json(options)


def proven(site: Site, challenge: bytes, credential: str, passkey: Passkey) -> int | None:
    """The new sign count where `passkey` signed `challenge`; None where it did not.

    A count that does not rise (and is not always 0) is a copied passkey and refused (§6.1.1).
    """
    try:
        shown = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
        )
    except (WebAuthnException, ValueError, KeyError):
        return None
    return shown.new_sign_count
