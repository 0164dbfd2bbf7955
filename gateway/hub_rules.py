"""The rules that a county's hubs run, as part of their signed command.

A hub ships with the first pack and runs it until the core sends other rules: a county that signs,
changes or withdraws a rule reaches its hubs without an update of their software.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import msgspec

from rules.pack import Pack, rule_from_raw


class HubRulesError(ValueError):
    """The rules in a command cannot be run; the text says which and why."""


class HubRules(msgspec.Struct, frozen=True, kw_only=True):
    """Rules marked `runs_on: hub` as canonical JSON, with their pack's name, version and targets.

    Attributes:
        pack: Name of the pack.
        version: Its version.
        rules: One canonical JSON text a rule, in the pack's order.
        targets: Limit of each quantity without a personal one, as text in its canonical unit.
        none_ring: The county means it where `rules` is empty: nobody has signed one yet.
    """

    pack: str
    version: int
    rules: tuple[str, ...]
    targets: Mapping[str, str]
    none_ring: bool = False


class WornLimits(msgspec.Struct, frozen=True, kw_only=True):
    """A doctor's limits for whoever wears a device; they go before the pack's targets.

    Attributes:
        device: Key of the device.
        user_slot: Which of its users, None for all of them.
        limits: Limit of each quantity in its canonical unit.
    """

    device: str
    user_slot: int | None
    limits: Mapping[str, Decimal]


def limits_worn(
    worn: Sequence[WornLimits], device: str, user_slot: int | None
) -> Mapping[str, Decimal]:
    """The limits of whoever measured with this slot; who was named for the very slot is meant."""
    mine = [w for w in worn if w.device == device and w.user_slot in {None, user_slot}]
    exact = [w for w in mine if w.user_slot is not None]
    return {name: limit for one in exact or mine for name, limit in one.limits.items()}


def rules_for_hubs(pack: Pack, *, may_be_none: bool = False) -> HubRules:
    """What a core that runs `pack` sends to its hubs; `may_be_none`: no rule is no mistake."""
    hub = pack.for_hub()
    return HubRules(
        pack=hub.name,
        version=hub.version,
        rules=tuple(rule.raw for rule in hub.rules),
        targets={name: str(value) for name, value in hub.targets.items()},
        none_ring=may_be_none and not hub.rules,
    )


def pack_of(sent: HubRules, shipped: Pack) -> Pack:
    """The pack that a hub runs when it was sent `sent`; the rest is as in its `shipped` pack.

    Raises:
        HubRulesError: a rule is not one that this version of the program can run.
    """
    try:
        targets = {name: Decimal(value) for name, value in sent.targets.items()}
        rules = tuple(rule_from_raw(raw, targets) for raw in sent.rules)
    except (ValueError, ArithmeticError) as error:
        raise HubRulesError(f"{sent.pack} {sent.version}: {error}") from error
    if not rules and not sent.none_ring:
        raise HubRulesError(f"{sent.pack} {sent.version}: no rule at all")
    return replace(shipped, name=sent.pack, version=sent.version, rules=rules, targets=targets)
