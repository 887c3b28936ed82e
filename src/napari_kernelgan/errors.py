"""The errors that callers are meant to catch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class InputError(ValueError):
    """Something given by the caller cannot be used; the message says what is wrong and what to do."""


class OutOfMemory(MemoryError):
    """Host or device memory is exhausted.

    Not a ``RuntimeError`` (which PyTorch's own error is), because napari's generator workers swallow those silently.
    """


_EXHAUSTED = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")


@contextlib.contextmanager
def memory_errors() -> Iterator[None]:
    """Raise exhausted memory, in whatever form it comes, as `OutOfMemory`."""
    try:
        yield
    except OutOfMemory:
        raise
    except MemoryError as error:
        raise OutOfMemory(_advice(error)) from error
    except RuntimeError as error:
        # each device's allocator, and that of main memory, raises a RuntimeError of its own wording
        if type(error).__name__ == "OutOfMemoryError" or any(words in str(error).lower() for words in _EXHAUSTED):
            raise OutOfMemory(_advice(error)) from error
        raise


def _advice(error: BaseException) -> str:
    detail = str(error).strip().splitlines()
    return "Memory is exhausted. Use a smaller image or region, smaller tiles (ZSSRConfig.tile), or device='cpu'." + (
        f" ({detail[0]})" if detail else ""
    )
