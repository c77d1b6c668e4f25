"""Animations, read back by other software."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageSequence

from dicomweb_server.codec.render import animate
from dicomweb_server.errors import FrameUndecodable


def raw(levels: object) -> bytes:
    array = np.array(levels, np.uint8)
    return struct.pack("<II", array.shape[1], array.shape[0]) + array.tobytes()


def grey(value: int) -> bytes:
    return raw(np.full((4, 6, 3), value))


@pytest.mark.parametrize("media_type", ["image/gif", "image/webp"])
def test_animations_play_their_frames(media_type: str) -> None:
    frames = [grey(0), grey(100), grey(200)]
    opened = Image.open(BytesIO(animate(frames, media_type, [100, 200, 300])))
    assert opened.size == (6, 4)
    assert opened.info["loop"] == 0
    shown, lasting = [], []
    for frame in ImageSequence.Iterator(opened):
        shown.append(int(np.asarray(frame.convert("L"))[0, 0]))
        lasting.append(int(frame.info["duration"]))
    assert np.allclose(shown, [0, 100, 200], atol=2)
    assert lasting == [100, 200, 300]


def test_grey_frames_keep_all_their_levels() -> None:
    ramp = np.repeat(np.arange(256).reshape(16, 16, 1), 3, axis=2)
    opened = Image.open(BytesIO(animate([raw(ramp), grey_like(ramp)], "image/gif", [50])))
    assert np.array_equal(np.asarray(opened.convert("RGB")), ramp)


def grey_like(levels: object) -> bytes:
    return raw(255 - np.array(levels))


def test_colours_of_each_frame_have_their_own_palette() -> None:
    first, second = np.zeros((4, 6, 3)), np.zeros((4, 6, 3))
    first[:, :, 0], second[:, :, 2] = 250, 250
    opened = Image.open(BytesIO(animate([raw(first), raw(second)], "image/gif", [50, 50])))
    seen = [np.asarray(each.convert("RGB"))[0, 0] for each in ImageSequence.Iterator(opened)]
    assert np.allclose(seen, [[250, 0, 0], [0, 0, 250]], atol=8)


def test_one_picture_is_an_animation_too() -> None:
    assert Image.open(BytesIO(animate([grey(9)], "image/gif", []))).size == (6, 4)


@pytest.mark.parametrize(
    ("pictures", "media_type"),
    [
        ([], "image/gif"),
        ([grey(1)], "image/png"),
        ([grey(1), raw(np.zeros((5, 6, 3)))], "image/gif"),
        ([b"\x01"], "image/gif"),
        ([grey(1)[:-1]], "image/webp"),
        ([bytes(8)], "image/gif"),
    ],
)
def test_what_cannot_be_animated(pictures: list[bytes], media_type: str) -> None:
    with pytest.raises(FrameUndecodable):
        animate(pictures, media_type, [100])
