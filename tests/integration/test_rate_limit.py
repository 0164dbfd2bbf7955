"""The limits before the broker, by the kernel's own filter in a network of the test's own.

mosquitto has no rate limit: what babbles is held up by `deploy/limit-rate.nft`, and what outlives
its connection or its reader is bounded by the broker's own settings.
"""

import json
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

from gateway.broker import LocalBroker

pytestmark = pytest.mark.peer

DEPLOY = Path(__file__).parents[2] / "deploy"
DIALLED = 90

_PROGRAM = """
import fcntl, json, select, socket, struct, subprocess, sys
with socket.socket() as any_socket:  # the loopback of a new network is down
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))
subprocess.run([sys.argv[3], "-f", sys.argv[1]], check=True)
got_through = {}
for port in (8883, 8884, 1883):
    listener = socket.create_server(("127.0.0.1", port), backlog=512)
    callers = [socket.socket() for _ in range(int(sys.argv[2]))]
    for caller in callers:
        caller.setblocking(False)
        caller.connect_ex(("127.0.0.1", port))
    got_through[port] = len(select.select([], callers, [], 0.2)[1])
print(json.dumps(got_through))
"""


def test_who_connects_too_often_waits_before_the_broker() -> None:
    """Ninety at once from one address: a village of hubs may, the devices of a home may not."""
    limits, nft = DEPLOY / "limit-rate.nft", which("nft") or "/usr/sbin/nft"
    words = (sys.executable, "-c", _PROGRAM, str(limits), str(DIALLED), nft)
    ran = subprocess.run(  # noqa: S603 - ours
        ["/usr/bin/unshare", "--net", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    hubs, devices, neither = json.loads(ran.stdout).values()
    assert (hubs, neither) == (DIALLED, DIALLED)
    assert 50 <= devices < DIALLED


@pytest.mark.parametrize("whose", ["county", "own"])
async def test_the_broker_is_bounded_in_all_that_could_grow(whose: str, tmp_path: Path) -> None:
    """Memory, a slow reader's queue in messages and bytes, a message, sessions nobody comes for."""
    settings = DEPLOY / "mosquitto.conf"
    if whose == "own":
        async with LocalBroker(tmp_path / "broker", choice="mosquitto"):
            settings = tmp_path / "broker" / "mosquitto.conf"
    lines = [line.split() for line in settings.read_text().splitlines()]
    said = {words[0]: words[1] for words in lines if len(words) > 1}
    assert 0 < int(said["memory_limit"]) <= 900_000_000
    assert 0 < int(said["max_queued_messages"]) <= 20_000
    assert 0 < int(said["max_queued_bytes"]) <= 2**26
    assert 0 < int(said["max_inflight_messages"]) <= 200
    assert 0 < int(said["message_size_limit"]) <= 2**18
    assert said["persistent_client_expiration"] == "1d"
    assert 0 < int(said["max_connections"]) <= 15_000
