"""What proves who somebody is: `authority.py` signs hubs' keys, `codes.py` makes one-time codes."""
