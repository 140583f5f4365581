"""How long a leg of training is."""

from __future__ import annotations

from types import SimpleNamespace

from training.fit.leg import Leg, _left, _over, _rate


def test_a_leg_of_steps_ends_after_them_on_a_machine_of_any_speed():
    training = SimpleNamespace(step=500)
    left = _left(Leg(minutes=0, steps=40, cooldown=10), training)
    rate, over = _rate(left, 10), _over(left, lambda: False, float("inf"))
    rates = []
    while not over():
        rates.append(rate())
        training.step += 1
    assert rates[:31] == [1.0] * 31
    assert rates[31:] == [n / 10 for n in range(9, 0, -1)]
    assert rate() == 0


def test_a_leg_of_minutes_ends_by_the_clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    left = _left(Leg(minutes=2, cooldown=1), SimpleNamespace(step=0))
    rate, over = _rate(left, 1), _over(left, lambda: False, float("inf"))
    assert (left(), rate(), over()) == (2, 1, False)
    now[0] += 90
    assert (rate(), over()) == (0.5, False)
    now[0] += 30
    assert (rate(), over()) == (0, True)


def test_a_checkpoint_and_a_signal_interrupt_it(monkeypatch):
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    left = _left(Leg(minutes=2), SimpleNamespace(step=0))
    assert _over(left, lambda: True, float("inf"))()
    assert _over(left, lambda: False, 99.0)()
    assert not _over(left, lambda: False, 101.0)()
    assert _rate(left, 0)() == 1
