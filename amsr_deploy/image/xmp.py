"""XMP of a picture whose pixels are turned and resized: what tells of pixels is corrected or left out."""

from __future__ import annotations

import codecs
from xml.dom import minidom

from amsr_deploy.image.orientation import changes_pixels
from amsr_deploy.image.place import Factors

_TIFF, _EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
_PANORAMA = "http://ns.google.com/photos/1.0/panorama/"
_DIMENSIONS = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
_REGIONS = {"http://www.metadataworkinggroup.com/schemas/regions/", "http://ns.microsoft.com/photo/1.2/"}

_SIDES = {
    (_TIFF, "ImageLength"): 0,
    (_TIFF, "ImageWidth"): 1,
    (_EXIF, "PixelYDimension"): 0,
    (_EXIF, "PixelXDimension"): 1,
}
"""Properties that are a side of the picture, by its place in (height, width)."""
_LENGTHS = {
    (_DIMENSIONS, "w"): 0,
    (_DIMENSIONS, "h"): 1,
    (_PANORAMA, "FullPanoWidthPixels"): 0,
    (_PANORAMA, "FullPanoHeightPixels"): 1,
    (_PANORAMA, "CroppedAreaImageWidthPixels"): 0,
    (_PANORAMA, "CroppedAreaImageHeightPixels"): 1,
    (_PANORAMA, "CroppedAreaLeftPixels"): 0,
    (_PANORAMA, "CroppedAreaTopPixels"): 1,
}
"""Properties that are lengths in pixels, by their place in the factors."""
_MAX_LENGTH = 2**31 - 1
_ORIENTATION = (_TIFF, "Orientation")
_BOUND_TO_PIXELS = {
    _TIFF: "XResolution YResolution ResolutionUnit NativeDigest BitsPerSample Compression PhotometricInterpretation "
    "SamplesPerPixel PlanarConfiguration YCbCrSubSampling",
    _EXIF: "FocalPlaneXResolution FocalPlaneYResolution FocalPlaneResolutionUnit NativeDigest SubjectArea "
    "SubjectLocation CompressedBitsPerPixel",
    "http://ns.adobe.com/xap/1.0/": "Thumbnails",
}
"""Names of properties that are left out, by their namespace; EXIF tells most of them too."""
_BOUND_TO_FILE = {
    "http://ns.adobe.com/xmp/note/",
    "http://ns.adobe.com/hdr-gain-map/1.0/",
    "http://ns.adobe.com/xap/1.0/t/pg/",
    "http://ns.google.com/photos/1.0/camera/",
    "http://ns.google.com/photos/1.0/container/",
    "http://ns.google.com/photos/1.0/depthmap/",
    "http://ns.google.com/photos/1.0/image/",
}
"""Namespaces about other parts of the original file, which are not in the result: gain maps, depth, video, pages."""


def upright(data: bytes, size: tuple[int, int], orientation: int) -> bytes:
    """Return the XMP of the turned picture.

    Args:
        data: XMP as it is in the file.
        size: height and width of the picture when it is turned.
        orientation: EXIF orientation by which it is turned; regions and panoramas stay where it is 1 only.

    Raises:
        Exception: of many types, where the data is damaged.
    """
    return _rewrite(data, size, None if changes_pixels(orientation) else (1, 1))


def scaled(data: bytes, size: tuple[int, int], factors: Factors) -> bytes:
    """Return the XMP of the resized picture.

    Args:
        data: XMP as `upright` returns it.
        size: height and width of the resized picture.
        factors: new pixels for each old one.
    """
    return _rewrite(data, size, factors)


def _rewrite(data: bytes, size: tuple[int, int], factors: Factors | None) -> bytes:
    """Correct all properties, which are attributes or elements; without factors those that turn are left out."""
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        data = data.decode("utf-16").encode()
    if b"<!DOCTYPE" in data:
        raise ValueError("XMP with a document type")
    document = minidom.parseString(data.strip(b"\0\t\r\n "))
    for element in document.getElementsByTagNameNS("*", "*"):
        for attribute in list(element.attributes.values()):
            value = _corrected(attribute.namespaceURI, attribute.localName, attribute.value, size, factors)
            if value is None:
                element.removeAttributeNode(attribute)
            else:
                attribute.value = value
        _correct_element(element, size, factors)
    return "".join(node.toxml() for node in document.childNodes).encode()


def _correct_element(element: minidom.Element, size: tuple[int, int], factors: Factors | None) -> None:
    content = element.firstChild
    text = content.data if isinstance(content, minidom.Text) and len(element.childNodes) == 1 else ""
    value = _corrected(element.namespaceURI, element.localName, text, size, factors)
    if value is None:
        if element.parentNode is not None:
            element.parentNode.removeChild(element)
    elif isinstance(content, minidom.Text) and text:
        content.data = value


def _corrected(space: str | None, name: str, value: str, size: tuple[int, int], factors: Factors | None) -> str | None:
    """Return the new value of a property; None where it is left out."""
    key = (space or "", name)
    if key in _SIDES:
        return str(size[_SIDES[key]])
    if key == _ORIENTATION:
        return "1"
    if name in _BOUND_TO_PIXELS.get(key[0], "").split() or space in _BOUND_TO_FILE:
        return None
    if factors is None:
        return None if space in _REGIONS or space == _PANORAMA else value
    if key in _LENGTHS and value.strip():
        return _scaled_length(float(value), factors[_LENGTHS[key]])
    return value


def _scaled_length(length: float, factor: float) -> str:
    """Scale a length; raise ValueError for what is none."""
    if not 0 <= length <= _MAX_LENGTH:
        raise ValueError(f"a length of {length:g} pixels")
    return str(min(round(length * factor), _MAX_LENGTH))
