"""A doctor's own limits of glucose for one person, as card and chart say them."""

from collections.abc import Mapping

from service.web.language import mark, say

OWN_GLUCOSE: Mapping[str, str] = {
    "glucose": mark("own target: %(limit)g mmol/L"),
    "glucose_high": mark("own limit of very high: %(limit)g mmol/L"),
}
"""What is said of each limit (mmol/L), by its name in `Profile.targets`."""


def own_glucose(targets: Mapping[str, float], language: str) -> str:
    """The own limits among `targets` in one line, such as "own target: 7 mmol/L"; "" of none."""
    return " · ".join(
        say(language, text) % {"limit": targets[name]}
        for name, text in OWN_GLUCOSE.items()
        if name in targets
    )
