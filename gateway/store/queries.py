"""Named SQL: one file of queries, each under a line `-- name: what_it_does`, loaded once."""

from importlib.resources import files


def load_queries(package: str, file_name: str) -> dict[str, str]:
    """The queries of `file_name` in `package` by name, comments kept.

    Raises:
        ValueError: two queries of one name, or text before the first name.
    """
    queries: dict[str, str] = {}
    text = files(package).joinpath(file_name).read_text(encoding="utf-8")
    head, *parts = text.split("-- name: ")
    if any(line and not line.startswith("--") for line in head.splitlines()):
        raise ValueError(f"{package}/{file_name}: SQL before the first name")
    for part in parts:
        name, _, body = part.partition("\n")
        if name.strip() in queries:
            raise ValueError(f"{package}/{file_name}: {name.strip()} stands twice")
        queries[name.strip()] = body.strip()
    return queries
