"""What happens when a hub or a device asks to come in: the protocol's answers, as values."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from gateway.broker_access import mosquitto_password_line
from service.credentials import codes
from service.credentials.authority import HomeAuthority, Issued, KeyRequest, read_request
from service.store.enrolment_rows import NewApplication
from service.store.enrolments import Enrolments, hand_over, hold, note_poll

_TRIES = 5
_SECRET_BYTES = 32  # HMAC-SHA256's own size
_SALT_BYTES = 12
_RENEWALS_APART = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brokers:
    """What those who come in must know: the broker's address for hubs, for devices, and its CA."""

    host: str
    hub_port: int
    device_port: int
    authority: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The codes of an application; `user_code` as people read it."""

    device_code: str
    user_code: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A hub is in: its name, certificate, and the key (hex) by which it knows its commands."""

    hub: str
    issued: Issued
    secret_hex: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a claimed device logs in with; told once."""

    device: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Not (yet): `reason` is a word of RFC 8628 §3.5, or one of ours (`service/enrol_api.py`)."""

    reason: str


class EnrolmentDesk:
    """Applications, polls, renewals and claims; every call is handed its `now`."""

    def __init__(self, store: Enrolments, authority: HomeAuthority, brokers: Brokers) -> None:
        self.store = store
        self.authority = authority
        self.brokers = brokers

    async def apply(
        self, request: str, software: str, address: str, now: datetime
    ) -> Applied | Refusal:
        """Takes an application.

        Raises:
            RequestRefusedError: the certificate request is not one we sign.
        """
        key = read_request(request)
        for _ in range(_TRIES):
            device_code, user_code = codes.new_device_code(), codes.new_user_code()
            new = NewApplication(
                device_code=codes.digest(device_code),
                user_code=user_code,
                request=request,
                fingerprint=key.fingerprint,
                software=software,
                address=address,
            )
            outcome = await self.store.apply(new, now)
            if outcome == "kept":
                return Applied(
                    device_code=device_code,
                    user_code=codes.shown(user_code),
                    fingerprint=key.fingerprint,
                )
            if outcome == "too_many":
                break
        return Refusal(reason="too_many")

    async def poll(self, device_code: str, now: datetime) -> Granted | Refusal:
        """Answers a hub that asks whether somebody has decided.

        A hub whose answer was lost asks again and gets a new certificate: the lost one is revoked.
        """
        digest = codes.digest(device_code)
        async with self.store.pool.acquire() as connection, connection.transaction():
            held = await hold(connection, digest)
            if held is None or held.expires_at <= now:
                return Refusal(reason="expired_token")
            if held.state == "denied":
                return Refusal(reason="access_denied")
            if held.hub is None:
                early = held.polled_at is not None and now < held.polled_at + timedelta(
                    seconds=held.interval_s - 1  # the network may shorten what the hub waited
                )
                interval_s = held.interval_s + (codes.POLL_EVERY_S if early else 0)
                await note_poll(connection, digest, now, interval_s)
                return Refusal(reason="slow_down" if early else "authorization_pending")
            issued = self.authority.issue(read_request(held.request), held.hub, now)
            secret_hex = secrets.token_hex(_SECRET_BYTES)
            if not await hand_over(connection, digest, held.hub, issued, secret_hex, now):
                return Refusal(reason="access_denied")
            return Granted(hub=held.hub, issued=issued, secret_hex=secret_hex)

    async def renew(self, request: str, now: datetime) -> tuple[str, Issued] | Refusal:
        """Gives a hub that still holds its key a new certificate; its signature is the proof.

        Raises:
            RequestRefusedError: the certificate request is not one we sign.
        """
        key: KeyRequest = read_request(request)
        known = await self.store.renewable(key.fingerprint, now)
        if known is None:
            return Refusal(reason="not_renewable")
        if now < known.issued_at + _RENEWALS_APART:
            return Refusal(reason="too_soon")
        issued = self.authority.issue(key, known.hub, now)
        await self.store.keep_renewed(known.hub, issued, now)
        return known.hub, issued

    async def claim(self, code: str, now: datetime) -> Login | Refusal:
        """Uses a device's one-time code up and gives its log-in, of which only a hash is kept."""
        password = secrets.token_urlsafe(24)

        def line_of(device: str) -> str:
            return mosquitto_password_line(device, password, secrets.token_bytes(_SALT_BYTES))

        device = await self.store.claim(codes.digest(codes.plain_claim(code)), now, line_of)
        if device is None:
            return Refusal(reason="expired_token")
        return Login(device=device, password=password)


def read_broker_authority(certificates: Path) -> str:
    """The certificate (PEM) of the county's authority, by which hubs know the broker.

    Raises:
        OSError: there is none in the folder.
    """
    return (certificates / "ca.crt").read_text(encoding="utf-8")
