"""A cohort as lines of text: the columns of the three CSV files.

No cell holds a comma or a quote; lists within a cell are joined by semicolons, and `-` is an empty
one. Instants are ISO 8601 in UTC to the second.
"""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.blocks import CONTEXTS, Block, Channel, flag_text
from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.event import Event
from firmware_sim.cohort.people import CohortPerson
from firmware_sim.cohort.readings import PersonReadings
from firmware_sim.cohort.seeds import subject_id
from firmware_sim.cohort.transport import UNKNOWN

READINGS_COLUMNS = "subject,effective_at,received_at,code,value,unit,device,context,flags"
PEOPLE_COLUMNS = (
    "subject,sex,birth_year,diagnoses,drug_classes,due,household,household_size,spouse,village,"
    "township,altitude_m,contract_team,contract_begins,contract_ends,habit,cuff,meter,oximeter,"
    "thermometer,scale,systolic,diastolic,pulse,white_coat,adherence"
)
EVENTS_COLUMNS = "subject,begins_at,ends_at,kind,detail"

_NONE = "-"  # an empty cell would say that nobody knows
_DAY_S = 86_400
_LATE_DAYS = 40  # after the last day something may still arrive
_CLOCK = [
    f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z" for second in range(_DAY_S)
]


class InstantText:
    """Instants as ISO 8601 in UTC, looked up in two tables: days and seconds of a day."""

    def __init__(self, calendar: Calendar) -> None:
        self._first = int(calendar.midnight_epoch_s[0]) // _DAY_S - 1
        day = date(1970, 1, 1) + timedelta(days=self._first)
        self._days = [
            f"{day + timedelta(days=count)}T" for count in range(calendar.days + _LATE_DAYS)
        ]
        self._unknown = len(self._days)
        self._days.append("")
        self._clock = [*_CLOCK, ""]

    def texts(self, epoch_s: npt.NDArray[np.int64]) -> list[str]:
        """One text an instant; empty for `UNKNOWN`."""
        unknown = epoch_s == UNKNOWN
        day = np.where(unknown, self._unknown, epoch_s // _DAY_S - self._first)
        second = np.where(unknown, _DAY_S, epoch_s % _DAY_S)
        days, clock = self._days, self._clock
        return [days[d] + clock[s] for d, s in zip(day.tolist(), second.tolist(), strict=True)]


def reading_lines(readings: PersonReadings, text: InstantText) -> str:
    """The person's part of `readings.csv`, in order of the true time of measuring."""
    lines: list[str] = []
    for block in readings.blocks:
        lines += _block_lines(readings.person.id, block, text)
    if len(readings.blocks) > 1:
        true_s = np.concatenate([block.true_s for block in readings.blocks])
        lines = [lines[index] for index in np.argsort(true_s, kind="stable").tolist()]
    return "".join(lines)


def _block_lines(subject: str, block: Block, text: InstantText) -> list[str]:
    """One text a reading: as many lines as the block has channels."""
    effective = text.texts(block.stamps.effective)
    received = text.texts(block.stamps.received)
    key = (block.device * len(CONTEXTS) + block.context) * 128 + block.flags
    keys: list[int] = key.tolist()
    tails = {each: _tail(block, each) for each in sorted(set(keys))}
    tail = [tails[each] for each in keys]
    heads = [f"{subject},{at},{came}," for at, came in zip(effective, received, strict=True)]
    if len(block.channels) == 1:
        only = block.channels[0]
        name, unit = only.code, only.unit
        return [
            f"{head}{name},{value},{unit},{end}"
            for head, value, end in zip(heads, _values(only), tail, strict=True)
        ]
    high, low, beat = block.channels
    one, two, three = (f",{each.unit}," for each in block.channels)
    return [
        f"{head}{high.code},{s}{one}{end}{head}{low.code},{d}{two}{end}{head}{beat.code},{p}{three}{end}"
        for head, s, d, p, end in zip(
            heads, _values(high), _values(low), _values(beat), tail, strict=True
        )
    ]


def _tail(block: Block, key: int) -> str:
    rest, flags = divmod(key, 128)
    device, context = divmod(rest, len(CONTEXTS))
    return f"{block.devices[device]},{CONTEXTS[context]},{flag_text(flags)}\n"


def _values(channel: Channel) -> list[int] | list[str]:
    scaled: list[int] = channel.scaled.tolist()
    if channel.decimals == 0:
        return scaled
    return [f"{value // 10}.{value % 10}" for value in scaled]


def person_line(person: CohortPerson) -> str:
    """The person's line of `people.csv`."""
    contract, kit, levels = person.contract, person.kit, person.levels
    cells = (
        person.id,
        person.sex.value,
        person.birth_year,
        ";".join(person.diagnoses) or _NONE,
        ";".join(person.drug_classes) or _NONE,
        person.due or "",
        person.home.household,
        person.household_size,
        "" if person.spouse is None else subject_id(person.purpose, person.seed, person.spouse),
        person.home.village,
        person.home.township,
        f"{person.home.altitude_m:.0f}",
        *(("", "", "") if contract is None else (contract.team, contract.begins, contract.ends)),
        person.habit.value,
        "" if kit.cuff is None else kit.cuff.value,
        *(int(each) for each in (kit.meter, kit.oximeter, kit.thermometer, kit.scale)),
        f"{levels.systolic:.1f}",
        f"{levels.diastolic:.1f}",
        f"{levels.pulse:.1f}",
        f"{levels.white_coat:.1f}",
        f"{levels.adherence:.3f}",
    )
    return ",".join(str(cell) for cell in cells) + "\n"


def event_line(event: Event) -> str:
    """The event's line of `events.csv`."""
    ends = "" if event.ends_at is None else _iso(event.ends_at)
    return f"{event.subject},{_iso(event.begins_at)},{ends},{event.kind.value},{event.detail}\n"


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
