"""What rules would have cost: recorded readings lived through again, and told in figures.

Open `recorded.py` first (a file becomes columns), then `figures.py`; what lives through them is
`gateway/rehearsal.py`.
"""
