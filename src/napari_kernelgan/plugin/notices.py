"""Errors as the user is told of them."""

from __future__ import annotations

import traceback

from napari.utils.notifications import notification_manager, show_error

from ..errors import DeviceError, InputError, OutOfMemory

TOLD = (InputError, OutOfMemory, DeviceError, OSError)
"""Errors whose message tells everything; a traceback would tell nothing more, of a full disk neither."""


UNREADABLE = "See that the disk, or the server that the files lie on, is there, has room and lets you in; then try again."
EXHAUSTED = "Memory is exhausted: use a smaller image or region."


def reason(error: Exception) -> str:
    """What an error says, and what to do; its name where it says nothing."""
    said = str(error) or (EXHAUSTED if isinstance(error, MemoryError) else type(error).__name__)
    return f"{said.rstrip('.')}. {UNREADABLE}" if isinstance(error, OSError) else said


def notify(error: Exception) -> None:
    """Tell of an error, with its traceback where its message alone does not tell what to do."""
    if isinstance(error, TOLD):
        show_error(reason(error))
        return
    cause: BaseException | None = error
    while cause is not None:
        traceback.clear_frames(cause.__traceback__)  # napari keeps what it has told of, and with a traceback the image and all tensors
        cause = cause.__cause__ or cause.__context__  # of which Python makes no circles
    notification_manager.receive_error(type(error), error, error.__traceback__)
