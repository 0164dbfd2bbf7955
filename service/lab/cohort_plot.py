"""The plot and the table of a cohort beside published figures, written into the cohort's folder."""

from pathlib import Path

from firmware_sim.cohort.folder import read_cohort
from firmware_sim.cohort.verdicts import judge, markdown

PLOT, TABLE = "comparison.svg", "comparison.md"


def plot_cohort(folder: Path) -> Path:
    """Compare the cohort in this folder with published figures; returns the plot's path.

    Writes `comparison.svg` and, beside it, `comparison.md` with every published figure and its
    source. The same cohort gives the same bytes. Memory holds one person's readings at a time.

    Raises:
        CohortFolderError: When the folder holds no cohort.
    """
    # matplotlib takes a second to load: whoever wants no plot does not pay for it.
    from service.lab.cohort_panels import draw  # noqa: PLC0415

    cohort = read_cohort(folder)
    verdicts = judge(cohort.comparison.figures())
    agreeing = sum(verdict.agrees for verdict in verdicts)
    title = (
        f"Simulated cohort beside published figures: {cohort.people} people, "
        f"{cohort.comparison.days} days from {cohort.first}; purpose {cohort.purpose}, "
        f"seed {cohort.seed}; {agreeing} of {len(verdicts)} figures agree"
    )
    (folder / TABLE).write_text(f"{title}\n\n{markdown(verdicts)}", encoding="utf-8")
    draw(cohort.comparison, verdicts, title, folder / PLOT)
    return folder / PLOT
