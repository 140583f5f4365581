"""Recipes that leave a kind of fakes out."""

from __future__ import annotations

import pytest

from training.fit import recipes
from training.fit.development import HELD_OUT
from training.forgery import kinds

OF_OTHERS = {"dfdc": "deepfakes", "gan": "generated", "photoshop": "composites"}


@pytest.mark.parametrize("name", recipes.RECIPES)
@pytest.mark.parametrize("kind", recipes.LEFT_OUT)
def test_what_a_recipe_leaves_out_has_no_share_and_no_teacher_who_saw_it(name, kind):
    recipe = recipes.left_out(recipes.RECIPES[name], kind)
    assert not recipe.teacher
    if name == "small":
        assert recipe.views.window_px == recipe.input_px
    if kind in OF_OTHERS:
        assert getattr(recipe, OF_OTHERS[kind]) == 0
    else:
        assert recipe.without == kind


def test_every_kind_that_val_measures_can_be_left_out_but_the_one_that_always_is():
    assert set(recipes.LEFT_OUT) | {HELD_OUT} == {*kinds.KINDS, *OF_OTHERS}
