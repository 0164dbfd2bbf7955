"""Node-RED as a peer of the core: MQTT in, a function with a keyed baseline and a 2-of-3 rule, out.

Installed by npm into a cache folder of the user, pinned by version and digest, without running
anybody's install scripts. It stores nothing; its receipts go out one a message, as a flow would.
"""

import asyncio
import json
import shutil
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import msgspec

from firmware_sim.mqtt_line import MqttLine
from gateway import child_process
from gateway.broker import LocalBroker
from service.lab.demo_settings import free_port
from service.lab.load_county import login_at

NODE_RED = "4.0.9"
_SHA512 = "E4oo64ieP8GGSbdBhNtzDdXDVX5/nxEIJg89TyhpUT7aWLxvn+Q75V+jUGUUd6M3/B1A7vEn6HBmIlGNvgv/9g=="
_READY_TOPIC = "hw/1/bench/ready"
_READY_S, _STOP_S = 60.0, 5.0
_PASS_ON = files("service.lab") / "bench_node_red.js"


class NodeRedMissingError(Exception):
    """Node-RED cannot be installed or started here; the text says why."""


class _Package(msgspec.Struct, frozen=True):
    version: str
    integrity: str


class _Lock(msgspec.Struct, frozen=True):
    packages: dict[str, msgspec.Raw]


@asynccontextmanager
async def node_red(
    folder: Path, broker: LocalBroker, say: Callable[[str], None]
) -> AsyncGenerator[int]:
    """A running Node-RED that is connected to the broker; yields its process id.

    Raises:
        NodeRedMissingError: no npm, no registry, another package than the pinned one, or it does
            not come up.
    """
    home = await _installed(say)
    place = folder / "node-red"
    await asyncio.to_thread(_configure, place, broker)
    ready = asyncio.Event()
    login = replace(login_at(broker, "core"), client_id="bench-node-red-watch")
    line = await MqttLine.dial(login, lambda _topic, _payload, _retained: ready.set())
    program = shutil.which("node") or "node"
    start = home / "node_modules" / "node-red" / "red.js"
    with (place / "node-red.log").open("wb") as log:
        process = await child_process.start(
            [program, start, "--userDir", place, "--settings", place / "settings.js"],
            log=log.fileno(),
            stop_signal=signal.SIGTERM,
        )
    try:
        await line.subscribe(_READY_TOPIC)
        await _until_ready(ready, place)
        yield process.pid
    finally:
        line.close()
        await child_process.stop(process, (signal.SIGTERM,), patience_s=_STOP_S)


async def _until_ready(ready: asyncio.Event, place: Path) -> None:
    try:
        async with asyncio.timeout(_READY_S):
            await ready.wait()
    except TimeoutError:
        words = await asyncio.to_thread((place / "node-red.log").read_text, encoding="utf-8")
        last = words.strip().splitlines()
        text = last[-1] if last else "it said nothing"
        raise NodeRedMissingError(f"Node-RED does not connect: {text}") from None


async def _installed(say: Callable[[str], None]) -> Path:
    """The folder of the pinned version, filled from npm's registry the first time."""
    home = Path.home() / ".cache" / "hearthwatch" / f"node-red-{NODE_RED}"
    start = home / "node_modules" / "node-red" / "red.js"
    if not await asyncio.to_thread(start.exists):
        npm = shutil.which("npm")
        if npm is None or shutil.which("node") is None:
            raise NodeRedMissingError("Node-RED is left out: npm is not installed")
        say(f"installing Node-RED {NODE_RED} into {home}")
        await asyncio.to_thread(home.mkdir, parents=True, exist_ok=True)
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(home))
        done = await child_process.run([npm, "install", *options, f"node-red@{NODE_RED}"])
        if done.code != 0:
            last = done.output.strip().splitlines()[-1:]
            raise NodeRedMissingError(f"Node-RED is left out: npm failed: {''.join(last)}")
    await asyncio.to_thread(_check, home)
    return home


def _check(home: Path) -> None:
    lock = msgspec.json.decode((home / "package-lock.json").read_bytes(), type=_Lock)
    package = msgspec.json.decode(lock.packages["node_modules/node-red"], type=_Package)
    if package.integrity != f"sha512-{_SHA512}":
        raise NodeRedMissingError(f"{home} holds another Node-RED than the pinned one; remove it")


def _configure(place: Path, broker: LocalBroker) -> None:
    place.mkdir(parents=True, exist_ok=True)
    settings = {
        "uiPort": free_port(0),
        "uiHost": "127.0.0.1",
        "httpAdminRoot": False,
        "httpNodeRoot": False,
        "flowFile": "flows.json",
        "credentialSecret": False,
        "logging": {"console": {"level": "warn"}},
    }
    (place / "settings.js").write_text(f"module.exports = {json.dumps(settings)};\n")
    (place / "flows.json").write_text(json.dumps(_flow(broker)))
    login = broker.credentials("core")
    secret = {"broker": {"user": login.username, "password": login.password}}
    (place / "flows_cred.json").write_text(json.dumps(secret))


def _flow(broker: LocalBroker) -> list[dict[str, object]]:
    at: dict[str, object] = {"z": "flow", "x": 0, "y": 0}
    nowhere: list[str] = []
    out = {**at, "type": "mqtt out", "broker": "broker", "qos": "1", "wires": nowhere}
    return [
        {"id": "flow", "type": "tab", "label": "bench"},
        {
            "id": "broker",
            "type": "mqtt-broker",
            "broker": broker.host,
            "port": str(broker.port),
            "clientid": "bench-node-red",
            "autoConnect": True,
            "protocolVersion": "4",
            "keepalive": "60",
            "cleansession": True,
        },
        {
            **at,
            "id": "in",
            "type": "mqtt in",
            "topic": "hw/1/up/#",
            "qos": "1",
            "datatype": "json",
            "broker": "broker",
            "wires": [["judge"]],
        },
        {
            **at,
            "id": "judge",
            "type": "function",
            "func": _PASS_ON.read_text(encoding="utf-8"),
            "outputs": 2,
            "initialize": "context.set('people', new Map()); context.set('marks', new Map());",
            "wires": [["alerts"], ["receipts"]],
        },
        {**out, "id": "alerts", "topic": "hw/1/bench/alert"},
        {**out, "id": "receipts", "topic": "", "retain": "true"},
        {
            **at,
            "id": "once",
            "type": "inject",
            "once": True,
            "onceDelay": 1,
            "repeat": "1",
            "topic": _READY_TOPIC,
            "payload": "1",
            "payloadType": "str",
            "props": [{"p": "payload"}, {"p": "topic", "vt": "str"}],
            "wires": [["ready"]],
        },
        {**out, "id": "ready", "topic": _READY_TOPIC},
    ]
