"""The turns that a batch may meet: read only when something comes from a clinic's hub."""

from gateway.county import County
from gateway.intake import Quarantined
from gateway.sorting import Batch
from gateway.store.core_store import CoreStore
from gateway.turns import TURN, Turns
from rules.vocabulary import HubId


async def turns_of(batch: Batch, county: County, store: CoreStore) -> Turns:
    """Whose turn it was at the clinics of this batch while its readings were received."""
    heard = [
        item.content
        for item in batch.arrivals
        if not isinstance(item.content, Quarantined) and _is_clinic(item.content.hub, county)
    ]
    if not heard:
        return Turns()
    received = [observation.received_at for observation in heard]
    hubs = {observation.hub for observation in heard}
    held, used = await store.settling.turns(hubs, min(received), max(received), TURN)
    return Turns(
        held=held, used={(use.hub, use.begins_at, use.device): use.identity for use in used}
    )


def _is_clinic(hub: HubId, county: County) -> bool:
    home = county.hubs.get(hub)
    return home is not None and home.clinic is not None
