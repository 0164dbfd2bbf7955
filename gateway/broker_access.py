"""Who may publish and read what on the broker: one table, used by mosquitto's ACL file and by ours.

Users are named by what they are: `core`; `hub-<name>`, a hub whose id is its user name;
`hub-front` and `hub-ingest`, hubs beside the broker that take in devices which speak MQTT
themselves;
`device-<key>`, such a device, which speaks for itself only (as does a Bluetooth gateway, by its
name in its topics); `bridge-<name>`, trusted to speak for any number of devices: the simulator, or
a vendor's cloud; `monitor-<name>`, an operator's program that hears the core's own word of itself
and of the canaries. Anybody else may do nothing.
"""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

FRONT = "hub-front"
FRONTS = frozenset({FRONT, "hub-ingest"})
DEVICE = "device-"
BRIDGE = "bridge-"
MONITOR = "monitor-"

# mosquitto 2's own scheme ($7$): PBKDF2-HMAC-SHA512. The secrets are random, 192 bits long and of
# this machine only.
_ITERATIONS = 101


def device_topics(key: str) -> tuple[str, ...]:
    """Where the device or Bluetooth gateway `key` (a topic level) may publish: one a format."""
    return (f"dev/1/{key}/#", f"omh/1/{key}/#", f"fhir/1/{key}/#", f"home/{key}/BTtoMQTT/#")


DEVICE_TOPICS = ("dev/1/#", "omh/1/#", "fhir/1/#", "home/+/BTtoMQTT/#")
"""All of those, of every device."""

MONITOR_TOPICS = ("hw/1/core", "hw/1/canary")
"""What the core says of itself, and of the canaries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Topic filters a user may publish to and read from."""

    write: tuple[str, ...] = ()
    read: tuple[str, ...] = ()


def access_of(user: str) -> Access:
    """Return what `user` may do; an unknown kind of user, or a name that is a filter, nothing."""
    if not user.isprintable() or any(sign in user for sign in "+#/"):
        return Access()
    if user == "core":
        return Access(write=("hw/1/#",), read=("hw/1/#",))
    if user.startswith(DEVICE):
        return Access(write=device_topics(user.removeprefix(DEVICE)))
    if user.startswith((BRIDGE, MONITOR)):
        is_bridge = user.startswith(BRIDGE)
        return Access(write=DEVICE_TOPICS) if is_bridge else Access(read=MONITOR_TOPICS)
    if user.startswith("hub-"):
        devices = DEVICE_TOPICS if user in FRONTS else ()
        # its own mark, by which the front knows that everything published before has reached it
        marks = (f"dev/1/fence~{user}/reading",) if user in FRONTS else ()
        return Access(
            write=(f"hw/1/up/{user}/#", f"hw/1/status/{user}", *marks),
            read=(f"hw/1/receipt/{user}/#", f"hw/1/command/{user}", "hw/1/core", *devices),
        )
    return Access()


def covers(allowed: str, asked: str) -> bool:
    """Tell whether every topic that filter `asked` matches is matched by filter `allowed` too.

    A plain topic is a filter without wildcards (MQTT 3.1.1 §4.7): `+` stands for one level, `#` for
    the rest.
    """
    asked_levels = asked.split("/")
    allowed_levels = allowed.split("/")
    for index, level in enumerate(allowed_levels):
        if level == "#":
            return True
        if index >= len(asked_levels) or asked_levels[index] == "#":
            return False
        if level not in ("+", asked_levels[index]):
            return False
    return len(allowed_levels) == len(asked_levels)


def mosquitto_acl(users: Iterable[str]) -> str:
    """Return the text of mosquitto's `acl_file` for these users."""
    blocks: list[str] = []
    for user in users:
        access = access_of(user)
        lines = [f"user {user}"]
        lines += [f"topic write {topic}" for topic in access.write]
        lines += [f"topic read {topic}" for topic in access.read]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def mosquitto_password_line(user: str, secret: str, salt: bytes) -> str:
    """Return one line of mosquitto's `password_file`.

    Args:
        user: User name without a colon.
        secret: The password in clear.
        salt: 12 random bytes.
    """
    digest = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, _ITERATIONS)
    parts = (base64.b64encode(part).decode() for part in (salt, digest))
    return f"{user}:$7${_ITERATIONS}${'$'.join(parts)}"
