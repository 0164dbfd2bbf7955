"""What is said of a file of a backtest that cannot be used."""


class RecordError(ValueError):
    """A file or a line cannot be read; the text says which column and why."""
