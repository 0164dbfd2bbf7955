"""The table as a page in Markdown and as data for JSON."""

from collections.abc import Iterable, Mapping

from firmware_sim.faults.kind import FaultKind, Layer
from firmware_sim.faults.table import FAULTS, OUTCOMES, applicable
from firmware_sim.profiles.names import Profile
from firmware_sim.quirks.models import MODELS

_HEAD = """\
# What can go wrong

This page is the output of `hearthwatch sim faults`; do not edit it. The rows stand in
`firmware_sim/faults/`. A test does each of them to every kind of device it can happen to and looks
at the octets that arrive (`tests/integration/faults/test_faults.py`,
`tests/integration/test_message_faults.py`). What the system makes of each Bluetooth pair is
asserted with our adapters, a hub's spool and the core on a real database
(`tests/integration/test_adapter_faults.py`), of the others in the former. In a running demo
`hearthwatch sim fault --person NAME --fault KIND` does it and `--fault none` undoes what lasts.
"""


def markdown() -> str:
    """The whole page, the models behind the table."""
    pairs = len(applicable())
    every = len(FAULTS) * len(Profile)
    counts = (
        f"{len(FAULTS)} kinds x {len(Profile)} profiles: {pairs} pairs can happen,"
        f" {every - pairs} cannot (n/a, with the reason)."
    )
    parts = [_HEAD, counts + "\n", _outcomes()]
    parts += [_layer(layer) for layer in Layer]
    return "\n".join([*parts, _models()])


def _outcomes() -> str:
    rows = [f"| {word} | {meaning} |" for word, meaning in OUTCOMES.items()]
    return "\n".join(["## Outcomes\n", "| outcome | means |", "|---|---|", *rows, ""])


def _layer(layer: Layer) -> str:
    kinds = [kind for kind in FAULTS.values() if kind.layer is layer]
    head = "| fault | what happens | how it is done | outcome in the system | n/a because |"
    rows = [_row(kind) for kind in kinds]
    return "\n".join([f"## {layer.value.capitalize()}\n", head, "|---|---|---|---|---|", *rows, ""])


def _row(kind: FaultKind) -> str:
    cells = (f"`{kind.name}`", kind.says, kind.injected, _grouped(kind.expects))
    absent = _grouped(kind.absent) or "it can happen to all"
    return f"| {' | '.join(cells)} | {absent} |"


def _grouped(texts: Mapping[Profile, str]) -> str:
    """Each text with its profiles behind it, in the order of the profiles."""
    found: dict[str, list[str]] = {}
    for profile in Profile:
        if profile in texts:
            found.setdefault(texts[profile], []).append(profile.value)
    return "<br>".join(f"{text}: {_names(names)}" for text, names in found.items())


def _names(names: Iterable[str]) -> str:
    chosen = list(names)
    ble = [profile.value for profile in Profile if profile.is_ble]
    if chosen[: len(ble)] == ble:
        chosen = ["all of Bluetooth", *chosen[len(ble) :]]
    return ", ".join(chosen)


def _models() -> str:
    head = """\
## Models

`BloodPressureCuff(link, identity, quirk=MODELS["BM85"])` behaves like that model
(`firmware_sim/quirks/`).

| model | maker | profile | evidence |
|---|---|---|---|"""
    rows = [
        f"| {row.model} | {row.maker} | {row.profile.value} | {row.evidence} |"
        for row in MODELS.values()
    ]
    return "\n".join([head, *rows, ""])


def as_data() -> list[dict[str, object]]:
    """One object a kind: name, says, layer, injected, expects, not_applicable."""
    return [
        {
            "name": kind.name,
            "says": kind.says,
            "layer": kind.layer.value,
            "injected": kind.injected,
            "expects": {profile.value: text for profile, text in kind.expects.items()},
            "not_applicable": {
                profile.value: f"n/a because {text}" for profile, text in kind.absent.items()
            },
        }
        for kind in FAULTS.values()
    ]
