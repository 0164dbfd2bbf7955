"""Seeded cohorts: people, what really happens to them, and what their devices show of it.

Open `people.py` first (who they are), then `life.py` (their days), `pressure.py` and `glucose.py`
(what a measurement would show), `readings.py` (all joined, as columns) and `files.py` (written).
Whether they look like real people: `references.py` (what was published), `figures.py` and
`compare.py` (the cohort's own figures), `folder.py` (read back), `verdicts.py` (side by side).
"""
