"""A long run is told to stop once, and ended the second time."""

from __future__ import annotations

import os
import signal

import pytest

from training.fit.interrupt import told_to_stop


@pytest.fixture
def interruptible():
    """Ctrl-C raises: a shell that starts the tests in the background has them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_the_first_ctrl_c_waits_for_a_checkpoint_and_the_second_does_not():
    with told_to_stop() as told:
        os.kill(os.getpid(), signal.SIGINT)
        assert told == [signal.SIGINT]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
