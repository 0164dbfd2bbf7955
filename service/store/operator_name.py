"""Who calls a command. An operator has no account, but the machine knows its user."""

import os
import pwd


def by_operator() -> dict[str, str | int | None]:
    """Goes into the `detail` of an audit row whose `account_id` is nobody's."""
    number = os.getuid()
    try:
        return {"operator": pwd.getpwuid(number).pw_name}
    except KeyError:  # a container's user has a number and no name
        return {"operator": str(number)}
