"""What every test may ask for. Nothing here starts a process until a test asks for it."""

import gc

import pytest
from hypothesis import settings

# A shared machine pauses a test for longer than any deadline would allow.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

pytest_plugins = ["tests.fixtures.browser", "tests.fixtures.broker", "tests.fixtures.database"]

_ROW = "feature row"
_ROWS = pytest.StashKey["Rows"]()


class Rows:
    """Which feature rows this run proved; fed by reports, which come from every worker process."""

    def __init__(self) -> None:
        self._proven: dict[str, bool] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A row is proven when every test that names it passed."""
        # The name comes from pytest-rerunfailures; what becomes of it a report of its own tells.
        again = str(report.outcome) == "rerun"
        if again or (report.when != "call" and report.passed):
            return
        for name, row in report.user_properties:
            if name == _ROW:
                key = str(row)
                self._proven[key] = report.passed and self._proven.get(key, True)

    def named(self, *, proven: bool) -> str:
        """The rows that were proven, or refuted, in order."""
        found = (row for row, passed in self._proven.items() if passed is proven)
        return " ".join(sorted(found, key=lambda row: (row[:1], len(row), row)))


def pytest_addoption(parser: pytest.Parser) -> None:
    """How many emergencies are injected (`make emergencies`), how many kills (`make kills`)."""
    parser.addoption("--emergencies", default="300", help="how many emergencies are injected")
    parser.addoption("--kills", default="3", help="how often the service is killed")
    parser.addoption("--doctor-days", default="3", help="how many days of alerts are lived through")


def pytest_configure(config: pytest.Config) -> None:
    """Keep one record of the feature rows for the closing lines."""
    config.stash[_ROWS] = Rows()
    config.pluginmanager.register(config.stash[_ROWS])


def pytest_collection() -> None:
    """While everything is imported nothing is garbage: looking took a quarter of the collection."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What was collected stays for the run: the collector passes over it."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test carries the rows it names into its reports."""
    for item in items:
        rows = (row for mark in item.iter_markers("row") for row in mark.args)
        item.user_properties += [(_ROW, row) for row in rows]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say which rows of the feature list this run proved, and which it refuted."""
    rows = config.stash[_ROWS]
    if proven := rows.named(proven=True):
        terminalreporter.write_line(f"rows proven: {proven}")
    if refuted := rows.named(proven=False):
        terminalreporter.write_line(f"rows NOT proven: {refuted}", red=True)
