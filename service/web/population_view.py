"""What the models over many people say, in words. Pure."""

from collections.abc import Sequence

from service.store.population import AlertRank, DeviceFinding
from service.web.language import mark, say

_UNITS = {"systolic": "mmHg", "glucose": "mmol/L"}
_QUANTITIES = {"systolic": mark("systolic pressure"), "glucose": mark("glucose")}
_KINDS = {
    "model": mark("devices of the model %(key)s"),
    "delivery": mark("devices or strips of one delivery: %(key)s"),
    "hub": mark("what hub %(key)s brings"),
}
_ORDINARY = 90.0


def rank_sentence(rank: AlertRank | None, language: str) -> str:
    """The line of the why-card; empty where no model has ranked the alert."""
    if rank is None:
        return ""
    if rank.percentile < _ORDINARY:
        text = say(language, "Not unusual among similar people: percentile %(rank)s of %(count)s.")
    else:
        text = say(language, "Unusual among similar people: percentile %(rank)s of %(count)s.")
    shown = f"{rank.percentile:.0f}" if rank.percentile < 99 else f"{rank.percentile:.1f}"  # noqa: PLR2004
    return text % {"rank": shown, "count": f"{rank.readings:,}"}


def finding_lines(findings: Sequence[DeviceFinding], language: str) -> list[str]:
    """One sentence a finding: what, by how much, since when, in how many homes."""
    return [
        say(
            language,
            "%(what)s: %(quantity)s reads %(shift)s %(unit)s since %(since)s,"
            " in %(moved)s of %(homes)s homes (noticed on %(found)s).",
        )
        % {
            "what": say(language, _KINDS[each.kind]) % {"key": each.key},
            "quantity": say(language, _QUANTITIES[each.quantity]),
            "shift": f"{each.shift:+.1f}",
            "unit": _UNITS[each.quantity],
            "since": each.since.isoformat(),
            "moved": each.moved,
            "homes": each.homes,
            "found": each.found_on.isoformat(),
        }
        for each in findings
    ]
