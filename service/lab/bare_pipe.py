"""The peer of the bench: a subscriber that decodes every reading and does nothing else with it.

Run as `python -m service.lab.bare_pipe HOST PORT` with the front hub's password on standard input;
prints the number of readings decoded so far whenever it has caught up.
"""

import asyncio
import sys
from datetime import UTC, datetime

from device_adapters.mqtt.client import MqttSettings, mqtt_session
from device_adapters.mqtt.payloads.body import Arrival
from device_adapters.mqtt.payloads.hearthwatch import TOPIC_FILTER, decode_reading
from rules.vocabulary import HubId, HubStamp
from service.lab.seed import FRONT, ZONE

_BURST = 200
_STAMP = HubStamp(
    boot_id="bench", monotonic_s=0.0, wall=datetime(2026, 1, 1, tzinfo=UTC), wall_trusted=True
)


async def pipe(host: str, port: int, password: str) -> None:
    """Decode until cancelled or the broker goes away."""
    settings = MqttSettings(
        host=host, port=port, client_id="bare-pipe", user=FRONT, password=password
    )
    async with mqtt_session(settings) as session:
        await session.subscribe(TOPIC_FILTER)
        _tell(0)
        decoded = 0
        while True:
            for message in await session.take(_BURST):
                arrival = Arrival(
                    topic=message.topic,
                    retain=message.retain,
                    received=_STAMP,
                    hub=HubId(FRONT),
                    session="bench",
                    ordinal=decoded,
                    zone=ZONE,
                )
                decode_reading(message.payload, arrival)
                decoded += 1
            _tell(decoded)


def _tell(decoded: int) -> None:
    sys.stdout.write(f"{decoded}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(pipe(sys.argv[1], int(sys.argv[2]), sys.stdin.readline().strip()))
