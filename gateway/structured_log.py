"""Logs as events with fields, one JSON object a line, on standard error. Never a name or phone.

Everything outside printable ASCII is escaped, so that nothing a device or a person sent can begin a
second line or speak to a terminal. Tracebacks leave local variables out: a name may be one.
"""

import contextlib
import io
import logging
import sys
from typing import TextIO, cast

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger

_RENDER: tuple[Processor, ...] = (
    structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
    structlog.processors.JSONRenderer(ensure_ascii=True),
)


class _StandardError(io.TextIOBase):
    """The standard error of the moment: whoever has redirected it for a while gets it back.

    A word that cannot be written (the disk is full, the reader is gone) is lost and ends nothing:
    what runs here is worth more than what it says.
    """

    def write(self, text: str, /) -> int:
        """Write to it."""
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush it."""
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def configure_logs(*, level: int = logging.INFO) -> None:
    """Set the process's log form once, at its top; libraries' warnings take the same form."""
    shared: tuple[Processor, ...] = (
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    )
    structlog.configure(
        processors=[*shared, *_RENDER],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=cast("TextIO", _StandardError())),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(_StandardError())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _name_library],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_RENDER],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))


def _name_library(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Say which library spoke."""
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        event["library"] = record.name
    return event
