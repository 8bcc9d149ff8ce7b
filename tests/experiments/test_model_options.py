"""From a cell to the options of its network: nothing that conf says is lost."""

import pytest

from epochal.errors import EpochalError
from epochal.experiments.model_options import network_options
from epochal.experiments.options import Cell, ExperimentOptions
from epochal.options.deep import NetworkModelOptions
from epochal.options.networks import PretrainingOptions
from experiment_material import make_options


def of(cell, **model):
    return network_options(cell, ExperimentOptions(model=model))


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
    assert model.pretraining == PretrainingOptions()
    assert network_options(Cell(pretraining="byol"), options).pretraining.max_epochs == 2


def test_a_wrong_option_of_the_network_is_named_in_one_line():
    options = ExperimentOptions(model={"training": {"max_epoch": 3}})
    with pytest.raises(EpochalError, match=r"model\.training\.max_epoch"):
        network_options(Cell(), options)


def test_without_more_in_conf_a_network_has_its_cells_options_and_the_usual_rest():
    assert of(Cell(context=7, loss="focal")) == NetworkModelOptions(
        kind="cnn_bilstm",
        sequence={"n_epochs": 7},
        loss={"kind": "focal"},
        training={"batch_size": 256 // 7},
    )


@pytest.mark.parametrize(("context", "stride"), [(30, 4), (7, 4), (3, 3), (1, 1)])
def test_a_stride_in_conf_is_kept_and_never_longer_than_the_sequence(context, stride):
    sequence = of(Cell(context=context), sequence={"stride": 4}).sequence
    assert (sequence.n_epochs, sequence.stride) == (context, stride)


def test_a_stride_that_is_none_is_refused_where_it_stands():
    with pytest.raises(EpochalError, match=r"experiment: model\.sequence\.stride: Input should"):
        of(Cell(), sequence={"stride": "often"})


def test_a_parameter_of_a_loss_goes_to_the_losses_that_take_it():
    params = {"gamma": 3, "q": 0.5}
    taken = {
        kind: of(Cell(loss=kind), loss={"params": params}).loss.params
        for kind in ("focal", "generalised_cross_entropy", "weighted_cross_entropy")
    }
    assert taken == {
        "focal": {"gamma": 3},
        "generalised_cross_entropy": {"q": 0.5},
        "weighted_cross_entropy": {},
    }


def test_a_parameter_that_no_loss_takes_is_refused_with_a_suggestion():
    with pytest.raises(EpochalError, match=r"no loss takes 'gama'; did you mean 'gamma'\?"):
        of(Cell(), loss={"params": {"gama": 3}})


def test_parameters_of_a_loss_that_are_no_mapping_are_refused_where_they_stand():
    with pytest.raises(EpochalError, match=r"experiment: model\.loss\.params: options by name"):
        of(Cell(), loss={"params": 3})


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"kind": "s4d"}, "no `kind` in `model`: give the axis `backbone`"),
        ({"loss": {"kind": "focal"}}, "no `loss.kind` in `model`: give the axis `loss`"),
        (
            {"sequence": {"n_epochs": 7}},
            "no `sequence.n_epochs` in `model`: give the axis `context`",
        ),
        (
            {"pretraining": {"task": "byol"}},
            "no `pretraining.task` in `model`: give the axis `pretraining`",
        ),
        ({"calibration": "temperature"}, "no `calibration` in `model`: nothing is calibrated here"),
        ({"early_stopping": {}}, "no `early_stopping` in `model`: it is for boosted trees"),
        ({"tune": {"space": {}}}, "no `tune` in `model`: a cell is one fit"),
    ],
)
def test_what_an_axis_says_or_no_cell_reads_is_refused_in_one_line(model, message):
    with pytest.raises(EpochalError) as caught:
        of(Cell(), **model)
    assert str(caught.value).startswith(f"experiment: {message}")
    assert "\n" not in str(caught.value)


def test_what_conf_leaves_empty_is_not_given():
    plain = of(Cell())
    assert of(Cell(), calibration=None, kind=None, loss=None, sequence={"stride": None}) == plain


@pytest.mark.parametrize("model", [{"training": 3}, {"loss": {"params": [3]}}])
def test_a_part_without_names_is_refused(model):
    with pytest.raises(EpochalError, match="options by name are wanted"):
        of(Cell(), **model)


def test_a_rule_of_the_whole_network_is_told_without_a_stray_dot():
    with pytest.raises(EpochalError, match=r"experiment: model: .*leave it out"):
        of(Cell(), targets="votes", class_weight="sqrt")
