"""Hashes of images."""

import numpy as np
import pytest

from napari_kernelgan.provenance import ImageHash, hash_array


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_byte_order_memory_order_and_write_protection_do_not_matter(rng, dtype):
    image = (rng.random((6, 7, 3)) * 200).astype(dtype)
    fixed = image.copy()
    fixed.flags.writeable = False
    variants = image.astype(image.dtype.newbyteorder(">")), np.asfortranarray(image), np.repeat(image, 2, 1)[:, ::2], fixed
    assert {hash_array(variant) for variant in variants} == {hash_array(image)}


def test_values_dtype_and_shape_matter(rng):
    image = (rng.random((6, 8)) * 200).astype(np.uint8)
    others = 255 - image, image.view(np.int8), image.reshape(8, 6)
    assert len({hash_array(each) for each in (image, *others)}) == 4


def test_an_array_is_hashed_without_a_copy_of_it(rng):
    import tracemalloc

    for image in (np.zeros((64, 1000, 1000), np.uint8), np.zeros((64, 1000, 1000), np.uint8).transpose(0, 2, 1)):
        tracemalloc.start()
        ImageHash(image)
        assert tracemalloc.get_traced_memory()[1] < image.nbytes / 10
        tracemalloc.stop()
