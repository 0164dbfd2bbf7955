"""Routes that answer with pages, one file a role. Open `doctor.py` first."""
