"""What tests of models and networks share."""

import pytest


@pytest.fixture
def one_thread():
    """Let torch work on one thread: small shapes on many wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
