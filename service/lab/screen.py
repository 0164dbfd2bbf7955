"""What the demo's terminal shows: progress, the address, the logins, one line an alert."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from rules.vocabulary import Priority
from service.lab.lab_store import Sums, Told
from service.lab.seed import ZONE, ShownLogin
from service.web.words import word

_STYLES = {
    Priority.EMERGENCY: "bold white on red",
    Priority.URGENT: "bold red",
    Priority.SOON: "yellow",
    Priority.ROUTINE: "green",
}


class Screen:
    """Writes to a terminal, or plain lines where the output is none."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[day]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._bar: TaskID | None = None

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def begin_replay(self, days: float) -> None:
        """The history begins."""
        self.say(f"重放历史 replaying {days:.1f} simulated days through the whole pipeline ...")
        self._progress.start()
        self._bar = self._progress.add_task("replay", total=1.0, day="")

    def replayed(self, share: float, now: datetime) -> None:
        """So much of the history has been lived, 0 to 1."""
        if self._bar is not None:
            day = f"{now.astimezone(ZONE):%Y-%m-%d %H:%M}"
            self._progress.update(self._bar, completed=share, day=day)

    def end_replay(self) -> None:
        """The history is over, or the demo is."""
        self._progress.stop()

    def summary(self, sums: Sums, *, ticks: int, took_s: float) -> None:
        """What the replay left in the database."""
        self.say(
            f"{sums.readings} readings, {sums.alerts} alerts, {sums.quarantined} quarantined "
            f"messages stored; {ticks} instants in {took_s:.1f} s"
        )

    def logins(self, url: str, logins: Sequence[ShownLogin]) -> None:
        """The address of the pages and who may sign in there."""
        table = Table(title="演示账号 demo logins (this data directory only)")
        for heading in ("角色 role", "姓名 name", "账号 login", "密码 password"):
            table.add_column(heading, no_wrap=True)
        for one in logins:
            if one.shown:
                table.add_row(one.role.replace("_", " "), one.name, one.login, one.password)
        self._console.print(table)
        self.say(f"医生工作台 doctor's page: {url}/doctor")
        self.say(f"登录 sign in:            {url}/login")

    def alert(self, people: Iterable[Told]) -> None:
        """One line for one ring of one alert."""
        told = sorted(people, key=lambda one: one.login)
        first = told[0]
        style, code = _STYLES[first.priority], first.priority.name.lower()
        # The pages' own word: somebody compares this line with what the browser shows.
        said = f"{word('zh', 'priority', code)} {code}"
        names = ", ".join(f"{one.staff_name}({one.login})" for one in told)
        when = f"{first.delivered_at.astimezone(ZONE):%H:%M:%S}"
        self._console.print(
            f"{when} [{style}]{said}[/] {first.rule_id}/{first.stage} {first.subject_name}"
            f" -> {names} (page)",
            highlight=False,
            soft_wrap=True,
        )
