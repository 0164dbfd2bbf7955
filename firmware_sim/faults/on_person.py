"""Shared devices that say the wrong user, none, or one that nobody knows."""

from firmware_sim.faults.frames import of_user, stores_octets
from firmware_sim.faults.groups import (
    BODY,
    BP,
    HUB_CARRIES,
    MQTT,
    MULTI_USER,
    NO_FRAMES,
    NO_USERS,
    WEIGHT,
)
from firmware_sim.faults.kind import FaultKind, Layer, Scene, every
from firmware_sim.profiles.names import Profile

UNKNOWN_USER = 255
_SOMEBODY_ELSE = 7
_SLOT = 1
_BEFORE_STATUS = -2


def _user_without_flag(_profile: Profile, frame: bytes) -> bytes:
    return frame[:_BEFORE_STATUS] + bytes([_SLOT]) + frame[_BEFORE_STATUS:]


async def _several(scene: Scene) -> None:
    for minute, user in enumerate((1, 2, 1)):
        await scene.device.measure_typical(scene.minutes_later(minute), user=user)


async def _nobody(scene: Scene) -> None:
    await scene.device.measure_typical(scene.at)


KINDS = (
    FaultKind(
        name="wrong-user",
        says="somebody pressed the button of a slot that belongs to nobody here",
        layer=Layer.PERSON,
        injected=f"a record of slot {_SOMEBODY_ELSE}",
        expects=every((*MULTI_USER, MQTT), "inbox_unknown_user"),
        absent=NO_USERS | HUB_CARRIES,
        inject=of_user(_SOMEBODY_ELSE),
    ),
    FaultKind(
        name="user-unknown",
        says="the device itself says that it does not know who it was (255)",
        layer=Layer.PERSON,
        injected=f"a record of user {UNKNOWN_USER}",
        expects=every(MULTI_USER, "inbox_unknown_user"),
        absent=NO_USERS
        | {MQTT: "a document without a user says the same, see user-missing"}
        | HUB_CARRIES,
        inject=of_user(UNKNOWN_USER),
    ),
    FaultKind(
        name="user-missing",
        says="a shared device does not say who it was",
        layer=Layer.PERSON,
        injected="a record without a user",
        expects=every((*MULTI_USER, MQTT), "inbox_unknown_user"),
        absent=NO_USERS | HUB_CARRIES,
        inject=_nobody,
    ),
    FaultKind(
        name="several-users",
        says="one session brings the records of two people",
        layer=Layer.PERSON,
        injected="three records of slots 1, 2 and 1",
        expects=every((*MULTI_USER, MQTT), "stored"),
        absent=NO_USERS | HUB_CARRIES,
        inject=_several,
    ),
    FaultKind(
        name="user-byte-without-flag",
        says="the user is sent although the flag for it is clear (Beurer BM85)",
        layer=Layer.PERSON,
        injected="an octet stands where the user would, without its flag, on a model without a row",
        expects={BP: "quarantined:malformed_frame"},
        absent=NO_USERS | every((WEIGHT, BODY), "no scale is known to do this") | NO_FRAMES,
        inject=stores_octets(_user_without_flag),
    ),
)
