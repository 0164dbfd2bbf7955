"""What breaks somebody's series: another device of the same kind, or other medicines."""

from datetime import UTC, datetime

from device_adapters.ble.quirks import MODELS
from gateway.county import County
from gateway.facts import BindingFact, MarkFact
from gateway.store.inbox_store import InboxStore
from rules.vocabulary import Profile

BY_CORE = "core"
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


async def device_mark(
    binding: BindingFact, county: County, inbox: InboxStore, now: datetime
) -> MarkFact | None:
    """The mark that a new binding makes, None where it changes nothing that was learned.

    A first device breaks no series, nor does a meter beside a cuff. Where a model is not known to
    us it may be another of the same kind, and the series is marked: a mark only adds a sentence.
    """
    if not county.states.gather(binding.subject).row["readings"].any():
        return None
    others = await inbox.other_devices(binding.subject, binding.device)
    kind = _kind(binding.device)
    if not any(kind is None or _kind(other) in {kind, None} for other in others):
        return None
    since = binding.valid_from if binding.valid_from > _LONG_AGO else now
    return MarkFact(
        subject=binding.subject,
        change="device",
        at=since,
        by=BY_CORE,
        detail=_model(binding.device),
    )


def drug_mark(
    before: Profile | None, after: Profile, county: County, now: datetime
) -> MarkFact | None:
    """The mark that another list of drugs makes, None where nothing was learned or none was known.

    When the person began or stopped is not told with a list: it is taken for now.
    """
    known = before.drug_classes if before is not None else None
    if known is None or after.drug_classes in {None, known}:
        return None
    if not county.states.gather(after.subject).row["readings"].any():
        return None
    return MarkFact(subject=after.subject, change="drug", at=now, by=BY_CORE)


def _kind(device: str) -> str | None:
    known = MODELS.get(_model(device))
    return known.kind if known else None


def _model(device: str) -> str:
    """The model in a device key, `manufacturer/model/serial`."""
    return device.split("/")[1] if device.count("/") > 1 else ""
