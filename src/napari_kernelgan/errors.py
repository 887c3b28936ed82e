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


class DeviceError(Exception):
    """The device that computes has failed, or was lost; nothing more can be computed on it in this process.

    Not a ``RuntimeError``, for the reason that `OutOfMemory` is none.
    """


_EXHAUSTED = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
_LOST = ("CUDA error", "HIP error", "MPS backend error", "CUDNN_STATUS", "CUBLAS_STATUS", "device-side assert")
_SMALLER = "Memory is exhausted. Use a smaller image or region, smaller tiles (ZSSRConfig.tile), or device='cpu'."
_ELSEWHERE = "The device that computes has failed. Choose device='cpu', or start the program again to use the device once more."


@contextlib.contextmanager
def device_errors() -> Iterator[None]:
    """Raise exhausted memory, in whatever form it comes, as `OutOfMemory`, and the failure of a device as `DeviceError`."""
    try:
        yield
    except OutOfMemory:
        raise
    except MemoryError as error:
        raise OutOfMemory(_with_detail(_SMALLER, error)) from error
    except RuntimeError as error:
        # each device's allocator, and that of main memory, raises a RuntimeError of its own wording
        if type(error).__name__ == "OutOfMemoryError" or any(words in str(error).lower() for words in _EXHAUSTED):
            raise OutOfMemory(_with_detail(_SMALLER, error)) from error
        if type(error).__name__ == "AcceleratorError" or any(words in str(error) for words in _LOST):
            raise DeviceError(_with_detail(_ELSEWHERE, error)) from error
        raise


def _with_detail(advice: str, error: BaseException) -> str:
    detail = str(error).strip().splitlines()
    return f"{advice} ({detail[0]})" if detail else advice
