"""`hearthwatch hub enrol --county URL`: let this hub into a county, with a code and no typing here.

Shows a code, a QR code of the county's page with it, and the fingerprint of the hub's key, in the
terminal and on the hub's local page; waits until an administrator has decided; keeps the answer.
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator
from importlib.metadata import version
from pathlib import Path

from gateway import hub_enrol_page, hub_page
from gateway.clock import ProcessClock, WallClock
from gateway.hub_county import Codes, CountyLine, CountyRefusedError, CountyUnreachableError
from gateway.hub_identity import Enrolled, IdentityError, IdentityFolder, in_groups
from gateway.hub_settings import hub_place

EXIT_SETTINGS = 2
EXIT_REFUSED = 3
EXIT_FAILED = 5

_SLOWER_S = 5.0  # RFC 8628 §3.5
_AWAY_S = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--county", required=True, help="address of the county's pages, https://…")
    parser.add_argument("--data-dir", type=Path, help="the hub's data folder")
    parser.add_argument(
        "--page-port", type=int, help="show the code on 127.0.0.1 too (0: any free port)"
    )
    parser.add_argument("--ca-file", help="authority of the county's pages, if not a public one")
    parser.add_argument("--again", action="store_true", help="also when this hub is enrolled")


def run(arguments: argparse.Namespace) -> int:
    """Enrol; 0 when in, 2 for unusable arguments, 3 when turned away, 5 when it cannot be done."""
    place = hub_place()
    folder = IdentityFolder(arguments.data_dir or place.data_dir)
    try:
        known = folder.read()
        if known is not None and not arguments.again:
            sys.stderr.write(f"this hub is {known.hub} of {known.county}; --again starts over\n")
            return EXIT_SETTINGS
        line = CountyLine(url=arguments.county.rstrip("/"), ca_file=arguments.ca_file)
        serving = _showing(arguments.page_port, place.language)
        enrolled = asyncio.run(_enrol(folder, line, serving))
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_SETTINGS
    except CountyRefusedError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_REFUSED
    except (IdentityError, CountyUnreachableError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_FAILED
    sys.stdout.write(f"this hub is {enrolled.hub}; start it with: hearthwatch hub\n")
    return 0


class _Showing:
    """Where the code is shown: the terminal always, a local page when a port was given."""

    def __init__(self, port: int | None, language: str) -> None:
        self._port = port
        self._language = language

    @contextlib.asynccontextmanager
    async def showing(self, codes: Codes, fingerprint: str) -> AsyncGenerator[None]:
        """Show until the end of the block."""
        sys.stdout.write(hub_enrol_page.for_terminal(codes, in_groups(fingerprint)))
        if self._port is None:
            sys.stdout.flush()
            yield
            return

        async def page(language: str) -> str:
            return hub_enrol_page.render(codes, in_groups(fingerprint), language)

        serving = hub_page.serve(port=self._port, language=self._language, page=page)
        async with serving as port:
            sys.stdout.write(f"http://127.0.0.1:{port}/\n")
            sys.stdout.flush()
            yield


def _showing(port: int | None, language: str) -> _Showing:
    return _Showing(port, language)


async def _enrol(folder: IdentityFolder, line: CountyLine, showing: _Showing) -> Enrolled:
    clock = WallClock()
    request, fingerprint = folder.request()
    codes = await line.apply(request, version("hearthwatch"))
    async with showing.showing(codes, fingerprint):
        answer = await wait_for_decision(line, codes, clock)
    folder.keep(answer, line.url, line.ca_file)
    return answer


async def wait_for_decision(line: CountyLine, codes: Codes, clock: ProcessClock) -> Enrolled:
    """Ask until an administrator has decided.

    Raises:
        CountyRefusedError: turned away, or nobody decided in time.
    """
    interval_s = codes.interval
    while True:
        await clock.pause(interval_s)
        try:
            return await line.poll(codes.device_code)
        except CountyUnreachableError as error:
            sys.stderr.write(f"{error}; trying again\n")
            await clock.pause(_AWAY_S)
        except CountyRefusedError as error:
            if error.reason == "slow_down":
                interval_s += _SLOWER_S
            elif error.reason != "authorization_pending":
                raise
