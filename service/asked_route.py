"""Of what an alert would be whose route somebody asks: a rule of this county, or a priority."""

from collections.abc import Mapping
from dataclasses import dataclass

from rules.vocabulary import Priority
from service.alerts.rule_routes import USUAL_ROUTE, RuleRoute
from service.store.care_store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRoute:
    """How urgent it is, whether nothing moves it, what its rule says of its route.

    `rings` is false of a rule that rings for nobody now: in shadow, at rest or unsigned.
    """

    priority: Priority
    undampable: bool = False
    route: RuleRoute = USUAL_ROUTE
    rings: bool = True


async def asked_route(
    store: Store, word: str, routes: Mapping[str, RuleRoute]
) -> AskedRoute | None:
    """A rule of the packs that hold in this county, shipped or rolled out; or a priority; or none.

    Raises:
        PackError: the county's packs cannot be read.
    """
    packs = (await store.packs_now()).packs
    pulse = await store.core_pulse()
    unsigned = pulse is None or pulse.unsigned_ring is not False  # unknown: as in a demo
    ringing = {rule.id for rule in packs.ringing(unsigned=unsigned).rules}
    for rule in packs.beside.rules:
        if rule.id == word:
            return AskedRoute(
                priority=rule.priority,
                undampable=rule.undampable,
                route=routes.get(word, USUAL_ROUTE),
                rings=word in ringing,
            )
    try:
        return AskedRoute(priority=Priority.from_word(word))
    except KeyError:
        return None


async def rules_to_ask(store: Store) -> list[str]:
    """The ids of the rules that can be asked for.

    Raises:
        PackError: the county's packs cannot be read.
    """
    return sorted(rule.id for rule in (await store.packs_now()).packs.beside.rules)
