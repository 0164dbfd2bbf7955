"""The broker for machines without mosquitto: `python -m gateway.broker_embedded` runs amqtt.

Same users, passwords and access table as the mosquitto that `broker.py` starts. MQTT 3.1.1 only,
nothing is kept over a restart, and some hundred QoS 1 messages a second: enough for a demo, not for
a county.
"""

import argparse
import asyncio
import hmac
import json
import logging
import signal
from dataclasses import dataclass
from pathlib import Path

from amqtt.broker import Broker  # pyright: ignore[reportMissingTypeStubs] - amqtt ships no marker
from amqtt.contexts import Action, BaseContext  # pyright: ignore[reportMissingTypeStubs]
from amqtt.plugins.base import (  # pyright: ignore[reportMissingTypeStubs]
    BaseAuthPlugin,
    BaseTopicPlugin,
)
from amqtt.session import Session  # pyright: ignore[reportMissingTypeStubs]

from gateway.broker_access import access_of, covers

_HOST = "127.0.0.1"
_LARGEST_CLIENT_COUNT = 500


class PasswordPlugin(BaseAuthPlugin):
    """Lets in who shows the secret that the users file holds for that name."""

    @dataclass
    class Config(BaseAuthPlugin.Config):
        """What amqtt hands to the plug-in: the JSON file with user names and secrets."""

        users_file: str

    def __init__(self, context: BaseContext) -> None:
        """Read the users once."""
        super().__init__(context)
        users_file = str(self._get_config_option("users_file"))
        self._users: dict[str, str] = json.loads(Path(users_file).read_text(encoding="utf-8"))

    async def authenticate(self, *, session: Session) -> bool | None:
        """Return whether name and password fit."""
        secret = self._users.get(session.username or "")
        if secret is None:
            return False
        return hmac.compare_digest(secret.encode(), (session.password or "").encode())


class AccessPlugin(BaseTopicPlugin):
    """Applies the one access table to every publish, subscription and delivery."""

    async def topic_filtering(
        self,
        *,
        session: Session | None = None,
        topic: str | None = None,
        action: Action | None = None,
    ) -> bool | None:
        """Return whether the session's user may do this."""
        if session is None or not session.username or not topic:
            return False
        access = access_of(session.username)
        allowed = access.write if action is Action.PUBLISH else access.read
        return any(covers(pattern, topic) for pattern in allowed)


async def serve(port: int, users_file: Path) -> None:
    """Run the broker on loopback until SIGTERM or SIGINT."""
    broker = Broker(
        {
            "listeners": {
                "default": {
                    "type": "tcp",
                    "bind": f"{_HOST}:{port}",
                    "max_connections": _LARGEST_CLIENT_COUNT,
                }
            },
            "plugins": {
                "gateway.broker_embedded.PasswordPlugin": {"users_file": str(users_file)},
                "gateway.broker_embedded.AccessPlugin": {},
            },
        }
    )
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await broker.start()
    await ended.wait()
    await broker.shutdown()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--users", type=Path, required=True, help="JSON file: user name to secret")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(serve(arguments.port, arguments.users))


if __name__ == "__main__":
    main()
