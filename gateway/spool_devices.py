"""The spool's rows about bonded devices: plain functions on an open connection.

What a later version learns to remember of a device goes under a name of its own into
`device_note`, so that an older file needs no change.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from device_adapters.ble.clocks import ClockSet
from gateway.availability import KEPT
from gateway.sqlite_writer import SpoolError
from rules.vocabulary import CoincidentClocks, DeviceRef

_NEWEST, _CLOCK_SETS, _CLOCK_LOOKS = "newest", "clock_sets", "clock_looks"
_MISSING, _MAKE = "missing", "make"

_T = TypeVar("_T")

Ranges = tuple[tuple[int, int], ...]
"""Ranges of record numbers, both ends included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDevice:
    """A bonded device: radio address, type label, and the newest record number spooled from it.

    `newest` is the digest of that record; `series` names the run of numbers that `high_water`
    belongs to, None for the only one. `clock_sets` are the times at which its clock was set,
    `clock_looks` former looks at it (`device_adapters.ble.clocks.looks_with`).
    `command_version` is the hub command in force when it was paired: only a later one can end it.
    """

    address: str
    device: DeviceRef
    command_version: int
    high_water: int | None = None
    newest: bytes | None = None
    series: str | None = None
    clock_sets: tuple[ClockSet, ...] = ()
    clock_looks: tuple[CoincidentClocks, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Make:
    """What a bonded device said of itself: its program's version, and whose records it sent."""

    firmware: str = ""
    user_slots: tuple[int, ...] = ()


def add_heard(db: sqlite3.Connection, address: str, at: datetime) -> None:
    """Note that a device was heard; beyond `KEPT` times the oldest are forgotten."""
    db.execute("INSERT OR IGNORE INTO heard VALUES (?, ?)", (address, at.timestamp()))
    db.execute(
        "DELETE FROM heard WHERE address = ?1 AND at NOT IN"
        " (SELECT at FROM heard WHERE address = ?1 ORDER BY at DESC LIMIT ?2)",
        (address, KEPT),
    )


def heard(db: sqlite3.Connection) -> dict[str, list[datetime]]:
    """When each device was heard, ascending."""
    times: dict[str, list[datetime]] = {}
    for address, at in db.execute("SELECT address, at FROM heard ORDER BY address, at"):
        times.setdefault(address, []).append(datetime.fromtimestamp(at, UTC))
    return times


def remember_paired(db: sqlite3.Connection, device: PairedDevice) -> None:
    """Keep a bonded device, or what is new about it."""
    ref, address = device.device, device.address
    row = (address, ref.manufacturer, ref.model, ref.serial)
    row += (device.command_version, device.high_water)
    db.execute("INSERT OR REPLACE INTO paired VALUES (?, ?, ?, ?, ?, ?)", row)
    if device.series is None:
        db.execute("DELETE FROM series WHERE address = ?", (address,))
    else:
        db.execute("INSERT OR REPLACE INTO series VALUES (?, ?)", (address, device.series))
    _note(db, address, _NEWEST, device.newest)
    remember_clock_sets(db, address, device.clock_sets)
    looks = device.clock_looks
    _note(db, address, _CLOCK_LOOKS, msgspec.json.encode(looks) if looks else None)


def remember_clock_sets(db: sqlite3.Connection, address: str, sets: Sequence[ClockSet]) -> None:
    """Keep when a device's clock was set."""
    _note(db, address, _CLOCK_SETS, msgspec.json.encode(sets) if sets else None)


def remember_missing(db: sqlite3.Connection, address: str, ranges: Ranges) -> None:
    """Keep which record numbers a device has counted and not sent."""
    _note(db, address, _MISSING, msgspec.json.encode(ranges) if ranges else None)


def missing(db: sqlite3.Connection) -> dict[str, Ranges]:
    """Which record numbers each device has counted and not sent, by address."""
    return {address: _decoded(octets, Ranges) for address, octets in _notes(db, _MISSING).items()}


def remember_make(db: sqlite3.Connection, address: str, make: Make) -> None:
    """Keep what a device said of itself."""
    _note(db, address, _MAKE, msgspec.json.encode(make))


def makes(db: sqlite3.Connection) -> dict[str, Make]:
    """What each device said of itself, by address."""
    return {address: _decoded(octets, Make) for address, octets in _notes(db, _MAKE).items()}


def paired(db: sqlite3.Connection) -> list[PairedDevice]:
    """All bonded devices, by address."""
    newest = _notes(db, _NEWEST)
    sets, looks = _notes(db, _CLOCK_SETS), _notes(db, _CLOCK_LOOKS)
    rows = db.execute("SELECT * FROM paired LEFT JOIN series USING (address) ORDER BY address")
    return [
        PairedDevice(
            address=address,
            device=DeviceRef(manufacturer=manufacturer, model=model, serial=serial),
            command_version=version,
            high_water=high_water,
            newest=newest.get(address),
            series=series,
            clock_sets=_decoded(sets.get(address, b"[]"), tuple[ClockSet, ...]),
            clock_looks=_decoded(looks.get(address, b"[]"), tuple[CoincidentClocks, ...]),
        )
        for address, manufacturer, model, serial, version, high_water, series in rows
    ]


def _note(db: sqlite3.Connection, address: str, name: str, value: bytes | None) -> None:
    if value is None:
        db.execute("DELETE FROM device_note WHERE address = ? AND name = ?", (address, name))
    else:
        row = (address, name, value)
        db.execute("INSERT OR REPLACE INTO device_note VALUES (?, ?, ?)", row)


def _notes(db: sqlite3.Connection, name: str) -> dict[str, bytes]:
    rows = db.execute("SELECT address, value FROM device_note WHERE name = ?", (name,))
    return {address: bytes(value) for address, value in rows}


def _decoded(octets: bytes, form: type[_T]) -> _T:
    try:
        return msgspec.json.decode(octets, type=form)
    except msgspec.DecodeError as error:
        raise SpoolError(f"device_note: {error}") from error
