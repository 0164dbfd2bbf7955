"""Third part of `hearthwatch bench adapters`: from unboxing a device to the patient's first chart.

A patient who has no device yet is signed in. The device is put into pairing mode (the clock starts
with that advertisement), the patient presses Start, presses "this is my device", and measures once.
The walk is the real one: hub with adapter and spool, broker, core, PostgreSQL, service, its pages
asked as a browser asks them. It ends when the patient's page has the chart with the reading.

Keystrokes are counted, not assumed: characters of form fields that a person has to type. The peer
is bare bumble: bond, connect, take one value.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import httpx2
import msgspec
from pydantic import SecretStr

from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.identity import Identity
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import PERIPHERALS
from firmware_sim.profiles.names import Profile
from gateway.clock import WallClock
from gateway.hub import Hub, RunningHub
from gateway.hub_settings import HubSettings, TimeSource
from service.lab.bare_radio import bare_transfer, bond
from service.lab.bench_county import BenchCounty, bench_county, children_of
from service.lab.bench_stages import BenchError
from service.lab.children import Children

AIM_P95_S = 20.0
"""Machine time for which a person waits at most (issue 4)."""

TRIALS = 5
_NUMBERS = {
    Profile.BLOOD_PRESSURE: 0x2A35,
    Profile.GLUCOSE: 0x2A18,
    Profile.CGM: 0x2AA7,
    Profile.THERMOMETER: 0x2A1C,
    Profile.PULSE_OXIMETER: 0x2A5E,
    Profile.WEIGHT_SCALE: 0x2A9D,
    Profile.BODY_COMPOSITION: 0x2A9C,
    Profile.HEART_RATE: 0x2A37,
}
_ASKED = frozenset({Profile.GLUCOSE, Profile.CGM, Profile.PULSE_OXIMETER})
_RADIO, _PEER_RADIO, _DEVICE = "C0:FF:EE:00:00:01", "C0:FF:EE:00:00:02", "C0:00:00:00:00:01"
_LOOK_EVERY_S = 0.03
_PATIENCE_S = 60.0


class Unboxing(msgspec.Struct, frozen=True, kw_only=True):
    """One profile: seconds from the advertisement to the chart."""

    profile: str
    trials: int
    median_s: float
    p95_s: float
    keystrokes: int
    presses: int
    bare_s: float
    ratio: float


class UnboxReport(msgspec.Struct, frozen=True, kw_only=True):
    """All profiles of Bluetooth devices; `ratio` is the median to bare bumble's."""

    profiles: list[Unboxing]
    aim_p95_s: float


@dataclass(slots=True)
class _Person:
    """A patient at the own page: what was pressed and typed."""

    client: httpx2.AsyncClient
    presses: int = 0
    keystrokes: int = 0

    async def press(self, path: str, **typed: str) -> None:
        """Press a form's button; `typed` are the fields that a person fills in."""
        self.presses += 1
        self.keystrokes += sum(map(len, typed.values()))
        await self._post(path, typed)

    async def choose(self, path: str, **hidden: str) -> None:
        """Press a button whose form holds everything already."""
        self.presses += 1
        await self._post(path, hidden)

    async def sees(self, path: str, text: str) -> None:
        """Return once the page says it."""
        while text not in (await self.client.get(path)).text:  # noqa: ASYNC110 - as a browser asks
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _post(self, path: str, fields: dict[str, str]) -> None:
        answer = await self.client.post(path, data=fields, headers={"HX-Request": "true"})
        if not answer.is_success:
            raise BenchError(f"{path} answered {answer.status_code}")


async def bench_unbox(
    folder: Path, trials: int = TRIALS, profiles: Sequence[Profile] = tuple(PERIPHERALS)
) -> UnboxReport:
    """Unbox so many devices of each profile, each by another patient, in an empty directory.

    Raises:
        BenchError: something did not come within a minute.
    """
    async with (
        bench_county(folder, people=0, homes=trials * len(profiles)) as county,
        Children(folder / "logs", _quiet) as children,
    ):
        for child in children_of(county):
            if child.name != "hub":
                children.start(child)
        await _until_up(county.url)
        homes = iter(county.homes)
        found = [
            await _unboxing(county, profile, [next(homes) for _ in range(trials)])
            for profile in profiles
        ]
    return UnboxReport(profiles=found, aim_p95_s=AIM_P95_S)


async def _unboxing(county: BenchCounty, profile: Profile, homes: Sequence[str]) -> Unboxing:
    took_s: list[float] = []
    bare_s: list[float] = []
    people: list[_Person] = []
    for hub in homes:
        try:
            async with asyncio.timeout(_PATIENCE_S), _signed_in(county, hub) as person:
                took_s.append(await _unbox(county, hub, profile, person))
                bare_s.append(await _bare(profile))
        except TimeoutError:
            raise BenchError(f"{profile.value}: nothing came within {_PATIENCE_S:g} s") from None
        people.append(person)
    return Unboxing(
        profile=profile.value,
        trials=len(homes),
        median_s=round(median(took_s), 2),
        p95_s=round(_p95(took_s), 2),
        keystrokes=max(person.keystrokes for person in people),
        presses=max(person.presses for person in people),
        bare_s=round(median(bare_s), 3),
        ratio=round(median(took_s) / median(bare_s), 1),
    )


def _p95(took_s: Sequence[float]) -> float:
    if len(took_s) < 2:  # noqa: PLR2004 - a percentile needs two
        return took_s[0]
    return quantiles(took_s, n=20, method="inclusive")[18]


async def _unbox(county: BenchCounty, hub: str, profile: Profile, person: _Person) -> float:
    clock, link = WallClock(), VirtualLink()
    async with (
        VirtualRadio(link, _RADIO) as radio,
        _hub(county, hub, radio),
        PERIPHERALS[profile](link, _plate(hub), strict_pairing=True) as device,
    ):
        await person.sees("/patient/pairing", 'id="pairing-start"')
        await device.pairing_mode(at=clock.now())
        began_s = time.perf_counter()
        await person.press("/patient/pairing/start")
        await person.sees("/patient/pairing", device.identity.address)
        await person.choose("/patient/pairing/confirm", address=device.identity.address)
        await person.sees("/patient/pairing", 'data-state="paired"')
        await device.measure_typical(clock.now())
        await person.sees("/patient/readings", "data-chart=")
        return time.perf_counter() - began_s


async def _bare(profile: Profile) -> float:
    clock, link = WallClock(), VirtualLink()
    async with (
        VirtualRadio(link, _PEER_RADIO) as radio,
        PERIPHERALS[profile](link, _plate("peer")) as device,
    ):
        began_s = time.perf_counter()
        await bond(radio, device, clock)
        await device.measure_typical(clock.now())
        asked = profile in _ASKED
        await bare_transfer(radio, device, _NUMBERS[profile], records=1, asked=asked)
        return time.perf_counter() - began_s


@asynccontextmanager
async def _hub(county: BenchCounty, hub: str, radio: VirtualRadio) -> AsyncGenerator[RunningHub]:
    settings = HubSettings(
        hub_id=hub,
        secret_hex=SecretStr(county.hub_secret),
        data_dir=county.folder / hub,
        time_source=TimeSource.ALWAYS,
        page_port=0,  # as a home's hub has one: it speaks to the patient through it
        broker_host=county.broker.host,
        broker_port=county.broker.port,
        broker_password=SecretStr(county.broker.credentials(hub).password),
    )
    running = Hub(
        settings,
        WallClock(),
        scanner_backend=radio.scanner_backend,
        client_backend=radio.client_backend,
    )
    async with running as here:
        yield here


@asynccontextmanager
async def _signed_in(county: BenchCounty, login: str) -> AsyncGenerator[_Person]:
    async with httpx2.AsyncClient(
        base_url=county.url, headers={"Origin": county.url}, timeout=_PATIENCE_S
    ) as client:
        body = {"login": login, "password": county.password}
        answer = await client.post("/api/login", json=body)
        if not answer.is_success:
            raise BenchError(f"the login answered {answer.status_code}")
        yield _Person(client)


def _plate(serial: str) -> Identity:
    return Identity(
        manufacturer="Hearth", model="B-1", serial=serial, address=_DEVICE, name="SIM-B"
    )


async def _until_up(url: str) -> None:
    async with httpx2.AsyncClient(base_url=url) as client, asyncio.timeout(_PATIENCE_S):
        while True:
            try:
                if (await client.get("/healthz")).is_success:
                    return
            except httpx2.TransportError:
                pass
            await asyncio.sleep(_LOOK_EVERY_S)


def _quiet(_text: str) -> None:
    """What a child says goes to its log."""


def table(report: UnboxReport) -> list[str]:
    """The report as lines for a terminal."""
    head = f"unbox to first chart, p95 aim {report.aim_p95_s:g} s"
    lines = [f"{head:<40}median   p95     bare   ratio  typed  pressed"]
    lines += [
        f"  {one.profile:<38}"
        f"{one.median_s:>6.2f}  {one.p95_s:>5.2f}  {one.bare_s:>6.3f}  {one.ratio:>6.1f}"
        f"  {one.keystrokes:>5}  {one.presses:>7}"
        for one in report.profiles
    ]
    return lines
