"""What every route and every worker of this process is handed: one frozen bundle, no globals."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.requests import Request

from gateway.clock import Clock
from service.alerts.priorities import shipped_routes
from service.alerts.rule_routes import RuleRoute
from service.blind import Board
from service.enrolment.desk import EnrolmentDesk
from service.live import LiveBus
from service.notify.under_way import UnderWay
from service.settings import ServiceSettings
from service.store.care_store import Store
from service.turned_away import TurnedAway


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts of a running service; their lifetimes belong to whoever built the bundle.

    `enrolment` is None where the county lets hubs in by hand. `routes` is what single rules say of
    theirs, by rule id. `under_way` is the one turn of whatever
    leaves the house, `turned_away` counts whom nobody knew.
    """

    settings: ServiceSettings
    clock: Clock
    store: Store
    bus: LiveBus
    enrolment: EnrolmentDesk | None = None
    board: Board = field(default_factory=Board)
    routes: Mapping[str, RuleRoute] = field(default_factory=shipped_routes)
    under_way: UnderWay = field(default_factory=UnderWay)
    turned_away: TurnedAway = field(default_factory=TurnedAway)


def services_of(request: Request) -> Services:
    """The bundle that `create_app` was given.

    Raises:
        TypeError: the application was built some other way.
    """
    services: object = request.app.state.services
    if not isinstance(services, Services):
        raise TypeError("the application carries no Services")
    return services
