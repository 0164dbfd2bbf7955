"""A hub's configuration as one signed, versioned, retained message (design D3, way 3).

The core signs with the hub's secret, the hub verifies. The MAC is HMAC-SHA256 (RFC 2104) over the
whole message without its `mac` member, as JSON with sorted keys and no white space, computed from
what was received: a member that an older hub does not know is covered all the same.
"""

import hmac
from datetime import datetime
from typing import cast

import msgspec

from gateway.hub_rules import HubRules, WornLimits
from rules.vocabulary import AlertId, HubId

COMMAND_VERSION = 1


class CommandError(ValueError):
    """A message on the command topic is not to be obeyed; the text says why."""


class PairingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Look for devices to pair until `until`; `confirm` names the address a person has chosen.

    `session` names the try; `passkey` is the six digits a device displays, None when not asked.
    """

    session: str
    until: datetime
    confirm: str | None = None
    passkey: str | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """At `at` a person learnt of an alert: on a page that was open, or by answering it."""

    alert_id: AlertId
    at: datetime


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """A reading of `at` with these `values` (as a page shows them) may be another user's."""

    at: datetime
    values: str


class CommandBody(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub shall do and know.

    `asking` are readings of the last days of which the home shall say whose they were.
    `bindings_known` lists the device keys that may be synchronised; `told` the home's alerts of the
    last day that have reached a person, by which the hub stops saying that nobody was reached.
    `rules` are those of its red path; None leaves it with what it ships with. `limits` are what a
    doctor has set for the wearers of its devices.
    """

    bindings_known: tuple[str, ...] = ()
    pairing: PairingOrder | None = None
    told: tuple[Told, ...] = ()
    rules: HubRules | None = None
    asking: tuple[Asking, ...] = ()
    limits: tuple[WornLimits, ...] = ()


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A verified command; `version` only ever goes up."""

    v: int
    hub: HubId
    version: int
    issued_at: datetime
    body: CommandBody


def sign_command(
    *, hub: HubId, version: int, issued_at: datetime, body: CommandBody, secret: bytes
) -> bytes:
    """The signed JSON to publish, retained, on `rules.wire.command_topic(hub)`."""
    command = Command(v=COMMAND_VERSION, hub=hub, version=version, issued_at=issued_at, body=body)
    members = _members(msgspec.json.encode(command))
    return _canonical({**members, "mac": _mac(members, secret)})


def verify_command(payload: bytes, *, hub: HubId, secret: bytes) -> Command:
    """The command in `payload`, when the core signed it for this hub.

    Raises:
        CommandError: not a command, wrong signature, meant for another hub, or another format.
    """
    members = _members(payload)
    mac = members.pop("mac", None)
    if not isinstance(mac, str) or not _is_ours(mac, members, secret):
        raise CommandError("mac: the signature is not this hub's")
    try:
        command = msgspec.json.decode(_canonical(members), type=Command)
    except (msgspec.DecodeError, ValueError) as error:
        raise CommandError(str(error)) from error
    if command.v != COMMAND_VERSION:
        raise CommandError(f"v: version {command.v} is not {COMMAND_VERSION}")
    if command.hub != hub:
        raise CommandError(f"hub: meant for {command.hub!r}")
    return command


def _members(payload: bytes) -> dict[str, object]:
    try:
        decoded: object = msgspec.json.decode(payload)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise CommandError(str(error)) from error
    if not isinstance(decoded, dict):
        raise CommandError("not a JSON object")
    return cast("dict[str, object]", decoded)


def _canonical(members: dict[str, object]) -> bytes:
    return msgspec.json.encode(members, order="sorted")


def _is_ours(mac: str, members: dict[str, object], secret: bytes) -> bool:
    # as bytes: compare_digest takes texts of ASCII only, and this one is a stranger's
    return hmac.compare_digest(_mac(members, secret).encode(), mac.encode())


def _mac(members: dict[str, object], secret: bytes) -> str:
    return hmac.digest(secret, _canonical(members), "sha256").hex()
