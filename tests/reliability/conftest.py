"""What fault tests have in common."""

import random

import pytest


@pytest.fixture
def rng() -> random.Random:
    """A source of chance, whose seed is shown where the test fails."""
    seed = random.randrange(1 << 32)
    print("seed", seed)  # noqa: T201
    return random.Random(seed)
