"""A running hub's own renewal: from two thirds of its certificate's life on, until it succeeds."""

from pathlib import Path

import structlog

from gateway.clock import ProcessClock
from gateway.hub_county import CountyLine, CountyRefusedError, CountyUnreachableError
from gateway.hub_identity import Identity, IdentityError, IdentityFolder

_log = structlog.get_logger()

_LOOK_EVERY_S = 3600.0


async def renew(folder: IdentityFolder, identity: Identity) -> Identity:
    """Fetch and keep the next certificate of this hub's key.

    Raises:
        CountyUnreachableError: no usable answer; try again later.
        CountyRefusedError: shut out, or away for more than a year: enrol again.
        IdentityError: a file cannot be read or written.
    """
    request, _ = folder.request()
    line = CountyLine(url=identity.county, ca_file=identity.county_ca)
    return folder.keep_renewed(identity, await line.renew(request))


async def keep_renewed(data_dir: Path, clock: ProcessClock) -> None:
    """Look every hour whether it is time; a connection that is open is not disturbed.

    A hub without the time after a power cut renews too early or an hour late, never too seldom.
    """
    folder = IdentityFolder(data_dir)
    said = ""
    while True:
        said = await _look(folder, clock, said)
        await clock.pause(_LOOK_EVERY_S)


async def _look(folder: IdentityFolder, clock: ProcessClock, said: str) -> str:
    """Renew when it is time; returns the fault that was logged last, so that it is told once."""
    try:
        identity = folder.read()
        if identity is None or clock.now() < identity.renew_at:
            return ""
        renewed = await renew(folder, identity)
    except (CountyUnreachableError, CountyRefusedError, IdentityError) as error:
        if str(error) != said:
            _log.warning("certificate not renewed", reason=str(error))
        return str(error)
    _log.info("certificate renewed", hub=renewed.hub, expires_at=renewed.expires_at.isoformat())
    return ""
