"""What a hub knows of each paired device beside its readings: heard when, how, how strong."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo

from device_adapters.ble.link import Seen
from device_adapters.ble.session import SessionReason, SessionSummary
from gateway.availability import KEPT, Availability, availability, overdue_at
from gateway.hub_status import DeviceLabel, DeviceReport
from gateway.spool import Spool
from gateway.spool_devices import Make, PairedDevice
from rules.vocabulary import CoincidentClocks

_MOST_GAPS = 20
_NOTHING_SAID = Make()
_UNHEARD = frozenset({SessionReason.FAILED, SessionReason.BOND_LOST})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """One device; `heard` ascending, `missing` and `make` since ever, the rest since the start."""

    heard: tuple[datetime, ...] = ()
    reason: SessionReason | None = None
    battery_percent: int | None = None
    clock_ahead_s: float | None = None
    rssi: int | None = None
    missing: tuple[tuple[int, int], ...] = ()
    make: Make = _NOTHING_SAID


class DeviceBook:
    """Filled by sessions and advertisements, read by the hub's status; times survive a restart."""

    def __init__(self, spool: Spool, zone: tzinfo) -> None:
        self._spool = spool
        self._zone = zone
        self._pages: dict[str, _Page] = {}

    async def recall(self) -> None:
        """Read what was kept before a restart."""
        for address, times in (await self._spool.heard()).items():
            self._pages[address] = _Page(heard=tuple(times))
        for address, ranges in (await self._spool.missing()).items():
            self._pages[address] = replace(self._pages.get(address, _Page()), missing=ranges)
        for address, make in (await self._spool.makes()).items():
            self._pages[address] = replace(self._pages.get(address, _Page()), make=make)

    def note_seen(self, seen: Seen) -> None:
        """Take the signal strength of an advertisement; devices without a page are not ours."""
        page = self._pages.get(seen.address)
        if page is not None:
            self._pages[seen.address] = replace(page, rssi=seen.rssi)

    async def note_session(self, summary: SessionSummary, now: datetime) -> None:
        """Take what a session of a paired device showed; a failed one does not count as heard."""
        page = self._pages.get(summary.address, _Page())
        gaps = [*page.missing, *((gap.first, gap.last) for gap in summary.missing)]
        told = tuple(dict.fromkeys(gaps))[-_MOST_GAPS:]
        if told != page.missing:
            await self._spool.hold.do(lambda: self._spool.remember_missing(summary.address, told))
        make = _said(page.make, summary)
        if make != page.make:
            await self._spool.hold.do(lambda: self._spool.remember_make(summary.address, make))
        page = replace(page, reason=summary.reason, missing=told, make=make)
        if summary.reason not in _UNHEARD:
            address = summary.address
            await self._spool.hold.do(lambda: self._spool.remember_heard(address, now))
            page = replace(
                page,
                heard=(*page.heard, now)[-KEPT:],
                battery_percent=summary.battery_percent,
                clock_ahead_s=_ahead_s(summary.clocks, self._zone),
            )
        self._pages[summary.address] = page

    def availability(self, address: str, now: datetime) -> Availability:
        """What the silence of a paired device means: asleep as usual, or longer than usual."""
        page = self._pages.get(address)
        return availability(() if page is None else page.heard, now)

    def report(self, paired: PairedDevice) -> DeviceReport:
        """What is known of a paired device."""
        page = self._pages.setdefault(paired.address, _Page())
        ref = paired.device
        return DeviceReport(
            device=DeviceLabel(manufacturer=ref.manufacturer, model=ref.model, serial=ref.serial),
            address=paired.address,
            heard_at=page.heard[-1] if page.heard else None,
            overdue_at=overdue_at(page.heard),
            reason=None if page.reason is None else page.reason.value,
            battery_percent=page.battery_percent,
            clock_ahead_s=page.clock_ahead_s,
            rssi=page.rssi,
            missing=page.missing,
            firmware=page.make.firmware,
            user_slots=page.make.user_slots,
        )


def _said(before: Make, summary: SessionSummary) -> Make:
    """What the device has said of itself up to the end of this session."""
    return Make(
        firmware=summary.firmware or before.firmware,
        user_slots=tuple(sorted({*before.user_slots, *summary.user_slots})),
    )


def _ahead_s(clocks: CoincidentClocks | None, zone: tzinfo) -> float | None:
    if clocks is None:
        return None
    shown = clocks.device_time.replace(tzinfo=zone).astimezone(UTC)
    return (shown - clocks.hub_time).total_seconds()
