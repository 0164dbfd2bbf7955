"""Pairs the homes' own devices at the first start, the way a patient's page does it."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from gateway.hub_status import decode_status
from service.lab.control import Order, order
from service.lab.lab_store import LabStore
from service.store.care_store import Store
from service.store.records import Account

_LOOK_EVERY_S = 0.03
_PATIENCE_S = 30.0


class PairingError(Exception):
    """A home's device could not be paired; the text names the login and the state it got to."""


async def pair_own_device(
    folder: Path, store: Store, lab: LabStore, login: str, now: Callable[[], datetime]
) -> None:
    """Put the device of `login` into pairing mode and let the page's calls pair it.

    Raises:
        PairingError: it failed, or took longer than half a minute.
        OrderError: the homes do not answer.
    """
    known = await store.credentials(login)
    if known is None:
        raise PairingError(f"{login} has no account")
    (address,) = await order(folder, Order(do="pairing_mode", person=login))
    session = await store.request_pairing(known.account, now())
    state = "requested"
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while address not in await _candidates(  # noqa: ASYNC110 - what the page does
                store, known.account, now()
            ):
                await asyncio.sleep(_LOOK_EVERY_S)
            await store.confirm_pairing(known.account, address, None, now())
            while state != "paired":
                await asyncio.sleep(_LOOK_EVERY_S)
                progress = await lab.pairing(session)
                state = state if progress is None else progress.state
                if progress is not None and progress.state == "failed":
                    raise PairingError(f"{login}: pairing failed: {progress.cause}")
    except TimeoutError:
        raise PairingError(f"{login}: pairing stayed {state}") from None


async def _candidates(store: Store, account: Account, now: datetime) -> set[str]:
    body = (await store.pairing_state(account, now)).status
    report = None if body is None else decode_status(body.encode()).pairing
    return set() if report is None else {candidate.address for candidate in report.candidates}
