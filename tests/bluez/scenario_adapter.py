"""No daemon, no adapter, adapter off: told by name, and served as soon as it is there."""

from pathlib import Path

import pytest
from bumble.keys import MemoryKeyStore

from device_adapters.ble.agent import BluezAgent
from device_adapters.ble.link import LinkCause, LinkError
from device_adapters.ble.pairing_session import PasskeyDesk
from device_adapters.ble.radio import BleakRadio
from firmware_sim.peripheral import BloodPressureCuff
from tests.bluez.bench import air, home, now, plate, power


async def scan_fault() -> LinkError:
    with pytest.raises(LinkError) as failure:
        async with BleakRadio().scan(lambda _seen: None):
            pass
    return failure.value


async def test_without_bluetoothd_the_cause_is_no_adapter() -> None:
    """First in the guest: the daemon of the other scenarios does not run yet."""
    fault = await scan_fault()
    assert fault.cause is LinkCause.NO_ADAPTER, fault.detail
    with pytest.raises(LinkError) as failure:
        async with BluezAgent().serving("C0:00:00:00:00:01", PasskeyDesk(None, lambda: None)):
            pass
    assert failure.value.cause is LinkCause.NO_ADAPTER


@pytest.mark.usefixtures("bluez")
async def test_without_an_adapter_a_pairing_says_so(tmp_path: Path) -> None:
    async with home(tmp_path) as hub:
        hub.order("none")
        await hub.reported("failed", cause="no_adapter")


@pytest.mark.usefixtures("bluez")
async def test_an_adapter_that_is_off_is_named_and_serves_once_it_is_on(tmp_path: Path) -> None:
    async with (
        air() as link,
        home(tmp_path) as hub,
        BloodPressureCuff(link, plate(32, "BP-OFF")) as cuff,
    ):
        await hub.pair(cuff, "before")
        await power("off")
        assert (await scan_fault()).cause is LinkCause.ADAPTER_OFF
        hub.order("off")
        await hub.reported("failed", cause="adapter_off")
        await cuff.measure(systolic=133, diastolic=84, at=now())
        await power("on")
        await hub.stored(cuff, 1)


@pytest.mark.usefixtures("bluez")
async def test_an_adapter_that_is_pulled_out_and_plugged_in_again_serves_on(
    tmp_path: Path,
) -> None:
    name_plate, bonds = plate(33, "BP-PLUG"), MemoryKeyStore()
    async with home(tmp_path) as hub:
        await hub.logged("bluetooth is not available")  # or it would never have to come back
        async with air() as link, BloodPressureCuff(link, name_plate, bonds=bonds) as cuff:
            await hub.logged("bluetooth is back")
            await hub.pair(cuff, "plug")
            hub.log.clear()
        await hub.logged("bluetooth is not available")
        async with air() as link, BloodPressureCuff(link, name_plate, bonds=bonds) as cuff:
            await cuff.measure(systolic=144, diastolic=91, at=now())
            await hub.stored(cuff, 1)
