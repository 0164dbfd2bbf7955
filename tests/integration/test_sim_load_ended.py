"""`sim load` ended from outside leaves nothing; homes too few for a rate are told so."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from firmware_sim.hub_lane import WINDOW
from firmware_sim.load import LoadPlan
from service.lab.load_command import table
from service.lab.load_run import load_own_county

pytestmark = [pytest.mark.slow, pytest.mark.peer]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("moment", ["starting broker", "homes connected"])
@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_children_and_removes_the_folder(
    open_folder: Path, moment: str, name: signal.Signals
) -> None:
    words = ["sim", "load", "--homes", "3", "--rate", "5", "--seconds", "100"]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "service.cli", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(open_folder)},  # noqa: TID251 - a child's surroundings
    )
    assert process.stderr is not None
    with process:
        said = next(line for line in process.stderr if moment in line)
        children = psutil.Process(process.pid).children(recursive=True)
        while moment == "starting broker" and not list(open_folder.rglob("cluster.new")):
            time.sleep(0.01)  # until the database's files are being made
        assert list(open_folder.iterdir()), said
        process.send_signal(name)
        last = process.stderr.read()
    assert last.splitlines()[-1] == f"ended by {name.name}"
    assert process.returncode == 128 + name
    assert list(open_folder.iterdir()) == []
    _, alive = psutil.wait_procs(children, timeout=0)
    assert not alive
    assert moment == "starting broker" or len(children) >= 3


@pytest.mark.row("S10")
@pytest.mark.timeout(150)
async def test_two_homes_at_a_high_rate_end_and_say_why_it_took_so_long(
    open_folder: Path,
) -> None:
    # Far more than two lanes can be receipted on the quickest machine.
    plan = LoadPlan(homes=2, people_per_home=20, rate_per_s=2000, backlog_share=0.0, seconds=2)
    said: list[str] = []
    figures = await load_own_county(open_folder, plan, said.append)
    assert figures.all_receipted
    assert figures.report.held == 0
    assert 0 < figures.held_back <= figures.report.published - 2 * WINDOW
    assert f"waited in their hubs         {figures.held_back:>9}" in table(figures)
    (told,) = [line for line in said if "publishing has ended" in line]
    assert "waiting 90 s at most" in told
    assert f"at most {WINDOW} unreceipted messages a lane" in told
