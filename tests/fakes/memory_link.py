"""A device in memory that speaks the `Link` protocol: values to read, records to fetch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from device_adapters.ble.link import LinkCause, LinkError


@dataclass
class MemoryLink:
    """Reads `values`, indicates `indicated` when subscribed to, answers report-all with `records`.

    `written` keeps every write in its order. Writing what is neither a value nor record access is
    refused, as a device refuses it.
    """

    values: dict[str, bytes] = field(default_factory=dict[str, bytes])
    indicated: Mapping[str, Sequence[bytes]] = field(default_factory=dict[str, Sequence[bytes]])
    records: Sequence[tuple[str, bytes]] = ()
    written: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])
    _takers: dict[str, Callable[[bytes], None]] = field(
        default_factory=dict[str, Callable[[bytes], None]]
    )

    @property
    def characteristics(self) -> frozenset[str]:
        by_request = [number for number, _ in self.records]
        access = ["2A52"] if by_request else []
        return frozenset([*self.values, *self.indicated, *by_request, *access])

    async def read(self, characteristic: str) -> bytes | None:
        return self.values.get(characteristic)

    async def write(self, characteristic: str, octets: bytes) -> None:
        self.written.append((characteristic, octets))
        if characteristic == "2A52":
            self._report(octets)
        elif characteristic in self.values:
            self.values[characteristic] = octets
        else:
            raise LinkError(LinkCause.REFUSED_BY_DEVICE, "no such characteristic")

    async def subscribe(self, characteristic: str, on_value: Callable[[bytes], None]) -> None:
        self._takers[characteristic] = on_value
        for payload in self.indicated.get(characteristic, ()):
            on_value(payload)

    def _report(self, request: bytes) -> None:
        supported = request == bytes([1, 1])
        if supported:
            for characteristic, payload in self.records:
                self._takers[characteristic](payload)
        self._takers["2A52"](bytes([6, 0, 1, 1 if supported else 4]))
