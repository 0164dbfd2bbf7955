"""The personal channels of one process, from its settings: a new one is a line here."""

import httpx2

from service.notify.by_apprise import AppriseCarrier
from service.notify.carrier import CarriedNotifier, Links
from service.notify.group_robots import ROBOTS, RobotCarrier
from service.notify.notifier import Channel
from service.settings import ServiceSettings


def carried(
    settings: ServiceSettings, links: Links, client: httpx2.AsyncClient
) -> dict[Channel, CarriedNotifier]:
    """Every personal channel that is configured; the client's lifetime is the caller's."""
    by_apprise = {
        Channel.EMAIL: settings.email_url,
        Channel.SMS: settings.sms_url,
        Channel.NTFY: settings.ntfy_url,
    }
    carriers = {
        channel: AppriseCarrier(url.get_secret_value())
        for channel, url in by_apprise.items()
        if url is not None
    }
    robots = {
        Channel(name): RobotCarrier(ROBOTS[Channel(name)], client, url=url)
        for name, url in settings.robot_urls.items()
    }
    return {
        channel: CarriedNotifier(carrier, links, public_url=settings.public_url)
        for channel, carrier in {**carriers, **robots}.items()
    }
