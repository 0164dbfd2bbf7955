"""What a button of `feeling.html` sends."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Form

from service.store.symptoms import Telling, UntellableError


async def _told_form(
    form: Annotated[UUID, Form()],
    symptom: Annotated[list[str] | None, Form(max_length=20)] = None,
    *,
    fine: Annotated[bool, Form()] = False,
) -> Telling | None:
    try:
        return Telling(form=form, symptoms=tuple(symptom or ()), fine=fine)
    except UntellableError:
        return None


ToldForm = Annotated[Telling | None, Depends(_told_form)]
"""What was told; None where it is neither a known symptom nor "all right": nothing is kept then."""
