"""Everything that can go wrong, one row a kind, and how it is done to a simulated device.

Open `table.py` first (all rows, who they apply to), then `kind.py` (what a row says). Rows stand
beside their injections: `on_link.py`, `on_transfer.py`, `on_frames.py`, `on_values.py`,
`on_time.py`, `on_messages.py`. `docs/faults.md` is printed from the table.
"""
