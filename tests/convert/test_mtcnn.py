"""The converted detector is the package's, and only the package's own weights are ever opened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from convert import mtcnn
from convert.__main__ import main
from convert.errors import ConversionError
from models import registry

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = ["pnet", "rnet", "onet"]


@pytest.mark.parametrize("network", NETWORKS)
def test_the_committed_file_answers_as_the_packages_network_does(network: str) -> None:
    content = registry.spec("mtcnn").file(network).read_bytes()
    assert mtcnn.difference(network, mtcnn.read(network), content) <= 1e-5


def test_a_network_that_answers_differently_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mtcnn, "_fold_normalisation", lambda kernel, bias: (kernel, bias))
    with pytest.raises(ConversionError, match="off the package's"):
        mtcnn.convert(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("network", NETWORKS)
def test_every_slope_is_a_single_operator(network: str) -> None:
    """A PReLU in pieces would be right as well, but much slower."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(registry.spec("mtcnn").file(network)))
    names = [operator["op_name"] for operator in interpreter._get_ops_details()]
    assert names.count("PRELU") == {"pnet": 3, "rnet": 4, "onet": 5}[network]
    assert not {"RELU", "NEG", "MUL", "ADD", "SUB", "DIV", "SOFTMAX", "TRANSPOSE"} & set(names)


def test_a_strangers_weights_are_never_unpickled(tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    pickled = f"cposix\nsystem\n(Vtouch {trap}\ntR.".encode()
    (tmp_path / "pnet.lz4").write_bytes(pickled)
    with pytest.raises(ConversionError, match=r"mtcnn==1\.0\.0"):
        mtcnn.read("pnet", tmp_path)
    assert not trap.exists()


def test_weights_in_the_working_directory_are_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pnet.lz4").write_bytes(b"planted")
    monkeypatch.chdir(tmp_path)
    assert [array.dtype for array in mtcnn.read("pnet")] == [np.float32] * 13


def test_the_command_fails_where_the_weights_are_not_the_known_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(mtcnn.SHA256, "pnet", "0" * 64)
    assert main(["mtcnn", "--out", str(tmp_path)]) == 1
    assert "install mtcnn==1.0.0" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_converting_again_gives_the_committed_bytes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "convert", "mtcnn", "--out", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "largest difference" in done.stdout
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(written) == 4
    assert written == {name: (registry.WEIGHTS / name).read_bytes() for name in written}
