"""Tools for whoever writes, agrees to or reviews rules; open `changes.py` first."""
