import math

import pytest
import torch

from epochal.errors import EpochalError
from epochal.models.networks.attention import SelfAttention, count_places, encode_places


def make_attention(width=12, n_heads=3, **params):
    torch.manual_seed(0)
    return SelfAttention(width, n_heads, **params).eval()


def attend_by_pytorch(ours, epochs, **params):
    theirs = torch.nn.MultiheadAttention(12, 3, bias=True, batch_first=True).eval()
    theirs.in_proj_weight.data, theirs.in_proj_bias.data = ours.project.weight.data, torch.zeros(36)
    theirs.out_proj.weight.data, theirs.out_proj.bias.data = (
        ours.merge.weight.data, ours.merge.bias.data,
    )  # fmt: skip
    return theirs(epochs, epochs, epochs, need_weights=False, **params)[0]


def test_it_attends_as_pytorch_does():
    attention, epochs = make_attention(), torch.randn(2, 7, 12)
    assert torch.allclose(attention(epochs), attend_by_pytorch(attention, epochs), atol=1e-5)


def test_it_hides_what_comes_later_as_pytorch_does():
    attention, epochs = make_attention(causal=True), torch.randn(2, 7, 12)
    later = torch.ones(7, 7, dtype=torch.bool).triu(1)
    expected = attend_by_pytorch(attention, epochs, attn_mask=later)
    assert torch.allclose(attention(epochs), expected, atol=1e-5)


def test_the_first_epoch_of_a_causal_one_has_itself_alone_to_attend_to():
    attention, epochs = make_attention(causal=True), torch.randn(2, 5, 12)
    value = attention.project(epochs)[:, 0, 24:]
    assert torch.allclose(attention(epochs)[:, 0], attention.merge(value), atol=1e-6)


def test_without_places_the_order_of_epochs_is_nothing():
    attention, epochs = make_attention(), torch.randn(2, 7, 12)
    order = torch.randperm(7)
    assert torch.allclose(attention(epochs[:, order]), attention(epochs)[:, order], atol=1e-5)


def test_with_relative_places_the_order_of_epochs_matters():
    attention, epochs = make_attention(relative=True), torch.randn(2, 7, 12)
    order = torch.arange(6, -1, -1)
    gap = attention(epochs[:, order]) - attention(epochs)[:, order]
    assert float(gap.detach().abs().max()) > 1e-3


@torch.no_grad()
def test_relative_scores_are_those_of_the_paper_term_by_term():
    places = make_attention(relative=True).distance
    places.content_bias.data.normal_()
    places.place_bias.data.normal_()
    query, key = torch.randn(1, 3, 4, 4), torch.randn(1, 3, 4, 4)
    scores = places(query, key, torch.arange(4.0))
    for head, i, j in [(0, 0, 3), (1, 2, 1), (2, 3, 3)]:
        encoded = places.project(encode_places(torch.tensor(float(i - j)), 12))
        encoded = encoded[4 * head : 4 * head + 4]
        expected = query[0, head, i] @ encoded  # b
        expected += places.content_bias[head, 0] @ key[0, head, j]  # c
        expected += places.place_bias[head, 0] @ encoded  # d
        assert float(scores[0, head, i, j]) == pytest.approx(float(expected), abs=1e-5)


def test_relative_places_know_distances_alone():
    """The same query at every place: its score for the next epoch is the same everywhere."""
    places = make_attention(relative=True).distance
    query = torch.randn(1, 3, 1, 4).expand(1, 3, 6, 4)
    scores = places(query, query, torch.arange(6.0))
    shifted = places(query, query, torch.arange(6.0) + 40)
    assert torch.allclose(scores, shifted, atol=1e-4)
    following = scores.diagonal(offset=1, dim1=2, dim2=3)
    assert torch.allclose(following, following[..., :1].expand_as(following), atol=1e-5)


def test_places_are_counted_from_nought():
    assert count_places(torch.zeros(2, 4, 9)).tolist() == [0.0, 1.0, 2.0, 3.0]


def test_the_code_of_a_place_is_the_papers_sinusoids():
    code = encode_places(torch.tensor([0.0, 3.0]), 8)
    assert code[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    angles = [3 / 10_000 ** (2 * i / 8) for i in range(4)]
    expected = [*map(math.sin, angles), *map(math.cos, angles)]
    assert code[1].tolist() == pytest.approx(expected, abs=1e-6)


def test_an_odd_width_gets_a_code_of_its_size():
    assert encode_places(torch.arange(5.0), 7).shape == (5, 7)


def test_a_width_that_the_heads_cannot_share_is_refused():
    with pytest.raises(EpochalError, match="a width of 10 cannot be shared by 4 heads"):
        SelfAttention(10, 4)
