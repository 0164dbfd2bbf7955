"""Refusals in plain words, for people; programs get problem details (`service.problems`)."""

from fastapi import Request
from fastapi.responses import Response

from service.auth import account_of
from service.problems import problem_response, wants_problem
from service.services import services_of
from service.web.language import mark, say
from service.web.rendering import first_page, language_of, render

_SENTENCES = {
    403: (
        mark("This page is not for your account"),
        mark("If you think it should be, ask the administrator of your county."),
    ),
    404: (
        mark("Nothing is here"),
        mark("The page does not exist, or it concerns somebody who is not under your contract."),
    ),
    429: (mark("Too many attempts"), mark("Please wait a quarter of an hour and try again.")),
}
_OTHER = (
    mark("That did not work"),
    mark("Nothing was changed. Please go back and try again."),
)


async def error_page(request: Request, status: int) -> Response:
    """The page for `status`, in the reader's language, with the way back to the own first page.

    Whoever reads JSON and no page gets problem details.
    """
    if wants_problem(request):
        title = _SENTENCES.get(status, _OTHER)[0]
        return problem_response(status, title.lower().replace(" ", "_"), title)
    services = services_of(request)
    token = request.cookies.get(services.settings.cookie_name)
    account = await account_of(services, token)
    language = language_of(request, account)
    heading, sentence = _SENTENCES.get(status, _OTHER)
    facts = {
        "heading": say(language, heading),
        "sentence": say(language, sentence),
        "back": "/login" if account is None else first_page(account),
    }
    return render(request, account, "error.html", facts, status=status)
