"""Real worker processes on this machine: the same pixels, killed workers, planes that kill theirs."""

import os
import signal

import dask
import dask.array as da
import numpy as np
import psutil
import pytest
from numpy.testing import assert_array_equal
from small import planes  # type: ignore[import-not-found]

import napari_kernelgan as kg
from napari_kernelgan import InputError
from napari_kernelgan.files.stacks import open_stack
from napari_kernelgan.stacks.engines import InProcess, engine_for
from napari_kernelgan.stacks.local import environments

distributed = pytest.importorskip("distributed")


def worker_processes():
    """Processes of workers, which this one's nannies have started."""
    return [child for child in psutil.Process().children(recursive=True) if "spawn_main" in " ".join(child.cmdline())]


def double(job, task):
    return 2 * task


@pytest.fixture(scope="module")
def two_workers():
    with engine_for(2, device="cpu") as engine:
        yield engine


def test_workers_make_the_same_pixels_as_this_process(file, process, two_workers, tmp_path):
    here = process(file, share="plane", out=tmp_path / "here.ome.zarr")
    there = process(file, share="plane", out=tmp_path / "there.ome.zarr", scheduler=two_workers.client)
    assert_array_equal(here.upscaled[:], there.upscaled[:])
    assert there.record["engine"].startswith("on tcp://127.0.0.1")
    by_address = process(file, share="plane", out=tmp_path / "b.ome.zarr", scheduler=two_workers.client.scheduler.address, resume=True)
    assert_array_equal(here.upscaled[:], by_address.upscaled[:])


@pytest.mark.slow
def test_workers_that_dask_jobqueue_starts_make_the_same_pixels(file, process, tmp_path):
    """As docs/cluster.md has it, with jobs that are processes on this machine."""
    jobqueue = pytest.importorskip("dask_jobqueue.local")
    options = {"cores": 1, "processes": 1, "memory": "2GB", "scheduler_options": {"host": "127.0.0.1", "dashboard": False}}
    with jobqueue.LocalCluster(**options) as cluster, distributed.Client(cluster, set_as_default=False) as client:
        cluster.scale(jobs=2)
        client.wait_for_workers(2, timeout=90)
        there = process(file, share="plane", out=tmp_path / "there.ome.zarr", scheduler=client)
    assert [row.status for row in there.rows] == ["done"] * 5
    assert_array_equal(there.upscaled[:], process(file, share="plane", out=tmp_path / "here.ome.zarr").upscaled[:])


def test_tasks_come_back_in_any_order_and_few_wait(two_workers):
    assert sorted(two_workers.map(double, None, range(50))) == [(n, 2 * n) for n in range(50)]
    results = two_workers.map(double, None, iter(range(10**9)))  # which nobody could hand out at once
    assert [next(results)[1] % 2 for _ in range(5)] == [0] * 5
    results.close()
    assert [result for _, result in InProcess().map(double, None, [1, 2])] == [2, 4]


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_killed_worker_costs_nothing_but_time(tmp_path, process):
    stack = tmp_path / "in.npy"
    np.save(stack, planes(24, side=128))
    killed = []

    def kill_one(progress):
        if progress.row is not None and not killed:
            killed.append(worker_processes()[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    found = process(stack, axes="TYX", kernel=kg.kernels.gaussian(2.0), out=tmp_path / "out.ome.zarr", workers=2, callback=kill_one)
    assert killed
    assert [row.status for row in found.rows].count("failed") == 0
    assert found.complete
    assert_array_equal(found.upscaled[:], process(np.load(stack), kernel=kg.kernels.gaussian(2.0)).upscaled)


def end_process(plane, at):
    """What reading a certain plane does."""
    if at == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return plane


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_plane_that_kills_its_worker_is_given_up_and_the_others_are_done(tmp_path, process):
    stack = planes(6)
    parts = [da.from_delayed(dask.delayed(end_process)(plane, at), plane.shape, plane.dtype) for at, plane in enumerate(stack)]
    options = {"kernel": kg.kernels.gaussian(2.0), "value_range": (0, 50000)}
    found = process(da.stack(parts), out=tmp_path / "out.ome.zarr", workers=2, **options)
    assert [row.status for row in found.rows] == ["done"] * 3 + ["failed"] + ["done"] * 2
    assert "3 times" in found.failed[0].error
    rest = [at for at in range(6) if at != 3]
    assert_array_equal(found.upscaled[:][rest], process(stack, **options).upscaled[rest])


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_plane_that_kills_its_worker_does_not_take_the_shared_kernel_with_it(tmp_path, process):
    stack = planes(6)
    parts = [da.from_delayed(dask.delayed(end_process)(plane, at), plane.shape, plane.dtype) for at, plane in enumerate(stack)]
    found = process(da.stack(parts), out=tmp_path / "out.ome.zarr", workers=2)
    assert [row.status for row in found.rows] == ["done"] * 3 + ["failed"] + ["done"] * 2
    rest = [at for at in range(6) if at != 3]
    whole = process(stack[rest])
    assert found.record["value_range"] == whole.record["value_range"]
    assert_array_equal(found.upscaled[:][rest], whole.upscaled)


def test_lazy_images_with_what_is_known_of_them_are_sent(file, process, two_workers, tmp_path):
    image = open_stack(file)
    there = process(image, kernel=kg.kernels.gaussian(2.0), out=tmp_path / "there.ome.zarr", scheduler=two_workers.client)
    assert_array_equal(there.upscaled[:], process(file, kernel=kg.kernels.gaussian(2.0)).upscaled)


def test_arrays_in_memory_are_not_sent_about(stack, process, tmp_path):
    with pytest.raises(InputError, match="give a path"):
        process(stack, out=tmp_path / "out", workers=2)
    assert list(tmp_path.iterdir()) == []


def test_a_scheduler_that_is_not_there_is_said(file, process, tmp_path):
    with pytest.raises(InputError, match="does not answer"), dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        process(file, out=tmp_path / "out", scheduler="tcp://127.0.0.1:9")


def test_workers_share_cores_and_each_has_a_gpu_of_its_own():
    for workers, threads in ((1, None), (2, None), (3, 2)):
        found = environments(workers, threads, [])
        assert len(found) == workers
        assert {each["OMP_NUM_THREADS"] for each in found} == {str(threads or max(1, len(os.sched_getaffinity(0)) // workers))}
    assert [each["CUDA_VISIBLE_DEVICES"] for each in environments("auto", None, ["0", "3"])] == ["0", "3"]
    assert [each["CUDA_VISIBLE_DEVICES"] for each in environments(1, None, ["0", "3"])] == ["0"]
    for wrong in (0, -1, 2.5, "many", True):
        with pytest.raises(InputError, match="workers"):
            environments(wrong, None, [])
    with pytest.raises(InputError, match="GPUs"):
        environments(3, None, ["0", "1"])
