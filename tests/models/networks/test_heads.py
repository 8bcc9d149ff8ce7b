import io
import warnings

import numpy as np
import onnxruntime
import pytest
import torch

from epochal.errors import EpochalError
from epochal.models.networks.heads import HEADS, OrdinalHead, make_head

N_IN = 5


def make(kind, n_classes=4, seed=0):
    torch.manual_seed(seed)
    return make_head(kind, N_IN, n_classes)


def representation(n_sequences=3, n_epochs=4, scale=1.0):
    generator = torch.Generator().manual_seed(1)
    return scale * torch.randn(n_sequences, n_epochs, N_IN, generator=generator)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("kind", HEADS)
def test_a_head_gives_a_logit_per_class_and_all_its_weights_learn(kind, n_classes):
    head = make(kind, n_classes)
    logits = head(representation())
    assert logits.shape == (3, 4, n_classes)
    logits.square().sum().backward()
    for name, weights in head.named_parameters():
        assert torch.isfinite(weights.grad).all(), name
        assert weights.grad.abs().sum() > 0 or weights.numel() == 0, name


@pytest.mark.parametrize("kind", ["ordinal", "crf"])
def test_log_probabilities_are_their_own_log_softmax(kind):
    log_proba = make(kind)(representation())
    assert torch.allclose(log_proba.exp().sum(-1), torch.ones(3, 4), atol=1e-5)
    assert torch.allclose(torch.log_softmax(log_proba, -1), log_proba, atol=1e-5)


def test_an_unknown_head_is_named_with_the_nearest():
    with pytest.raises(EpochalError, match="no head 'ordnal'; did you mean 'ordinal'"):
        make_head("ordnal", 3, 3)


def test_a_new_ordinal_head_holds_all_classes_for_equally_likely():
    proba = make("ordinal", 5)(torch.zeros(1, 1, N_IN)).exp()
    assert torch.allclose(proba, torch.full((1, 1, 5), 0.2), atol=1e-5)


def test_ordinal_probabilities_are_differences_of_the_cumulative_link():
    head = make("ordinal", 4)
    with torch.no_grad():
        head.first.fill_(1.3)
        head.gaps.copy_(torch.tensor([0.5, -2.0]))
    values = representation().double()
    biases, _ = head.double().thresholds()
    beyond = torch.sigmoid(head.score(values) + biases)
    cumulative = torch.cat([torch.ones(3, 4, 1), beyond, torch.zeros(3, 4, 1)], -1)
    expected = cumulative[..., :-1] - cumulative[..., 1:]
    assert torch.allclose(head(values).exp(), expected, atol=1e-9)


def test_the_thresholds_cannot_leave_their_order():
    head = make("ordinal", 5)
    with torch.no_grad():
        head.gaps.copy_(torch.tensor([-50.0, -3.0, 8.0]))
    biases, gaps = head.thresholds()
    assert (biases.diff() < 0).all()
    assert torch.allclose(-biases.diff(), gaps, atol=1e-5)


def test_a_rising_score_moves_the_likeliest_class_up_one_by_one():
    head = make("ordinal", 4)
    with torch.no_grad():
        head.score.weight.zero_()
        head.score.weight[0, 0] = 1.0
        head.gaps.fill_(3.0)  # a class whose thresholds all but touch is never the likeliest
    values = torch.zeros(1, 200, N_IN)
    values[0, :, 0] = torch.linspace(-20, 20, 200)
    likeliest = head(values).argmax(-1)[0]
    assert (likeliest.diff() >= 0).all()
    assert likeliest.unique().tolist() == [0, 1, 2, 3]


def test_extreme_scores_have_finite_log_probabilities_and_gradients():
    head = make("ordinal", 4)
    values = representation(scale=1e4).requires_grad_()
    log_proba = head(values)
    log_proba.sum().backward()
    assert torch.isfinite(log_proba).all()
    assert torch.isfinite(values.grad).all()


def test_an_order_needs_two_classes():
    with pytest.raises(EpochalError, match="two classes"):
        OrdinalHead(3, 1)


@pytest.mark.slow
def test_an_ordinal_head_learns_an_order_from_one_score():
    head = make("ordinal", 3)
    values = representation(1, 300)
    score = values[..., 0] - 2 * values[..., 1]
    target = (score > -1).long() + (score > 1).long()
    optimiser = torch.optim.Adam(head.parameters(), lr=0.1)
    for _ in range(150):
        optimiser.zero_grad()
        loss = torch.nn.functional.nll_loss(head(values).flatten(0, 1), target.flatten())
        loss.backward()
        optimiser.step()
    assert (head(values).argmax(-1) == target).float().mean() > 0.97


def export(head, values, **free):
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's age, and that the loop is unrolled
        torch.onnx.export(
            head.eval(), (values,), buffer, dynamo=False, opset_version=17,
            input_names=["x"], output_names=["logits"], **free,
        )  # fmt: skip
    return onnxruntime.InferenceSession(buffer.getvalue(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("kind", HEADS)
def test_the_onnx_form_says_the_same_for_another_batch(kind):
    head = make(kind)
    session = export(head, representation(2, 6), dynamic_axes={"x": {0: "B"}})
    for scale in (1.0, 30.0):
        values = representation(5, 6, scale=scale)
        with torch.inference_mode():
            expected = head(values).numpy()
        (found,) = session.run(None, {"x": values.numpy()})
        assert np.abs(np.exp(found) - np.exp(expected)).max() < 1e-4 or kind == "linear"
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_the_ordinal_form_is_free_in_length_too():
    head = make("ordinal")
    session = export(head, representation(2, 6), dynamic_axes={"x": {0: "B", 1: "L"}})
    values = representation(3, 11)
    (found,) = session.run(None, {"x": values.numpy()})
    assert found == pytest.approx(head(values).detach().numpy(), abs=1e-4)
