import numpy as np
import pytest

from epochal.simulation.wearable_tasks import (
    EFFECTS,
    STRESS_PREDICT,
    WESAD_ORDERS,
    draw_stress_predict,
    draw_wesad,
)


def test_stress_predict_keeps_its_order_and_mean_lengths():
    drawn = [draw_stress_predict(np.random.default_rng(seed), 1.0) for seed in range(60)]
    assert {tuple(stretch.task for stretch in one) for one in drawn} == {
        tuple(task for task, _, _ in STRESS_PREDICT)
    }
    lengths = np.mean([[stretch.duration_s for stretch in one] for one in drawn], axis=0)
    assert lengths == pytest.approx([mean for _, mean, _ in STRESS_PREDICT], rel=0.06)


def test_the_tempo_scales_every_length():
    whole, half = (draw_stress_predict(np.random.default_rng(0), tempo) for tempo in (1.0, 0.5))
    for one, other in zip(whole, half, strict=True):
        assert other.duration_s == pytest.approx(one.duration_s / 2, abs=1)


@pytest.mark.parametrize("order", WESAD_ORDERS)
def test_wesad_puts_a_transient_around_every_condition(order):
    stretches, names = draw_wesad(order, np.random.default_rng(0), 0.3)
    assert [name for name in names if name] == list(order)
    assert [stretch.task for stretch in stretches][::2] == ["transient"] * 6
    assert all(
        bool(name) == (stretch.task != "transient")
        for name, stretch in zip(names, stretches, strict=True)
    )


def test_stressful_tasks_raise_heart_rate_and_responses():
    rest = EFFECTS["relax"]
    for task in ("stroop", "interview", "hyperventilation", "tsst"):
        assert EFFECTS[task].heart > rest.heart
        assert EFFECTS[task].responses > rest.responses
    assert EFFECTS["stroop"].moving_s < rest.moving_s < EFFECTS["interview"].moving_s
    assert EFFECTS["hyperventilation"].breathing > 1.5
