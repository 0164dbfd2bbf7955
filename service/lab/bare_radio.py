"""The peer of the Bluetooth measurements: bare bumble takes octets and does nothing with them."""
# bumble's proxies are generic without a parameter in their own signatures.
# pyright: reportUnknownMemberType=false

import asyncio

from bumble.device import Peer
from bumble.gatt_client import CharacteristicProxy
from bumble.hci import Address

from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.central import hang_up
from firmware_sim.gatt_device import Peripheral
from firmware_sim.gatt_services import uuid16
from gateway.clock import Clock

RACP, REPORT_ALL = 0x2A52, b"\x01\x01"
_CONNECT_S, _TRANSFER_S, _MTU = 20.0, 60.0, 247


async def bond(radio: VirtualRadio, device: Peripheral, clock: Clock) -> None:
    """Pair a device, without looking at anything."""
    await device.pairing_mode(at=clock.now())
    connection = await radio.connect(Address(device.identity.address), timeout_s=_CONNECT_S)
    await connection.pair()
    await hang_up(connection)


async def bare_transfer(
    radio: VirtualRadio, device: Peripheral, number: int, *, records: int, asked: bool
) -> None:
    """Take `records` values of characteristic `number` over one link to a bonded device.

    Nothing is decoded, dated, told apart or kept. With `asked` the record access control point is
    asked for everything, and its answer waited for.

    Raises:
        TimeoutError: they did not come within a minute.
    """
    left, over = records, asyncio.Event()

    def take(_value: bytes) -> None:
        nonlocal left
        left -= 1
        if not left and not asked:
            over.set()

    connection = await radio.connect(Address(device.identity.address), timeout_s=_CONNECT_S)
    await connection.encrypt()
    peer = Peer(connection)
    await peer.request_mtu(_MTU)
    await peer.discover_services()
    await peer.discover_characteristics()
    await peer.subscribe(_only(peer, number), take)
    if asked:
        await peer.subscribe(_only(peer, RACP), lambda _answer: over.set())
        await peer.write_value(_only(peer, RACP), REPORT_ALL, with_response=True)
    async with asyncio.timeout(_TRANSFER_S):
        await over.wait()
    await hang_up(connection)
    if left:
        raise TimeoutError(f"{left} of {records} values did not come")


def _only(peer: Peer, number: int) -> "CharacteristicProxy[bytes]":
    (found,) = peer.get_characteristics_by_uuid(uuid16(number))
    return found
