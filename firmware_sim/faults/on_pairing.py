"""Bonds that are lost, refused, or somebody else's."""

from bumble.core import BaseBumbleError
from bumble.hci import Address

from firmware_sim.central import Central, hang_up
from firmware_sim.faults.groups import BLE, HUB, MQTT, NO_RADIO
from firmware_sim.faults.kind import FaultKind, Layer, Scene, WrongDeviceError, every
from firmware_sim.faults.on_link import other_address

_SHOWN, _TYPED = 246810, 135790
_RIVAL = "C0:FF:EE:00:00:FE"
_PARTNERS = ("C0:FF:EE:00:00:FD", "C0:FF:EE:00:00:FC")
_RIVAL_WAITS_S = 5.0


async def _lose_on_device(scene: Scene) -> None:
    await scene.device.forget_bonds()
    await scene.device.measure_typical(scene.at)


async def _lose_on_central(scene: Scene) -> None:
    await scene.radio.forget(scene.device.identity.address)
    scene.device.strict_pairing = True
    await scene.device.measure_typical(scene.at)


async def _forget(scene: Scene) -> None:
    await scene.device.forget_bonds()
    await scene.radio.forget(scene.device.identity.address)


async def _pair_elsewhere(scene: Scene) -> None:
    scene.device.single_bond = True
    await _pair_with(scene, _RIVAL)
    await scene.device.measure_typical(scene.at)


async def _pair_with(scene: Scene, phone_address: str) -> None:
    async with Central(scene.link, address=phone_address) as phone:
        await scene.device.pairing_mode(at=scene.at)
        try:
            address = Address(scene.device.identity.address)
            connection = await phone.connect(address, timeout_s=_RIVAL_WAITS_S)
            await connection.pair()
        except (TimeoutError, BaseBumbleError) as error:
            raise WrongDeviceError("the hub held the device, nobody else could pair") from error
        await hang_up(connection)


async def _fill_slots(scene: Scene) -> None:
    await _forget(scene)
    for partner in _PARTNERS:
        await _pair_with(scene, partner)
    scene.device.bond_slots = len(_PARTNERS)
    await scene.device.pairing_mode(at=scene.at)


async def _speak_own_protocol(scene: Scene) -> None:
    await _forget(scene)
    await scene.device.change_program(own_protocol=True)
    await scene.device.pairing_mode(at=scene.at)


async def _leave_pairing_mode(scene: Scene) -> None:
    await _forget(scene)
    scene.device.strict_pairing = True
    await scene.device.end_pairing_mode()
    await scene.device.measure_typical(scene.at)


async def _refuse(scene: Scene) -> None:
    await _forget(scene)
    scene.device.refuses_pairing = True
    await scene.device.pairing_mode(at=scene.at)


async def _type_wrongly(scene: Scene) -> None:
    await _forget(scene)
    scene.device.passkey, scene.radio.passkey = _SHOWN, _TYPED
    await scene.device.pairing_mode(at=scene.at)


async def _type_nothing(scene: Scene) -> None:
    await _forget(scene)
    scene.device.passkey, scene.radio.passkey = _SHOWN, None
    await scene.device.pairing_mode(at=scene.at)


async def _switch_off_on_discovery(scene: Scene) -> None:
    await _forget(scene)
    scene.device.interference.hides_on_unpaired_discovery = True
    await scene.device.measure_typical(scene.at)


async def _imitate(scene: Scene) -> None:
    twin = scene.device.twin(other_address(scene.device.identity.address))
    await scene.stack.enter_async_context(twin)
    await twin.measure_typical(scene.at)


KINDS = (
    FaultKind(
        name="bond-lost-on-device",
        says="the device lost its keys, the hub still has them",
        layer=Layer.PAIRING,
        injected="the device's key store is emptied",
        expects=every(BLE, "pairing_cause:bond_lost_on_device"),
        absent=NO_RADIO,
        inject=_lose_on_device,
    ),
    FaultKind(
        name="bond-lost-on-central",
        says="the hub lost its keys, the device still has them",
        layer=Layer.PAIRING,
        injected="the radio's keys of a device that bonds in pairing mode only are deleted",
        expects=every(BLE, "pairing_cause:bond_lost_here"),
        absent=NO_RADIO,
        inject=_lose_on_central,
    ),
    FaultKind(
        name="paired-elsewhere",
        says="a device that keeps one bond was paired with somebody's phone",
        layer=Layer.PAIRING,
        injected="another central bonds with the device, which forgets the hub",
        expects=every(BLE, "pairing_cause:paired_elsewhere"),
        absent=NO_RADIO,
        inject=_pair_elsewhere,
    ),
    FaultKind(
        name="not-in-pairing-mode",
        says="nobody held the button: it is heard but accepts no new bond",
        layer=Layer.PAIRING,
        injected="a device that pairs in pairing mode only, unbonded, advertises a measurement",
        expects=every(BLE, "pairing_cause:not_in_pairing_mode"),
        absent=NO_RADIO,
        inject=_leave_pairing_mode,
    ),
    FaultKind(
        name="pairing-refused",
        says="it is in pairing mode and refuses all the same",
        layer=Layer.PAIRING,
        injected="the device answers every pairing request with a refusal",
        expects=every(BLE, "pairing_cause:bond_refused"),
        absent=NO_RADIO,
        inject=_refuse,
    ),
    FaultKind(
        name="slots-full",
        says="all the places for partners that it has are taken",
        layer=Layer.PAIRING,
        injected=f"{len(_PARTNERS)} other centrals bond with the device, which keeps no more and"
        " refuses the hub",
        expects=every(BLE, "pairing_cause:slots_full"),
        absent=NO_RADIO,
        inject=_fill_slots,
    ),
    FaultKind(
        name="own-protocol",
        says="it calls its service by the standard name and keeps its records behind a protocol of"
        " its maker's",
        layer=Layer.PAIRING,
        injected="the service is there without its measurement",
        expects=every(BLE, "pairing_cause:not_supported"),
        absent=NO_RADIO,
        inject=_speak_own_protocol,
    ),
    FaultKind(
        name="passkey-wrong",
        says="the number typed is not the one on the display",
        layer=Layer.PAIRING,
        injected=f"the device shows {_SHOWN}, the radio's owner types {_TYPED}",
        expects=every(BLE, "pairing_cause:passkey_wrong"),
        absent=NO_RADIO,
        inject=_type_wrongly,
    ),
    FaultKind(
        name="passkey-wanted",
        says="the device wants a number typed and the adapter has no keyboard",
        layer=Layer.PAIRING,
        injected=f"the device shows {_SHOWN}, the radio can type nothing",
        expects=every(BLE, "pairing_cause:passkey_wanted"),
        absent=NO_RADIO,
        inject=_type_nothing,
    ),
    FaultKind(
        name="off-on-discovery",
        says="it switches off when somebody unpaired looks at its services",
        layer=Layer.PAIRING,
        injected="an unencrypted service discovery ends the link and the advertising",
        expects=every(BLE, "stored"),
        absent=NO_RADIO,
        inject=_switch_off_on_discovery,
    ),
    FaultKind(
        name="spoofed-identity",
        says="another device carries the same name and serial number",
        layer=Layer.PAIRING,
        injected="a twin with another address and no bond measures; over MQTT another certificate"
        " publishes under the device's or the hub's name",
        expects=every((*BLE, MQTT, HUB), "refused"),
        absent={},
        inject=_imitate,
    ),
)
