"""`python -m tests.chaos.homes`: real hubs (spool and uplink) in a process that can be killed.

Reads one line of JSON that says where the broker and the spools are, then readings to spool; says
`{"spooled": id}` when one is on disk. A device that did not hear this tells its reading again.
"""

import asyncio
import base64
import json
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from device_adapters.mqtt.client import MqttSettings
from gateway.clock import WallClock
from gateway.hub_status import STATUS_VERSION, HubStatus, SpoolReport, encode_status
from gateway.spool import Spool
from gateway.structured_log import configure_logs
from gateway.uplink import Uplink
from rules.vocabulary import HubId, HubStamp
from rules.wire import Lane, decode_observation


@dataclass(frozen=True, slots=True)
class Home:
    """A hub without its radio."""

    spool: Spool
    uplink: Uplink


def _say(message: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def _nothing(_command: object) -> None:
    """A hub without devices obeys by doing nothing."""


def _home(name: str, secret: str, where: Mapping[str, object], spool: Spool) -> Home:
    clock = WallClock()
    settings = MqttSettings(
        host=str(where["host"]),
        port=int(str(where["port"])),
        client_id=name,
        user=name,
        password=secret,
    )

    async def status() -> bytes:
        waiting, places = await spool.waiting(), await spool.positions()
        report = HubStatus(
            v=STATUS_VERSION,
            hub=name,
            at=clock.now(),
            online=True,
            command_version=0,
            spool=SpoolReport(
                waiting_live=waiting.live,
                waiting_backlog=waiting.backlog,
                undecided=waiting.undecided,
                epoch=spool.epoch,
                through_live=places[Lane.LIVE].through,
                through_backlog=places[Lane.BACKLOG].through,
            ),
        )
        return encode_status(report)

    def no_age(_stamp: HubStamp) -> None:
        """The hub's clock is right."""

    uplink = Uplink(
        hub=HubId(name),
        spool=spool,
        clock=clock,
        broker=lambda: settings,
        on_command=_nothing,
        status=status,
        age_s=no_age,
    )
    return Home(spool=spool, uplink=uplink)


async def _serve(homes: Mapping[str, Home], reader: asyncio.StreamReader) -> None:
    while line := await reader.readline():
        asked = cast("dict[str, str]", json.loads(line))
        if "spool" not in asked:
            waiting = [await home.spool.waiting() for home in homes.values()]
            _say({"at_rest": all(one.nothing for one in waiting)})
            continue
        home = homes[asked["hub"]]
        observation = decode_observation(base64.b64decode(asked["observation"]))
        await home.spool.add_decided([observation])
        _say({"spooled": asked["spool"]})
        home.uplink.wake()


async def _main() -> None:
    configure_logs()
    reader = asyncio.StreamReader(limit=2**20)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    where = cast("dict[str, object]", json.loads(await reader.readline()))
    secrets = cast("dict[str, str]", where["hubs"])
    async with AsyncExitStack() as stack:
        homes: dict[str, Home] = {}
        for name, secret in secrets.items():
            path = Path(str(where["folder"])) / f"{name}.db"
            spool = await stack.enter_async_context(Spool.open(path))
            homes[name] = _home(name, secret, where, spool)
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(home.uplink.run()) for home in homes.values()]
            await _serve(homes, reader)
            for task in running:
                task.cancel()


if __name__ == "__main__":
    asyncio.run(_main())
