"""From axes to cells, and what is refused before any is fitted."""

import pytest
from pydantic import ValidationError

from epochal.errors import EpochalError
from epochal.experiments.grid import check, expand
from epochal.experiments.options import Cell, ExperimentOptions
from epochal.options.base import say_fault


def names(**axes):
    return [cell.name for cell in expand(ExperimentOptions(**axes))]


def test_a_grid_has_every_combination_in_order():
    cells = expand(ExperimentOptions(context=(7, 1), loss=("focal", "ordinal")))
    assert [(cell.context, cell.loss) for cell in cells] == [
        (7, "focal"), (7, "ordinal"), (1, "focal"), (1, "ordinal"),
    ]  # fmt: skip


def test_one_at_a_time_changes_one_axis_of_the_usual_cell():
    cells = expand(
        ExperimentOptions(
            design="one_at_a_time",
            context=(7, 1),
            loss=("focal", "ordinal"),
            emg=("channel", "none"),
            channels={"channel": (), "none": ("EEG",)},
        )
    )
    usual = Cell(context=7, loss="focal")
    assert cells == [
        usual,
        usual.model_copy(update={"context": 1}),
        usual.model_copy(update={"loss": "ordinal"}),
        usual.model_copy(update={"emg": "none"}),
    ]


def test_a_network_of_single_epochs_has_a_context_of_one_and_comes_once():
    cells = expand(ExperimentOptions(context=(7, 1), backbone=("cnn1d", "s4d")))
    assert [(cell.backbone, cell.context) for cell in cells] == [
        ("cnn1d", 1), ("s4d", 7), ("s4d", 1),
    ]  # fmt: skip


def test_a_cell_is_named_by_what_is_unusual_about_it():
    plain = "cnn_bilstm-7-weighted_cross_entropy-emg_channel"
    assert names(context=(7,)) == [plain]
    assert names(context=(7,), pretraining=("masked",), labelled=(3,), label_noise=(0.3,)) == [
        f"{plain}-masked-labelled_3-noise_0.3"
    ]


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"backbone": ("cnn_bilst",)}, "no backbone 'cnn_bilst'; did you mean 'cnn_bilstm'?"),
        ({"loss": ("focl",)}, "no loss 'focl'; did you mean 'focal'?"),
        ({"emg": ("chanel",)}, "no emg 'chanel'; did you mean 'channel'?"),
        ({"smoothing": ("non",)}, "no smoothing 'non'; did you mean 'none'?"),
    ],
)
def test_a_misspelt_name_is_refused_with_a_suggestion(axes, message):
    with pytest.raises(EpochalError) as caught:
        expand(ExperimentOptions(**axes))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("axes", "place"),
    [
        ({"context": (7, 0)}, "context.1"),
        ({"labelled": (-1,)}, "labelled.0"),
        ({"label_noise": (0.0, 2.0)}, "label_noise.1"),
        ({"label_noise": (1.0,)}, "label_noise.0"),
    ],
)
def test_a_value_that_no_cell_can_have_is_refused_where_it_stands(axes, place):
    with pytest.raises(ValidationError) as caught:
        ExperimentOptions(**axes)
    assert say_fault(caught.value.errors()[0]).startswith(f"{place}: Input should be ")


PLAIN = "cnn_bilstm-7-weighted_cross_entropy-emg_channel"
BESIDE = {"context": (7,), "baselines": ("three_features",), "smoothing": ("none", "viterbi")}


@pytest.mark.parametrize("smoothed", ["", "+viterbi"])
@pytest.mark.parametrize("name", [PLAIN, "three_features"])
def test_any_row_can_be_the_reference(name, smoothed):
    check(ExperimentOptions(**BESIDE, reference=name + smoothed))


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("three_feature", "no row 'three_feature'; did you mean 'three_features'?"),
        (f"{PLAIN}+viterby", f"did you mean '{PLAIN}+viterbi'?"),
        (f"{PLAIN}+mode", f"no row '{PLAIN}+mode'"),
    ],
)
def test_a_reference_that_is_no_row_is_refused_before_anything_is_fitted(reference, message):
    with pytest.raises(EpochalError) as caught:
        check(ExperimentOptions(**BESIDE, reference=reference))
    assert message in str(caught.value)


def test_the_options_of_every_cell_are_checked_before_anything_is_fitted():
    with pytest.raises(EpochalError, match="no `kind` in `model`: give the axis `backbone`"):
        check(ExperimentOptions(model={"kind": "s4d"}))
    with pytest.raises(EpochalError, match="gamma is -1"):
        check(
            ExperimentOptions(
                loss=("weighted_cross_entropy", "focal"), model={"loss": {"params": {"gamma": -1}}}
            )
        )
