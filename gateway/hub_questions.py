"""Whose was it? The county's questions about readings of a shared device, told by a hub. Pure.

A hub knows no name and takes no answer: it says where one answers.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo

from gateway.commands import Asking
from rules.codes import MAIN_QUANTITIES
from rules.vocabulary import Vital
from rules.window import Point

SHOWN_FOR = timedelta(days=7)
SAID_FOR = timedelta(minutes=10)
"""A speaker asks who is still standing beside the cuff, and nobody else."""

_UNITS = {Vital.BLOOD_PRESSURE: "mmHg", Vital.GLUCOSE: "mmol/L"}
_ZH = "{at} 的读数 {values} 和该用户平时不同：真的是本人测的吗？请在手机页面上回答。"
_EN = (
    "The reading of {at}, {values}, differs from this user's usual: was it really them?"
    " Please answer on the phone."
)


def shown(asking: Sequence[Asking], now: datetime, zone: tzinfo) -> tuple[Mapping[str, str], ...]:
    """What the hub's page asks at `now`, newest first, each in `zh` and `en`."""
    return _texts((one for one in asking if now - one.at <= SHOWN_FOR), zone)


def said(asking: Sequence[Asking], now: datetime, zone: tzinfo) -> tuple[Mapping[str, str], ...]:
    """What a speaker asks at `now`: the newest question of the last minutes alone."""
    return _texts((one for one in asking if now - one.at <= SAID_FOR), zone)[:1]


def values_text(point: Point) -> str:
    """The main numbers of a reading, `168/95 mmHg`."""
    main = [point.values.get(name) for name in MAIN_QUANTITIES[point.kind]]
    numbers = [
        f"{value.value.normalize():f}" for value in main if value and value.value is not None
    ]
    return f"{'/'.join(numbers)} {_UNITS.get(point.kind, '')}".strip()


def _texts(asking: Iterable[Asking], zone: tzinfo) -> tuple[Mapping[str, str], ...]:
    return tuple(
        {
            language: text.format(at=f"{one.at.astimezone(zone):%m-%d %H:%M}", values=one.values)
            for language, text in (("zh", _ZH), ("en", _EN))
        }
        for one in sorted(asking, key=lambda one: one.at, reverse=True)
    )
