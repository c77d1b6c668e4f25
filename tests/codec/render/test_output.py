"""Pictures as bytes, read back by other software."""

from __future__ import annotations

import struct
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from openjpeg.utils import decode as decode_openjpeg
from PIL import Image, ImageCms

from dicomweb_server.codec.render.output import write_picture
from dicomweb_server.codec.render.profiles import profile_of, with_profile
from dicomweb_server.errors import FrameUndecodable
from dicomweb_server.model.rendering import RAW_PICTURE, IccProfile
from tests.codec.render.made import Levels

TYPES = ("image/jpeg", "image/png", "image/gif", "image/jp2", "image/jph", "image/webp")
LOSSLESS = ("image/png", "image/jph", RAW_PICTURE)


def smooth(colour: bool, size: tuple[int, int] = (50, 70)) -> Levels:
    rows, columns = np.indices(size)
    grey = (127 + 120 * np.sin(rows / 9) * np.cos(columns / 11)).astype(np.uint8)
    return np.stack((grey, grey[::-1], 255 - grey), axis=-1) if colour else grey


def read_back(data: bytes, media_type: str) -> Levels:
    if media_type == RAW_PICTURE:
        width, height = struct.unpack_from("<II", data)
        return np.frombuffer(data, np.uint8, offset=8).reshape(height, width, 3)
    if media_type == "image/jph":
        return np.asarray(imagecodecs.htj2k_decode(data))
    return np.asarray(Image.open(BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize("media_type", [*TYPES, RAW_PICTURE])
@pytest.mark.parametrize("colour", [False, True])
def test_all_types_show_the_picture(media_type: str, *, colour: bool) -> None:
    levels = smooth(colour)
    found = read_back(write_picture(Image.fromarray(levels), media_type, 95), media_type)
    expected = levels if colour or found.ndim == 2 else np.stack([levels] * 3, axis=-1)
    assert found.shape == expected.shape
    difference = np.abs(found.astype(int) - expected).mean()
    assert difference == 0 if media_type in LOSSLESS else difference < 6


@pytest.mark.parametrize("media_type", [*TYPES, RAW_PICTURE])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (3, 5)])
@pytest.mark.parametrize("colour", [False, True])
def test_small_pictures(media_type: str, size: tuple[int, int], *, colour: bool) -> None:
    data = write_picture(Image.fromarray(smooth(colour, size)), media_type, None)
    assert read_back(data, media_type).shape[:2] == size


def test_grey_jpegs_have_one_component_and_the_baseline_process() -> None:
    data = write_picture(Image.fromarray(smooth(False)), "image/jpeg", None)
    assert b"\xff\xc0" in data
    assert data[data.index(b"\xff\xc0") + 9] == 1


@pytest.mark.parametrize(("quality", "sampling"), [(90, b"\x11"), (89, b"\x22")])
def test_fine_jpegs_keep_the_resolution_of_colours(quality: int, sampling: bytes) -> None:
    data = write_picture(Image.fromarray(smooth(True)), "image/jpeg", quality)
    start = data.index(b"\xff\xc0") + 11
    assert data[start : start + 1] == sampling


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/jp2", "image/webp"])
def test_more_quality_takes_more_bytes(media_type: str) -> None:
    noise = np.random.default_rng(2).integers(0, 255, (64, 64)).astype(np.uint8)
    picture = Image.fromarray(noise)
    sizes = [len(write_picture(picture, media_type, each)) for each in (1, 30, 60, 90, 100)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_jp2_at_full_quality_is_lossless() -> None:
    levels = smooth(True)
    data = write_picture(Image.fromarray(levels), "image/jp2", 100)
    assert np.array_equal(read_back(data, "image/jp2"), levels)


@pytest.mark.parametrize("media_type", ["image/jp2", "image/jph"])
@pytest.mark.parametrize("colour", [False, True])
def test_files_of_boxes(media_type: str, *, colour: bool) -> None:
    data = write_picture(Image.fromarray(smooth(colour)), media_type, 90)
    brand = media_type[-3:].encode() + b" "
    assert data[:12] == b"\x00\x00\x00\x0cjP  \r\n\x87\n"
    assert data[16:24] == b"ftyp" + brand
    boxes = []
    place = 12
    while place < len(data):
        length = int.from_bytes(data[place : place + 4], "big") or len(data) - place
        boxes.append(data[place + 4 : place + 8])
        place += length
    assert boxes == [b"ftyp", b"jp2h", b"jp2c"]
    assert place == len(data)


@pytest.mark.parametrize("colour", [False, True])
def test_jph_is_read_by_another_decoder(*, colour: bool) -> None:
    levels = smooth(colour)
    data = write_picture(Image.fromarray(levels), "image/jph", None)
    assert np.array_equal(decode_openjpeg(data[data.index(b"jp2c") + 4 :]), levels)


def test_types_that_are_not_made() -> None:
    with pytest.raises(FrameUndecodable, match="image/tiff"):
        write_picture(Image.new("L", (2, 2)), "image/tiff", None)


def test_webp_has_an_end() -> None:
    with pytest.raises(FrameUndecodable, match="16383"):
        write_picture(Image.new("L", (16384, 1)), "image/webp", None)


# --- profiles


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/webp"])
@pytest.mark.parametrize("space", [IccProfile.SRGB, IccProfile.ADOBERGB, IccProfile.ROMMRGB])
def test_profiles_are_embedded(media_type: str, space: IccProfile) -> None:
    picture, profile = with_profile(Image.fromarray(smooth(False)), space, b"")
    opened = Image.open(BytesIO(write_picture(picture, media_type, 90, profile)))
    opened.load()
    assert opened.info["icc_profile"] == profile
    assert opened.mode == "RGB"


def test_long_profiles_are_split_in_jpegs() -> None:
    profile = bytes(range(256)) * 700
    data = write_picture(Image.fromarray(smooth(True)), "image/jpeg", 90, profile)
    assert Image.open(BytesIO(data)).info["icc_profile"] == profile


def test_without_a_wish_there_is_no_profile() -> None:
    picture = Image.fromarray(smooth(True))
    assert with_profile(picture, IccProfile.NO, profile_of(IccProfile.ADOBERGB)) == (picture, b"")


def test_who_says_nothing_gets_the_colours_that_browsers_show() -> None:
    """Pictures without a profile are taken for sRGB."""
    wide = profile_of(IccProfile.ADOBERGB)
    picture = Image.fromarray(smooth(True))
    told, _ = with_profile(picture, IccProfile.SRGB, wide)
    shown, profile = with_profile(picture, None, wide)
    assert profile == b""
    assert shown.tobytes() == told.tobytes() != picture.tobytes()
    for source in (b"", b"no profile", bytes(400)):
        assert with_profile(picture, None, source) == (picture, b"")
    grey = Image.fromarray(smooth(False))
    assert with_profile(grey, None, wide) == (grey, b"")


def test_yes_keeps_colours_and_profile() -> None:
    source = profile_of(IccProfile.ADOBERGB)
    picture = Image.fromarray(smooth(True))
    same, profile = with_profile(picture, IccProfile.YES, source)
    assert profile == source
    assert same.tobytes() == picture.tobytes()
    assert with_profile(picture, IccProfile.YES, b"")[1] == profile_of(IccProfile.SRGB)


@pytest.mark.parametrize("damaged", [b"x" * 500, profile_of(IccProfile.ROMMRGB)[:200], b"\0"])
def test_profiles_that_cannot_be_read_count_as_srgb(damaged: bytes) -> None:
    picture = Image.fromarray(smooth(True))
    same, profile = with_profile(picture, IccProfile.SRGB, damaged)
    assert profile == profile_of(IccProfile.SRGB)
    assert same.tobytes() == picture.tobytes()


def white_of(space: IccProfile) -> tuple[float, ...]:
    """XYZ of white as the colour engine reads the profile."""
    opened = ImageCms.ImageCmsProfile(BytesIO(profile_of(space))).profile
    colorants = (opened.red_colorant, opened.green_colorant, opened.blue_colorant)
    return tuple(sum(each[0][axis] for each in colorants if each) for axis in range(3))


@pytest.mark.parametrize("space", [IccProfile.ADOBERGB, IccProfile.ROMMRGB])
def test_white_is_d50(space: IccProfile) -> None:
    assert np.allclose(white_of(space), (0.9642, 1.0, 0.8249), atol=0.001)


@pytest.mark.parametrize(
    ("space", "primaries"),
    [
        # Adobe RGB (1998) 4.3.1.1, ROMM RGB (ISO 22028-2): x and y of red, green and blue.
        (IccProfile.ADOBERGB, ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))),
        (IccProfile.ROMMRGB, ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001))),
    ],
)
def test_primaries_are_those_published(
    space: IccProfile, primaries: tuple[tuple[float, float], ...]
) -> None:
    opened = ImageCms.ImageCmsProfile(BytesIO(profile_of(space))).profile
    for found, (x, y) in zip(
        (opened.red_colorant, opened.green_colorant, opened.blue_colorant), primaries, strict=True
    ):
        assert found is not None
        xyz = np.array(found[0])
        if space is IccProfile.ADOBERGB:
            xyz = FROM_D50 @ xyz
        assert np.allclose(xyz[:2] / xyz.sum(), (x, y), atol=0.002)


FROM_D50 = np.linalg.inv(
    np.array(
        (
            (1.0478112, 0.0228866, -0.0501270),
            (0.0295424, 0.9904844, -0.0170491),
            (-0.0092345, 0.0150436, 0.7521316),
        )
    )
)
"""Bradford adaptation from D50 back to D65."""


def test_adobe_rgb_holds_srgb_red_with_less_of_it() -> None:
    # sRGB red is 219, 0, 0 in Adobe RGB (1998).
    picture, _ = with_profile(Image.new("RGB", (1, 1), (255, 0, 0)), IccProfile.ADOBERGB, b"")
    assert np.allclose(np.asarray(picture)[0, 0], (219, 0, 0), atol=2)


def test_grey_stays_grey_in_all_spaces() -> None:
    for space in (IccProfile.SRGB, IccProfile.ADOBERGB, IccProfile.ROMMRGB):
        picture, _ = with_profile(Image.new("L", (1, 1), 128), space, b"")
        red, green, blue = np.asarray(picture)[0, 0].astype(int)
        assert max(red, green, blue) - min(red, green, blue) <= 2


def test_colours_come_back_from_another_space() -> None:
    picture = Image.fromarray(smooth(True))
    wide, profile = with_profile(picture, IccProfile.ROMMRGB, b"")
    back, _ = with_profile(wide, IccProfile.SRGB, profile)
    assert np.abs(np.asarray(back).astype(int) - np.asarray(picture)).mean() < 2
