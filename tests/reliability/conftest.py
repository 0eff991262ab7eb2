"""What fault tests have in common."""

import os
import random

import pytest

GIVEN_SEED = os.environ.get("TEST_SEED")


@pytest.fixture
def rng() -> random.Random:
    """Where what a test leaves to chance comes from: moments, which fault, which client does what.

    Its seed is shown where the test fails, and `TEST_SEED=123 contrib/test.sh tests/reliability/test_kills.py` makes
    the same choices again. (How far the service is when they are carried out differs each time, and so do names that
    only have to be new.)
    """
    seed = int(GIVEN_SEED) if GIVEN_SEED else random.randrange(1 << 32)
    print("TEST_SEED", seed)  # noqa: T201
    return random.Random(seed)
