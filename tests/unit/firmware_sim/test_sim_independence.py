"""The simulator is a witness of its own: importing all of it loads no package of ours."""

import subprocess
import sys

_PROBE = """
import importlib, pkgutil, sys
import firmware_sim
names = [m.name for m in pkgutil.walk_packages(firmware_sim.__path__, "firmware_sim.")]
for name in names:
    importlib.import_module(name)
ours = {"rules", "device_adapters", "gateway", "service"}
print(len(names), *sorted(name for name in sys.modules if name.split(".")[0] in ours))
"""


def test_importing_every_module_loads_no_package_of_ours() -> None:
    run = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", _PROBE], capture_output=True, text=True, check=True, timeout=60
    )
    count, *foreign = run.stdout.split()
    assert int(count) > 20
    assert foreign == []
