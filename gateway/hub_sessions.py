"""What Bluetooth sessions bring: on disk at once, live or backlog at the session's end."""

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from datetime import tzinfo

import structlog

from device_adapters.adapter import DecodeError, Frame
from device_adapters.ble.clocks import ClockSet
from device_adapters.ble.origin import classify
from device_adapters.ble.session import SessionReason, SessionSummary
from gateway.refused import Refused
from gateway.spool import Spool
from gateway.sqlite_writer import SpoolDamagedError, SpoolError
from rules.vocabulary import Observation

_log = structlog.get_logger()

_WHOLE = frozenset({SessionReason.TRANSFERRED, SessionReason.QUIET, SessionReason.HUNG_UP})
"""Ends of a session whose device had told everything, as far as can be seen."""


class Sessions:
    """The hub's ear (`device_adapters.ble.session.Listener`).

    `on_spooled` hears of each record once it is durable, `on_decided` (else `on_spooled` again) of
    a session's records when their origin is decided, `on_clock_set` when a device's clock is about
    to be set. `is_new` tells whether no earlier session has brought a record, `has_mark` whether
    the device at an address is asked from a record on that is on disk.
    """

    def __init__(  # noqa: PLR0913 - the parts of one ear, wired in one place
        self,
        *,
        spool: Spool,
        zone: tzinfo,
        on_spooled: Callable[[list[Observation]], Awaitable[None]],
        on_end: Callable[[SessionSummary], Awaitable[None]],
        on_decided: Callable[[list[Observation]], Awaitable[None]] | None = None,
        is_new: Callable[[Observation], bool] | None = None,
        has_mark: Callable[[str], bool] = lambda _address: False,
        on_clock_set: Callable[[str, tuple[ClockSet, ...]], None] = lambda _address, _sets: None,
    ) -> None:
        self._spool = spool
        self._zone = zone
        self._on_spooled = on_spooled
        self._on_decided = on_decided or on_spooled
        self._on_end = on_end
        self._is_new = is_new
        self._has_mark = has_mark
        self._on_clock_set = on_clock_set

    async def on_observation(self, observation: Observation) -> None:
        """Spool a record that is not decided yet; a full disk keeps it from no judgement."""
        await self._spool.hold.do(lambda: self._spool.add(observation))
        await self._on_spooled([observation])

    async def on_refused(self, frame: Frame, error: DecodeError) -> None:
        """Spool a frame that could not be read, for the core's quarantine."""
        refused = Refused(
            source=frame.characteristic,
            reason=f"{frame.device.key}: {error.reason}",
            field=f"byte {error.at_byte}",
            raw=frame.payload,
        )
        await self._spool.hold.do(lambda: self._spool.add_refused(refused, frame.session))
        await self._on_spooled([])

    async def on_clock_set(self, address: str, sets: tuple[ClockSet, ...]) -> bool:
        """Keep on disk when a device's clock was set, before the clock is written to.

        What dated the records before is told by nothing else then. A disk that takes nothing now
        leaves the clock as it is: what is held in memory dies with us.
        """
        try:
            await self._spool.remember_clock_sets(address, sets)
        except SpoolDamagedError:
            raise
        except SpoolError:
            return False
        self._on_clock_set(address, sets)
        return True

    async def on_session_end(self, summary: SessionSummary) -> None:
        """Decide the session's records."""
        # Held behind the session's records where the disk did not take them.
        await self._spool.hold.do(lambda: self.decide(summary.session, summary))
        await self._on_end(summary)
        _log.info(
            "device session ended",
            device=None if summary.device is None else summary.device.key,
            records=summary.count,
            refused=summary.refused,
            reason=summary.reason.value,
            detail=summary.detail,
        )
        if summary.missing:
            _log.warning(
                "device skipped record numbers",
                device=None if summary.device is None else summary.device.key,
                missing=[(gap.first, gap.last) for gap in summary.missing],
            )

    async def decide(self, session: str, summary: SessionSummary | None = None) -> None:
        """Give every undecided record of a session its origin and its place in a lane.

        Without its `summary` it is not known whether the device had told everything.
        """
        observations = await self._spool.undecided(session)
        opened_by = None if summary is None else self._opened_by(observations, summary)
        origins = classify(observations, zone=self._zone, opened_by=opened_by)
        await self._spool.decide(session, origins)
        await self._on_decided(
            [
                dataclasses.replace(observation, origin=origin)
                for observation, origin in zip(observations, origins, strict=True)
            ]
        )

    def _opened_by(
        self, observations: Sequence[Observation], summary: SessionSummary
    ) -> Observation | None:
        """The one record that the device had not told before, where it has told everything.

        That only one is new is known of a device that was asked from a mark on, or that told others
        again which were heard before.
        """
        if self._is_new is None or summary.reason not in _WHOLE:
            return None
        new = [one for one in observations if self._is_new(one)]
        told_before = len(new) < len(observations) or self._has_mark(summary.address)
        return new[0] if len(new) == 1 and told_before else None

    async def decide_leftovers(self) -> None:
        """Decide what a crash left undecided, by the same rule as at a session's end."""
        for session in await self._spool.undecided_sessions():
            _log.warning("session was cut by a crash, deciding it now", session=session)
            await self._spool.hold.do(lambda name=session: self.decide(name))
