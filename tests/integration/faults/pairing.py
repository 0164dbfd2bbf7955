"""What the witness sees when bonds are lost, refused, or somebody else's."""

from collections.abc import Awaitable, Callable

from bumble.core import AdvertisingData

from firmware_sim.faults.table import FAULTS
from tests.integration.faults.bench import NAME, Bench, advertised

Exercise = Callable[[Bench], Awaitable[None]]

REFUSED = "INSUFFICIENT_AUTHENTICATION"
_DISCOVERABLE = 0x01


async def in_pairing_mode(b: Bench) -> bool:
    (advertisement,) = (await b.hear()).values()
    flags = advertised(advertisement, AdvertisingData.Type.FLAGS)
    return bool(flags[0] & _DISCOVERABLE)


async def pairs_again(b: Bench, records: int) -> None:
    """After both sides forgot each other, one new pairing brings what waited."""
    await b.device.forget_bonds()
    await b.radio.forget(b.device.identity.address)
    await b.device.pairing_mode()
    seen = await b.listen(pair=True)
    assert seen.error == ""
    assert len(b.frames(seen)) == records


async def bond_lost_on_device(b: Bench) -> None:
    await b.do(FAULTS["bond-lost-on-device"])
    seen = await b.listen()
    assert "key missing" in seen.error
    assert seen.arrived == []
    await pairs_again(b, 1)


async def bond_lost_on_central(b: Bench) -> None:
    await b.do(FAULTS["bond-lost-on-central"])
    seen = await b.listen()
    assert REFUSED in seen.error
    assert seen.arrived == []
    await pairs_again(b, 1)


async def paired_elsewhere(b: Bench) -> None:
    await b.do(FAULTS["paired-elsewhere"])
    seen = await b.listen()
    assert "key missing" in seen.error
    assert seen.arrived == []


async def not_in_pairing_mode(b: Bench) -> None:
    await b.do(FAULTS["not-in-pairing-mode"])
    assert not await in_pairing_mode(b)
    seen = await b.listen(pair=True)
    assert "pairing failed" in seen.error
    assert seen.arrived == []
    await b.device.pairing_mode()
    assert len(b.frames(await b.listen(pair=True))) == 1


async def pairing_refused(b: Bench) -> None:
    await b.do(FAULTS["pairing-refused"])
    assert await in_pairing_mode(b)
    assert "pairing failed" in (await b.listen(pair=True)).error
    b.device.refuses_pairing = False
    await b.bond()


async def slots_full(b: Bench) -> None:
    await b.do(FAULTS["slots-full"])
    assert await in_pairing_mode(b)
    assert b.device.free_slots == 0
    assert "pairing failed" in (await b.listen(pair=True)).error
    await b.device.forget_bonds()
    await b.bond()
    assert b.device.free_slots == 1


async def own_protocol(b: Bench) -> None:
    await b.do(FAULTS["own-protocol"])
    patience_s, b.device.patience_s = b.device.patience_s, 0.2  # it has nothing to wait for
    seen = await b.listen(pair=True)
    assert (seen.serial, seen.arrived) == (NAME.serial, [])
    b.device.patience_s = patience_s
    await b.device.change_program(own_protocol=False)
    await b.device.measure_typical(b.scene.minutes_later(1))
    assert len(await b.told()) == 1


async def passkey_wrong(b: Bench) -> None:
    await b.do(FAULTS["passkey-wrong"])
    assert "pairing failed" in (await b.listen(pair=True)).error
    assert b.device.displayed == 246810
    b.radio.passkey = 246810
    await b.bond()


async def passkey_wanted(b: Bench) -> None:
    await b.do(FAULTS["passkey-wanted"])
    seen = await b.listen(pair=True)
    assert REFUSED in seen.error or "pairing failed" in seen.error
    assert seen.arrived == []


async def off_on_discovery(b: Bench) -> None:
    await b.do(FAULTS["off-on-discovery"])
    seen = await b.listen()
    assert "disconnected" in seen.error
    assert seen.hung_up
    assert await b.hear(0.04) == {}
    await b.device.measure_typical(b.scene.minutes_later(1))
    assert len(b.frames(await b.listen(pair=True))) == 2


async def spoofed_identity(b: Bench) -> None:
    await b.do(FAULTS["spoofed-identity"])
    ((address, advertisement),) = (await b.hear()).items()
    assert address != NAME.address
    assert advertised(advertisement, AdvertisingData.Type.COMPLETE_LOCAL_NAME) == b"SIM-X"
    seen = await b.listen(address=address)
    assert seen.serial == NAME.serial
    assert REFUSED in seen.error
    assert seen.arrived == []


EXERCISES: dict[str, Exercise] = {
    "bond-lost-on-device": bond_lost_on_device,
    "bond-lost-on-central": bond_lost_on_central,
    "paired-elsewhere": paired_elsewhere,
    "not-in-pairing-mode": not_in_pairing_mode,
    "pairing-refused": pairing_refused,
    "slots-full": slots_full,
    "own-protocol": own_protocol,
    "passkey-wrong": passkey_wrong,
    "passkey-wanted": passkey_wanted,
    "off-on-discovery": off_on_discovery,
    "spoofed-identity": spoofed_identity,
}
