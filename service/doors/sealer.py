"""Seals the record once a second, ends what has expired, and lets go whom consent let go."""

import asyncio

import structlog

from service.services import Services
from service.store.database import DATABASE_ERRORS

SEAL_EVERY_S = 1.0
SWEEP_EVERY = 10
"""At every tenth round broken glass is mended and collecting stops where consent is gone."""

LOOK_EVERY = 600
"""At every so many rounds somebody looks for texts that a program without keys has written."""

_log = structlog.get_logger()


async def keep_sealing(services: Services) -> None:
    """Until cancelled; a lost database is waited for: what it holds unsealed is sealed afterwards.

    The digest of a seal is logged once an hour: whoever keeps the logs elsewhere keeps with them
    what `hearthwatch audit verify --head` compares.
    """
    healthy, told, rounds = True, "", 0
    sealed_with: str | None = None
    while True:
        try:
            seal = await services.store.seal(services.clock.now())
            if seal is not None and (hour := seal.at.strftime("%Y-%m-%d %H")) != told:
                told = hour
                _log.info("record sealed", seal=seal.number, digest=seal.digest.hex())
            rounds += 1  # what breaks below keeps nothing from being sealed
            if rounds % SWEEP_EVERY == 1:
                await services.store.sweep_glasses(services.clock.now())
                await services.store.stop_collecting(services.clock.now())
                sealed_with = await _reseal(services, sealed_with, rounds - 1)
            if not healthy:
                _log.info("sealing again")
            healthy = True
        except DATABASE_ERRORS as error:
            if healthy:
                _log.warning("sealing waits", error=type(error).__name__)
            healthy = False
        await asyncio.sleep(SEAL_EVERY_S)


async def _reseal(services: Services, settled: str | None, rounds: int) -> str | None:
    """Seals what is plain or under an older key; the key under which nothing is left.

    Once all is, it is looked for again only now and then: whoever writes has the key.
    """
    keys = services.store.pool.keys
    keys.renew()
    if keys.ring.current == settled and rounds % LOOK_EVERY:
        return settled
    return settled if await services.store.reseal() else keys.ring.current
