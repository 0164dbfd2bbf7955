"""Ways to reach people: one file a channel behind the protocol in `notifier.py`."""
