"""From axes to cells, and from a cell to the options of its network."""

import pytest

from epochal.errors import EpochalError
from epochal.experiments.grid import expand, network_options
from epochal.experiments.options import Cell, ExperimentOptions
from experiment_material import make_options


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


def test_a_cell_says_what_its_network_is_and_conf_the_rest():
    cell = Cell(context=8, backbone="s4d", loss="focal", pretraining="masked")
    model = network_options(cell, make_options(model={"class_weight": "sqrt"}))
    assert (model.kind, model.sequence.n_epochs, model.loss.kind) == ("s4d", 8, "focal")
    assert (model.pretraining.task, model.class_weight) == ("masked", "sqrt")


def test_a_step_learns_from_as_many_epochs_whatever_the_context():
    options = ExperimentOptions(epochs_in_batch=96)
    sizes = [network_options(Cell(context=n), options).training.batch_size for n in (1, 8, 200)]
    assert sizes == [96, 12, 1]


def test_a_batch_size_in_conf_is_kept():
    options = ExperimentOptions(model={"training": {"batch_size": 5}})
    assert network_options(Cell(context=4), options).training.batch_size == 5


def test_no_pretraining_is_none_even_where_conf_sets_its_passes():
    options = ExperimentOptions(model={"pretraining": {"max_epochs": 2}})
    model = network_options(Cell(), options)
    assert model.pretraining.task is None
    assert model.pretraining.max_epochs == 2


def test_a_wrong_option_of_the_network_is_named_in_one_line():
    options = ExperimentOptions(model={"training": {"max_epoch": 3}})
    with pytest.raises(EpochalError, match=r"model\.training\.max_epoch"):
        network_options(Cell(), options)
