"""GeoTIFF: where an image lies on the Earth, its no-data value and its bands (with the extra `geo`; pixels are read as of any TIFF)."""

from __future__ import annotations

import contextlib
import warnings
from math import hypot
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import tifffile
from numpy.typing import DTypeLike

from .._version import __version__
from ..errors import InputError
from ..images.layout import Layout
from .atomic import atomic, to_json
from .strips import iter_strips

TILE = 512
DTYPES = ("uint8", "uint16", "uint32", "int16", "int32", "float32", "float64")
CACHE_MB = 64
"""GDAL's cache of tiles that wait to be written, which would otherwise grow to a twentieth of the memory."""
PLACE_TAGS = (33550, 33922, 34264, 34735)
"""ModelPixelScale, ModelTiepoint, ModelTransformation, GeoKeyDirectory."""
NODATA_TAG = 42113
PHOTO_BANDS = {"", "red", "green", "blue", "alpha"}


class GeoReference(NamedTuple):
    """Where pixels lie on the Earth, and what its bands are called."""

    crs: str | None
    """Coordinate reference system as WKT."""
    transform: tuple[float, float, float, float, float, float]
    """(a, b, c, d, e, f): column and row, counted from the outer corner of the first pixel, lie at x = a column + b row + c and
    y = d column + e row + f."""
    nodata: float | None = None
    band_names: tuple[str, ...] = ()
    """One per band, "" where it has none; () where no band has a name."""

    def finer(self, scale: float, along_x: float | None = None) -> GeoReference:
        """That of the image with Y and X times `scale` (X times `along_x`, where that is given), which covers the same area."""
        a, b, c, d, e, f = self.transform
        x = along_x or scale
        return self._replace(transform=(a / x, b / scale, c, d / x, e / scale, f))

    def pixel_size(self) -> tuple[float, float] | None:
        """(y, x) in metres; None where the coordinates are angles or the system is not known."""
        if self.crs is None:
            return None
        crs = require_rasterio().crs.CRS.from_wkt(self.crs)
        if not crs.is_projected:
            return None
        a, b, _, d, e, _ = self.transform
        metres = float(crs.linear_units_factor[1])
        return hypot(b, e) * metres, hypot(a, d) * metres


def require_rasterio() -> ModuleType:
    """The library that knows coordinate reference systems.

    Raises
    ------
    InputError
        If the extra `geo` is not installed.
    """
    try:
        import rasterio
    except ImportError as error:
        raise InputError('GeoTIFF needs rasterio: pip install "napari-kernelgan[geo]".') from error
    return rasterio  # type: ignore[no-any-return]


def has_place(tiff: tifffile.TiffFile) -> bool:
    """Whether a TIFF tells where it lies."""
    return any(tag in tiff.pages.first.tags for tag in PLACE_TAGS)


def read_nodata(tiff: tifffile.TiffFile) -> float | None:
    """The value that stands for no data."""
    tag = tiff.pages.first.tags.get(NODATA_TAG)
    try:
        return None if tag is None else float(str(tag.value).strip("\0 "))
    except ValueError:  # no number: nothing is known
        return None


def read_reference(path: Path) -> GeoReference:
    """Read the georeference of a GeoTIFF.

    Raises
    ------
    InputError
        If the extra `geo` is not installed.
    """
    rasterio = require_rasterio()
    with _quiet(rasterio), rasterio.open(path) as source:
        names = tuple(name or "" for name in source.descriptions)
        crs = source.crs.to_wkt() if source.crs else None
        return GeoReference(crs, tuple(source.transform)[:6], source.nodata, names if any(names) else ())


def is_photo(page: Any, names: tuple[str, ...]) -> bool:
    """Whether bands are the colours of one photograph, not a stack: uint8, marked as RGB, and without names of other kinds.

    Programs mark any four bands of uint8 as RGB and alpha, so that the names decide where there are some.
    """
    alpha = [int(each) for each in page.extrasamples]
    colours = page.samplesperpixel == 3 or (page.samplesperpixel == 4 and alpha in ([1], [2]))
    named = {name.lower() for name in names} <= PHOTO_BANDS
    return bool(page.photometric == tifffile.PHOTOMETRIC.RGB and np.dtype(page.dtype) == np.uint8 and colours and named)


def check_geotiff(layout: Layout, dtype: DTypeLike, geo: GeoReference) -> None:
    """Refuse, with advice, an image that GeoTIFF cannot hold.

    Raises
    ------
    InputError
        If it has stack axes other than bands (C), a dtype or a no-data value that does not fit, or bands and names differ in number.
    """
    dtype = np.dtype(dtype)
    if not set(layout.axes) <= set("CYXS") or {"C", "S"} <= set(layout.axes):
        raise InputError(f"GeoTIFF holds one stack, of bands (C); this image has axes {layout.axes}: write it as OME-Zarr, or in parts.")
    if dtype.name not in DTYPES:
        raise InputError(f"GeoTIFF is written of {', '.join(DTYPES)}, not {dtype.name}: convert the image, for example to float32.")
    count = layout.n_planes * layout.n_samples
    if geo.band_names and len(geo.band_names) != count:
        raise InputError(f"There are {len(geo.band_names)} names for {count} bands: give one for each, or none.")
    nodata = geo.nodata
    if nodata is not None and dtype.kind in "iu" and (nodata != int(nodata) if np.isfinite(nodata) else True):
        raise InputError(f"No-data value {nodata} is no {dtype.name}: choose another one, or write floats.")
    if nodata is not None and dtype.kind in "iu" and not np.iinfo(dtype).min <= nodata <= np.iinfo(dtype).max:
        raise InputError(f"No-data value {nodata:g} is no {dtype.name}: choose another one, or write floats.")


def write_geotiff(path: Path, data: Any, layout: Layout, geo: GeoReference, *, about: dict[str, Any]) -> None:
    """Write bands as a tiled, compressed GeoTIFF, a strip of rows at a time; whole or not at all.

    Parameters
    ----------
    path : Path
        Replaced if it is there.
    data : array
        NumPy, Dask or Zarr array, or one in files, that `layout` describes.
    layout : Layout
        Y, X and one of C (bands) and S (colours of a photograph).
    geo : GeoReference
        Of `data` itself: after upscaling, ``GeoReference.finer`` gives it.
    about : dict
        Put on record in the tag NAPARI_KERNELGAN, as JSON.

    Raises
    ------
    InputError
        See `check_geotiff`; and if the extra `geo` is not installed.
    """
    rasterio = require_rasterio()
    dtype = np.dtype(data.dtype).newbyteorder("=")
    check_geotiff(layout, dtype, geo)
    height, width = layout.plane_size
    photo = layout.n_samples > 1
    profile = {
        "driver": "GTiff",
        "height": height,
        "width": width,
        "count": layout.n_planes * layout.n_samples,
        "dtype": dtype.name,
        "crs": geo.crs,
        "transform": rasterio.Affine(*geo.transform),
        "nodata": geo.nodata,
        "tiled": True,
        "blockxsize": TILE,
        "blockysize": TILE,
        "interleave": "pixel" if photo else "band",
        "photometric": "RGB" if layout.n_colours == 3 and dtype == np.uint8 else "MINISBLACK",
        "compress": "deflate",
        "predictor": 3 if dtype.kind == "f" else 2,
        "BIGTIFF": "IF_SAFER",
    }
    if layout.has_alpha:
        profile["alpha"] = "non-premultiplied"
    with atomic(path) as temporary, _quiet(rasterio), rasterio.open(temporary, "w", **profile) as target:
        for number, name in enumerate(geo.band_names, 1):
            target.set_band_description(number, name)
        target.update_tags(TIFFTAG_SOFTWARE=f"napari-kernelgan {__version__}", NAPARI_KERNELGAN=to_json(about))
        for number, index in enumerate(layout.indices(), 1):
            top = 0
            for strip in iter_strips(data, layout, index, TILE):
                window = rasterio.windows.Window(0, top, width, len(strip))
                bands, pixels = (None, strip.transpose(2, 0, 1)) if strip.ndim == 3 else (number, strip)
                target.write(np.ascontiguousarray(pixels), bands, window=window)
                top += len(strip)


@contextlib.contextmanager
def _quiet(rasterio: ModuleType) -> Any:
    """No files beside the GeoTIFF, a small cache, and no warnings of images that lie nowhere."""
    with warnings.catch_warnings(), rasterio.Env(GDAL_PAM_ENABLED="NO", GDAL_CACHEMAX=CACHE_MB):
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        yield
