"""What `hearthwatch demo` is told, and where it keeps things in its data directory."""

import socket
from dataclasses import dataclass
from pathlib import Path

from gateway.operator_settings import DEMO_DATA, DSN_FILE

HOST = "127.0.0.1"
DEFAULT_PORT = 8000
HISTORY_DAYS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """The command line of a demo.

    Attributes:
        data: Its data directory.
        days: Length of the history replayed at the first start, at least 1.
        seed: Decides people and measurements of a new demo.
        port: Where the pages are wanted; another one is taken when it is in use.
        once: End after the replay and the first alert that arrived live.
        broker: `auto`, `mosquitto` or `embedded`.
    """

    data: Path = DEMO_DATA
    days: int = HISTORY_DAYS
    seed: int = 7
    port: int = DEFAULT_PORT
    once: bool = False
    broker: str = "auto"

    @property
    def dsn_file(self) -> Path:
        """Names the database to operator commands while the demo runs."""
        return self.data / DSN_FILE


def free_port(wanted: int) -> int:
    """`wanted` if nobody listens there, else some free port."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            # a connection that lingers from the last run does not keep the port from us
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")
