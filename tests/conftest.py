"""What every test may ask for. Nothing here starts a process until a test asks for it."""

from collections.abc import Generator

import pytest
from hypothesis import settings

# A shared machine pauses a test for longer than any deadline would allow.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

pytest_plugins = ["tests.fixtures.browser", "tests.fixtures.broker", "tests.fixtures.database"]

_ROWS = pytest.StashKey[dict[str, bool]]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep one record of the feature rows for the closing lines."""
    config.stash[_ROWS] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A row is proven when every test that names it passed."""
    report = yield
    rows = item.config.stash[_ROWS]
    for mark in item.iter_markers("row"):
        for row in mark.args:
            if report.when == "call" or not report.passed:
                rows[row] = report.passed and rows.get(row, True)
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say which rows of the feature list this run proved, and which it refuted."""
    rows = config.stash[_ROWS]
    named = sorted(rows, key=lambda row: (row[:1], len(row), row))
    proven = [row for row in named if rows[row]]
    failed = [row for row in named if not rows[row]]
    if proven:
        terminalreporter.write_line(f"rows proven: {' '.join(proven)}")
    if failed:
        terminalreporter.write_line(f"rows NOT proven: {' '.join(failed)}", red=True)
