"""The pages: what each user and the administrator sees. Open `pages/doctor.py` first.

A page module reads the store, a view module (`why_card.py`, `county_view.py`, `chart.py`) turns
records into what is said, a template says it in zh or en. Everything a browser loads comes from
`static/`; no script or style stands inside a page.
"""
