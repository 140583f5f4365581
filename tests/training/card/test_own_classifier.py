"""A classifier of one's own: registered, calibrated, measured, with a card that claims no more."""

from __future__ import annotations

import numpy as np
import pytest

from convert import bootstrap
from models import registry
from tests.convert.test_classifier import KERAS_SAVES
from tests.training.pictures import SIDE_PX, picture, unpack, write_data

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings(KERAS_SAVES),
]


@pytest.fixture
def registered(tmp_path, monkeypatch):
    """An empty registry, whose results lie beside it."""
    from training.card import text

    weights = tmp_path / "models" / "weights"
    weights.mkdir(parents=True)
    (weights.parent / "cards").mkdir()
    monkeypatch.setattr(registry, "WEIGHTS", weights)
    monkeypatch.setattr(text, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(bootstrap, "DRAWS", 50)  # a rough interval will do
    registry.spec.cache_clear()
    yield
    registry.spec.cache_clear()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"), train_pairs=1, val_pairs=12)


def stripes(sign: float):
    """A network that sees the stripes of the generated fakes: P(fake), or with -1 P(real)."""
    import keras
    from keras import layers

    x = keras.Input((SIDE_PX, SIDE_PX, 3))
    edges = layers.Conv2D(1, (1, 3), use_bias=False)
    y = layers.GlobalAveragePooling2D()(layers.ReLU()(edges(x)))
    end = layers.Dense(1, "sigmoid")
    model = keras.Model(x, end(y))
    edges.set_weights([np.repeat([[[[-1.0]], [[0.0]], [[1.0]]]], 3, axis=2) / 3])
    end.set_weights([np.array([[sign * 20]]), np.array([-sign * 2])])
    return model


def write_crops(crops) -> None:
    import cv2

    rng = np.random.default_rng(0)
    for kind in ("real", "fake"):
        (crops / kind).mkdir(parents=True)
        for n in range(6):
            cv2.imwrite(str(crops / kind / f"{n}.png"), picture(rng, kind == "fake"))


def convert(tmp_path, sign: float, positive: str) -> int:
    write_crops(tmp_path / "crops")
    stripes(sign).save(tmp_path / "stripes.keras")
    return convert_again(tmp_path, positive)


def convert_again(tmp_path, positive: str) -> int:
    from convert.__main__ import main

    command = ["keras", str(tmp_path / "stripes.keras"), "--calibrate", str(tmp_path / "crops")]
    command += ["--positive", positive, "--quantize", "none", "--out", str(tmp_path)]
    return main([*command, "--register", "mine"])


@pytest.mark.parametrize(("sign", "positive"), [(1, "fake"), (-1, "real")])
def test_register_calibrate_report(sign, positive, registered, data, tmp_path, capsys) -> None:
    from training.__main__ import main

    assert convert(tmp_path, sign, positive) == 0
    assert "takes fakes for real" not in capsys.readouterr().out
    arguments = ["--data", str(data)]
    assert main([*arguments, "report", "mine"]) == 1
    assert "python -m training calibrate mine" in capsys.readouterr().err
    assert main([*arguments, "calibrate", "mine"]) == 0
    calibration = registry.spec("mine").calibration
    assert calibration is not None
    assert calibration.scale > 0
    assert calibration.real_at <= 0.5 <= calibration.fake_at
    capsys.readouterr()
    assert main([*arguments, "lr", "mine", "--out", str(tmp_path / "lr")]) == 0
    told = capsys.readouterr().out
    assert "set val  cllr 0." in told
    assert "reals 6  reals_called_fake 0.0" in told
    assert (tmp_path / "lr" / "lr-tippett.png").stat().st_size > 5000
    likelihood = registry.spec("mine").likelihood
    assert likelihood is not None
    assert (likelihood.genuine, likelihood.manipulated) == (6, 6)
    assert 1 / 7 <= likelihood.bounds[0] < 1 < likelihood.bounds[1] <= 7, "six people carry no more"
    assert likelihood.covers == ("face swap",)
    assert main([*arguments, "report", "mine"]) == 0
    card = registry.spec("mine").card.read_text()
    assert f'one logit for the class "{positive}"' in card
    assert "What it was trained on is not known here" in card
    assert "| auc | 1.000 |" in card
    for claim in (
        "6,762",
        "Dolhansky",
        "FairFace",
        "FaceForensics",
        "EfficientNet",
        "{",
    ):
        assert claim not in card, claim
    assert registry.spec("mine").rates is None, "there is no test part"
    assert convert_again(tmp_path, positive) == 0
    assert registry.spec("mine").card.read_text() == card, "what was measured stays"


def test_the_wrong_way_round_is_told(registered, data, tmp_path, capsys) -> None:
    from training.__main__ import main

    assert convert(tmp_path, 1, "real") == 0
    assert "takes fakes for real" in capsys.readouterr().out
    assert main(["--data", str(data), "calibrate", "mine"]) == 1
    assert "--positive" in capsys.readouterr().err


def test_a_prepared_folder_gives_the_parts_and_its_name(registered, data, tmp_path) -> None:
    """As `training prepare` leaves it: real/ and fake/, a manifest with splits, done.jsonl."""
    import csv

    from training.__main__ import main

    folder = tmp_path / "prepared"
    unpack(data / "dfdc224-val.tar", folder)
    (folder / "done.jsonl").touch()
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))
    with (folder / "manifest.csv").open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["file", "split", "identity"])
        for n, name in enumerate(names):
            writer.writerow([name, "test" if n % 3 == 0 else "val", f"person {n}"])
    assert convert(tmp_path, 1, "fake") == 0
    for command in ("calibrate", "report"):
        assert main(["--data", str(folder), command, "mine"]) == 0
    card = registry.spec("mine").card.read_text()
    assert "### prepared val, used to choose thresholds and calibration: 16 crops" in card
    assert "### prepared test, used here for nothing but this line: 8 crops" in card
    assert "DFDC" not in card
    rates = registry.spec("mine").rates
    assert rates is not None
    assert (rates.flags_fake, rates.flags_real) == (1.0, 0.0)
    assert rates.part == "prepared test, single crops"


def test_classes_that_do_not_overlap_get_thresholds_between_them() -> None:
    from training.card.export import fitted

    logits = np.array([-3, -2.5, -2, 2, 2.5, 3], np.float32)
    fake = logits > 0
    calibration = fitted(logits, fake)
    p_fake = 1 / (1 + np.exp(-(calibration.scale * logits + calibration.offset)))
    assert (p_fake[fake] >= calibration.fake_at).all()
    assert (p_fake[~fake] < calibration.fake_at).all()
    assert (p_fake[~fake] <= calibration.real_at).all()
    with pytest.raises(ValueError, match="no crops of one class"):
        fitted(logits, np.ones(6, bool))


def test_what_is_exported_from_prepared_data_claims_no_other(tmp_path) -> None:
    from training.data import crops

    assert crops.set_name(tmp_path) == "DFDC"
    (tmp_path / "done.jsonl").touch()
    assert crops.set_name(tmp_path) == tmp_path.name


def test_a_detector_is_not_calibrated(tmp_path) -> None:
    from training.card.export import calibrate

    with pytest.raises(ValueError, match="does not tell fake from real"):
        calibrate("mtcnn", tmp_path)
