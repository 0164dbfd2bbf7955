"""What the witness sees of links that break or stay silent, and of batteries that end."""

import asyncio
import time

from bumble.core import AdvertisingData

from firmware_sim.faults.table import FAULTS
from firmware_sim.profiles.names import Profile
from tests.integration.faults.bench import NAME, RACP, Bench, advertised
from tests.integration.faults.pairing import REFUSED, Exercise

SHORT_PATIENCE_S = 0.4
_NOT_HEARD_S = 0.04


async def drop_before_first(b: Bench) -> None:
    await b.do(FAULTS["drop-before-first"])
    seen = await b.listen()
    assert seen.arrived == []
    assert seen.hung_up
    assert len(await b.told()) == 1


async def drop_mid_transfer(b: Bench) -> None:
    await b.do(FAULTS["drop-mid-transfer"])
    waiting = b.device.unsent
    assert len(waiting) == 3
    seen = await b.listen()
    assert b.frames(seen) == [waiting[0]]
    assert seen.of(RACP) == []
    assert seen.hung_up
    # a report that was not finished is repeated as a whole; a confirmed indication is not
    assert await b.told() == list(waiting if b.asked else waiting[1:])


async def slow_link(b: Bench) -> None:
    await b.do(FAULTS["slow-link"])
    waiting = b.device.unsent
    began = time.perf_counter()
    seen = await b.listen()
    assert b.frames(seen) == list(waiting)
    assert seen.times[-1] - began >= 3 * 0.04


async def silent_device(b: Bench) -> None:
    await b.do(FAULTS["silent-device"])
    b.device.patience_s = SHORT_PATIENCE_S
    seen = await b.listen()
    assert seen.error == ""
    assert seen.arrived == []
    assert seen.hung_up
    b.device.interference.mute = False
    assert len(await b.told()) == 1


async def window_missed(b: Bench) -> None:
    await b.do(FAULTS["window-missed"])
    await asyncio.sleep(0.03)
    assert await b.hear(_NOT_HEARD_S) == {}
    assert "NotFound" in (await b.listen(found_s=_NOT_HEARD_S)).error
    b.device.window_s = None
    await b.device.measure_typical(b.scene.minutes_later(1))
    assert len(await b.told()) == 2


async def out_of_range(b: Bench) -> None:
    await b.do(FAULTS["out-of-range"])
    assert b.device.advertising
    assert await b.hear(_NOT_HEARD_S) == {}
    assert "NotFound" in (await b.listen(found_s=_NOT_HEARD_S)).error
    b.scene.link.bring_back(NAME.address)
    assert len(await b.told()) == 1


async def address_changed(b: Bench) -> None:
    await b.do(FAULTS["address-changed"])
    ((address, advertisement),) = (await b.hear()).items()
    assert address == b.device.identity.address != NAME.address
    assert advertised(advertisement, AdvertisingData.Type.COMPLETE_LOCAL_NAME) == b"SIM-X"
    seen = await b.listen()
    assert seen.serial == NAME.serial
    assert REFUSED in seen.error
    assert len(b.frames(await b.listen(pair=True))) == 1


async def battery_low(b: Bench) -> None:
    await b.do(FAULTS["battery-low"])
    seen = await b.listen()
    assert seen.battery == 5
    (frame,) = b.frames(seen)
    if b.profile is Profile.GLUCOSE:
        assert frame[-2] & 0x01


async def battery_dead(b: Bench) -> None:
    await b.do(FAULTS["battery-dead-in-transfer"])
    waiting = b.device.unsent
    seen = await b.listen()
    assert b.frames(seen) == [waiting[0]]
    assert seen.hung_up
    assert await b.hear(_NOT_HEARD_S) == {}
    await b.device.change_battery()
    assert await b.told() == list(waiting if b.asked else waiting[1:])


EXERCISES: dict[str, Exercise] = {
    "drop-before-first": drop_before_first,
    "drop-mid-transfer": drop_mid_transfer,
    "slow-link": slow_link,
    "silent-device": silent_device,
    "window-missed": window_missed,
    "out-of-range": out_of_range,
    "address-changed": address_changed,
    "battery-low": battery_low,
    "battery-dead-in-transfer": battery_dead,
}
