"""What `make test-bluez` starts is in order: checked in every run, which has no kernel to build."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BENCH = ROOT / "deploy" / "bluez"
SCRIPTS = sorted(BENCH.glob("*.sh"))
_LINE = re.compile(r"CONFIG_(\w+)=y|# CONFIG_(\w+) is not set")
_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
# without these the kernel has no adapter to plug in, or no security manager
_PAIRING = {"BT", "BT_LE", "BT_HCIVHCI", "CRYPTO_AES", "CRYPTO_CMAC", "CRYPTO_ECDH"}


def run(*command: str) -> str:
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_can_be_read_and_started(script: Path) -> None:
    assert os.access(script, os.X_OK)
    run("bash", "-n", str(script))


def test_the_target_starts_the_bench_as_often_as_it_is_told() -> None:
    planned = run("make", "--dry-run", "test-bluez", "RUNS=5")
    assert "deploy/bluez/run.sh" in planned
    assert 'RUNS="5"' in planned
    assert {path.name for path in SCRIPTS} == {
        "build-kernel.sh",
        "guest-init.sh",
        "guest.sh",
        "install-packages.sh",
        "run.sh",
    }


def test_the_kernels_configuration_names_every_option_once_and_all_that_pairing_needs() -> None:
    lines = (BENCH / "kernel.config").read_text("utf-8").splitlines()
    options = [line for line in lines if line and not re.match(r"# (?!CONFIG_)", line)]
    read = [_LINE.fullmatch(line) for line in options]
    assert None not in read
    on = [hit[1] for hit in read if hit and hit[1]]
    off = [hit[2] for hit in read if hit and hit[2]]
    assert len({*on, *off}) == len(options)
    assert set(on) >= _PAIRING


@pytest.mark.parametrize("patch", sorted(BENCH.glob("*.patch")), ids=lambda path: path.name)
def test_a_patch_says_why_and_counts_its_lines(patch: Path) -> None:
    why, *hunks = re.split(r"(?m)^(?=@@ )", patch.read_text("utf-8"))
    assert len(why.split("--- a/")[0].split()) > 20
    assert hunks
    for hunk in hunks:
        head, *body = hunk.splitlines()
        counts = _HUNK.match(head)
        assert counts is not None
        assert sum(line[:1] != "+" for line in body) == int(counts[1] or 1)
        assert sum(line[:1] != "-" for line in body) == int(counts[2] or 1)


@pytest.mark.slow
def test_the_scenarios_can_be_imported_and_are_not_part_of_an_ordinary_run() -> None:
    collect = (sys.executable, "-m", "pytest", "-q", "--collect-only", "--confcutdir=tests/bluez")
    found = run(*collect, "-o", "python_files=scenario_*.py", "tests/bluez")
    assert len(re.findall(r"^tests/bluez/scenario_\w+\.py::test_", found, re.MULTILINE)) >= 15
    ordinary = subprocess.run((*collect, "tests/bluez"), cwd=ROOT, capture_output=True, check=False)  # noqa: S603 - our own words
    assert ordinary.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
