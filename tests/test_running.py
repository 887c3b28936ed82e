"""How runs are driven: answers that stop them, memory that runs out, threads that are given back."""

import numpy as np
import pytest
import torch
from skimage import data
from torch.optim.optimizer import register_optimizer_step_pre_hook

import napari_kernelgan as kg
from napari_kernelgan.errors import device_errors
from napari_kernelgan.progress import stops

IMAGE = data.camera()[:80, :80]
SHORT = {"method": "kernelgan", "config": {"steps": 6, "warm_up": 0}}


@pytest.mark.parametrize(
    ("answer", "expected"), [(False, True), (np.False_, True), (None, False), (True, False), (np.True_, False), (0, False)]
)
def test_only_false_of_any_kind_stops(answer, expected):
    assert stops(answer) is expected
    told = []

    def callback(progress):
        told.append(progress.step)
        return answer

    assert kg.estimate_kernel(IMAGE, callback=callback, **SHORT).stopped is expected
    assert len(told) == (1 if expected else 6)


@pytest.mark.parametrize("options", [{}, SHORT], ids=["auto", "kernelgan"])
def test_a_stop_at_the_last_step_stops_nothing(options):
    estimate = kg.estimate_kernel(IMAGE, callback=lambda progress: progress.step < progress.total, **options)
    assert not estimate.stopped


def test_threads_are_given_back_between_steps():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        runs = [kg.iter_estimate_kernel(IMAGE, **SHORT) for _ in range(2)]
        for steps in runs:
            next(steps)
            assert torch.get_num_threads() == 2
        for steps in runs:
            steps.close()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    "words",
    [
        "MPS backend out of memory (MPS allocated: 8 GB)",
        "CUDA error: out of memory",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes.",
        "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory",
    ],
)
def test_exhausted_memory_is_one_error(words):
    with pytest.raises(kg.OutOfMemory, match="Memory is exhausted"), device_errors():
        raise RuntimeError(words)
    with pytest.raises(RuntimeError, match="shape"), device_errors():
        raise RuntimeError("shape mismatch")


def test_memory_that_is_really_not_there():
    with pytest.raises(kg.OutOfMemory), device_errors():
        torch.empty(2**60)


LOST = "CUDA error: unspecified launch failure\nCUDA kernel errors might be asynchronously reported at some other API call."


@pytest.mark.parametrize("method", ["kernelgan", "hybrid"])
def test_a_device_that_is_lost_in_a_step_is_an_error_of_its_own(small, method):
    """The error that PyTorch raises, from within a step."""
    taken = 0

    def lose(*_):
        nonlocal taken
        taken += 1
        if taken == 3:
            raise torch.AcceleratorError(LOST)

    hook = register_optimizer_step_pre_hook(lose)
    try:
        with pytest.raises(kg.DeviceError, match="Choose device='cpu'.*unspecified launch failure"):
            kg.estimate_kernel(small, method=method)
    finally:
        hook.remove()
    assert kg.estimate_kernel(small).method == "spectral"  # what needs no device goes on


def test_other_errors_of_pytorch_are_left_alone():
    with pytest.raises(RuntimeError, match="shape") as caught, device_errors():
        raise RuntimeError("shape mismatch")
    assert type(caught.value) is RuntimeError
