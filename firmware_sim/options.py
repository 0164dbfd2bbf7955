"""What may differ between two devices of one kind."""

from typing import TypedDict

from bumble.keys import MemoryKeyStore

from firmware_sim.device_clock import DeviceClock
from firmware_sim.quirks.quirk import ModelQuirk
from firmware_sim.record_memory import Retention


class PeripheralOptions(TypedDict, total=False):
    """What may differ between two devices of one kind.

    Attributes:
        clock: Its own idea of the time; right when not given.
        passkey: Demands passkey pairing with this number (0..999999).
        keeps_records: Nothing is deleted by itself; a device that sends unasked sends everything
            again in every session.
        retention: What becomes of sent records, said exactly; overrides `keeps_records`.
        memory_size: Records that fit (of each user); 200 or 500 when not given.
        newest_first: Sends the newest record first.
        interval_ms: Advertising interval in milliseconds, 20 when not given.
        hang_up_after_s: Real seconds it keeps the link after its last record, 0.02 when not given.
        patience_s: Real seconds it keeps a link on which nothing happens, 5 when not given.
        strict_pairing: Accepts a new bond in pairing mode only.
        single_bond: A new bond ends all others.
        bond_slots: So many bonds it keeps; with all of them taken it refuses a new one, also in
            pairing mode. No limit when not given.
        battery_percent: Battery level 0..100, 87 when not given.
        battery_per_measurement: Percent that one measurement costs, 0 when not given.
        battery_low_percent: Below this level the device warns, 15 when not given.
        battery_off_percent: Below this level the device switches itself off, 2 when not given.
        bonds: Where it keeps its keys; lost with the process when not given.
        first_sequence: Number of the next record of a device that numbers them, 0 when not given.
        window_s: Real seconds it advertises after a measurement; until it is heard when not given.
        quirk: The model it behaves like (`quirks/models.py`); as specified when not given.
    """

    clock: DeviceClock
    passkey: int | None
    keeps_records: bool
    retention: Retention
    memory_size: int
    newest_first: bool
    interval_ms: float
    hang_up_after_s: float
    patience_s: float
    strict_pairing: bool
    single_bond: bool
    bond_slots: int | None
    battery_percent: float
    battery_per_measurement: float
    battery_low_percent: float
    battery_off_percent: float
    bonds: MemoryKeyStore
    first_sequence: int
    window_s: float | None
    quirk: ModelQuirk


MODEL_PASSKEY = 204060
"""What the display of a model shows that wants a passkey, if nothing else is asked for."""


def with_quirk(options: PeripheralOptions) -> PeripheralOptions:
    """The options, and what the model's quirk says where they say nothing."""
    quirk = options.get("quirk")
    if quirk is None:
        return options
    own: PeripheralOptions = {
        "newest_first": quirk.newest_first,
        "strict_pairing": quirk.strict_pairing,
        "single_bond": quirk.single_bond,
        "window_s": quirk.window_s,
    }
    if quirk.retention is not None and "keeps_records" not in options:
        own["retention"] = quirk.retention
    if quirk.passkey:
        own["passkey"] = MODEL_PASSKEY
    if quirk.never_set:
        own["clock"] = DeviceClock.never_set()
    return {**own, **options}
