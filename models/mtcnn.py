"""The three networks of MTCNN (Zhang et al. 2016, arXiv 1604.02878), shaped for conversion.

They differ from the published ones in form only, so that a runtime has less to do: the input is the
picture itself (float32 RGB in 0..255), since the normalisation lives in the first convolution; the
two classes of the softmax are one logit, their difference; and all outputs leave through one head.
Every head gives, in this order: 4 box offsets, 1 face logit and, for the O-Net, 5 landmark x and
5 landmark y, all relative to the window that was looked at.
"""

from __future__ import annotations

from keras import KerasTensor, Model, layers

OFFSETS, LOGIT, LANDMARKS = slice(0, 4), 4, slice(5, 15)


def pnet() -> Model:
    """Proposals: any picture float32 [N, H, W, 3] to float32 [N, h, w, 5], a window a cell.

    A window is 12 px wide and the cells lie 2 px apart.
    """
    picture = layers.Input((None, None, 3), name="picture")
    x = _block(picture, 10, 3, "1")
    x = layers.MaxPooling2D(2, 2, padding="same", name="pool1")(x)
    x = _block(x, 16, 3, "2")
    x = _block(x, 32, 3, "3")
    return Model(picture, layers.Conv2D(5, 1, name="head")(x), name="pnet")


def rnet() -> Model:
    """Refinement: windows float32 [N, 24, 24, 3] to float32 [N, 5]."""
    window = layers.Input((24, 24, 3), name="window")
    x = _block(window, 28, 3, "1")
    x = layers.MaxPooling2D(3, 2, padding="same", name="pool1")(x)
    x = _block(x, 48, 3, "2")
    x = layers.MaxPooling2D(3, 2, padding="valid", name="pool2")(x)
    x = _block(x, 64, 2, "3")
    x = _dense(x, 128, "4")
    return Model(window, layers.Dense(5, name="head")(x), name="rnet")


def onet() -> Model:
    """Output: windows float32 [N, 48, 48, 3] to float32 [N, 15], landmarks included."""
    window = layers.Input((48, 48, 3), name="window")
    x = _block(window, 32, 3, "1")
    x = layers.MaxPooling2D(3, 2, padding="same", name="pool1")(x)
    x = _block(x, 64, 3, "2")
    x = layers.MaxPooling2D(3, 2, padding="valid", name="pool2")(x)
    x = _block(x, 64, 3, "3")
    x = layers.MaxPooling2D(2, 2, padding="same", name="pool3")(x)
    x = _block(x, 128, 2, "4")
    x = _dense(x, 256, "5")
    return Model(window, layers.Dense(15, name="head")(x), name="onet")


def _block(x: KerasTensor, filters: int, size: int, number: str) -> KerasTensor:
    """A convolution and its PReLU. One slope a channel keeps alpha [1, 1, C], which TFLite runs as
    one operator; any other shape becomes five."""
    x = layers.Conv2D(filters, size, name=f"conv{number}")(x)
    return layers.PReLU(shared_axes=[1, 2], name=f"prelu{number}")(x)


def _dense(x: KerasTensor, units: int, number: str) -> KerasTensor:
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(units, name=f"dense{number}")(x)
    return layers.PReLU(name=f"prelu{number}")(x)
