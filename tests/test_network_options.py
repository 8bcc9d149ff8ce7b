import pytest
from pydantic import ValidationError

from epochal.models.training.augmentation import AUGMENTATIONS
from epochal.models.training.losses import LOSSES, make_loss
from epochal.models.training.sampling import SAMPLERS, make_sampler
from epochal.options import networks
from epochal.options.base import Options
from epochal.options.deep import NetworkModelOptions
from epochal.options.networks import (
    AugmentationOptions,
    LossOptions,
    PretrainingOptions,
    SamplingOptions,
    SequenceOptions,
    TrainingOptions,
)

MODELS = [
    value for value in vars(networks).values()
    if isinstance(value, type) and issubclass(value, Options) and value is not Options
]  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_parameter_says_what_it_is(model):
    for name, field in model.model_fields.items():
        assert len(field.description or "") > 10, name


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_an_unknown_parameter_is_refused(model):
    with pytest.raises(ValidationError, match="no option 'n_epoch'"):
        model.model_validate({"kind": "shift", "n_epoch": 3})


def test_sequences_do_not_overlap_unless_they_are_told_to():
    assert SequenceOptions(n_epochs=20).step == 20
    assert SequenceOptions(n_epochs=20, stride=5).step == 5
    assert SequenceOptions().step == 1


def test_a_stride_must_not_leave_epochs_out():
    with pytest.raises(ValidationError, match="stride of 6 leaves out epochs"):
        SequenceOptions(n_epochs=5, stride=6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_epochs": 0},
        {"learning_rate": 0.0},
        {"validation_share": 1.0},
        {"schedule": "linear"},
        {"precision": "64"},
        {"max_minutes": 0},
        {"gradient_clip": 0},
        {"keep_checkpoints": 0},
    ],
    ids=str,
)
def test_training_refuses_what_cannot_be(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        TrainingOptions(**wrong)


def test_oversampling_needs_to_know_of_what():
    with pytest.raises(ValidationError, match="needs `classes`"):
        SamplingOptions(kind="oversample")


def test_the_default_loss_is_in_the_roster():
    options = LossOptions()
    assert options.kind in LOSSES
    assert make_loss(options.kind, **options.params).vote_power == 0


def test_the_options_and_the_roster_name_the_same_orders():
    kinds = set(SamplingOptions.model_fields["kind"].annotation.__args__)
    assert kinds == set(SAMPLERS)
    assert callable(make_sampler(SamplingOptions(), classes=("a",)))


def test_the_default_copies_of_pre_training_are_in_the_roster():
    assert PretrainingOptions().task is None
    kinds = {step.kind for step in PretrainingOptions().augmentations}
    assert kinds <= set(AUGMENTATIONS)


@pytest.mark.parametrize("probability", [-0.1, 1.1])
def test_a_probability_is_one(probability):
    with pytest.raises(ValidationError, match="probability"):
        AugmentationOptions(kind="shift", probability=probability)


OVER_SEQUENCES = {
    "sequence": {"n_epochs": 7},
    "training": {"max_epochs": 3},
    "augmentations": [{"kind": "shift"}],
    "sampling": {"kind": "hard", "first_epochs": 1},
    "pretraining": {"task": "masked", "max_epochs": 3},
    "pretrained": "weights",
    "domain_weight": 0.1,
}


@pytest.mark.parametrize("name", OVER_SEQUENCES)
def test_what_the_network_over_single_columns_would_pass_over_is_refused_by_name(name):
    asked = {name: OVER_SEQUENCES[name], "loss": {"kind": "focal"}}
    with pytest.raises(ValidationError, match=f"residual_mlp does not read `{name}`"):
        NetworkModelOptions(kind="residual_mlp", **asked)
    assert NetworkModelOptions(kind="column_gru", **asked).loss.kind == "focal"


def test_what_it_reads_and_what_is_as_by_default_are_taken():
    asked = {"loss": {"kind": "focal"}, "sequence": {"n_epochs": 1}, "class_weight": "sqrt"}
    assert NetworkModelOptions(kind="residual_mlp", **asked).loss.kind == "focal"


def test_what_no_task_of_pre_training_reads_is_refused_by_name():
    with pytest.raises(ValidationError, match="`masked_share` is for `task: masked`"):
        PretrainingOptions(masked_share=0.2)
    with pytest.raises(ValidationError, match="`momentum` is for `task: byol`"):
        PretrainingOptions(task="masked", momentum=0.9)
    with pytest.raises(ValidationError, match="`max_epochs` is for `task: masked or byol`"):
        PretrainingOptions(max_epochs=3)
    assert PretrainingOptions(task="byol", momentum=0.9, max_epochs=3).momentum == 0.9


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"classes": ["REM"], "factor": 5}, "`classes` is for `kind: oversample`"),
        ({"kind": "hard", "factor": 5}, "`factor` is for `kind: oversample`"),
        ({"first_epochs": 3}, "`first_epochs` is for `kind: hard or two_stage`"),
        ({"kind": "two_stage", "uniform_share": 0.1}, "`uniform_share` is for `kind: hard`"),
        ({"kind": "hard", "min_votes": 3}, "`min_votes` is for `kind: two_stage`"),
    ],
    ids=str,
)
def test_what_an_order_does_not_read_is_refused_by_name(asked, message):
    with pytest.raises(ValidationError, match=message):
        SamplingOptions(**asked)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"early_stopping": {"rounds": 3}}, "a network has `training.patience`"),
        (
            {"params": {"head": "crf"}, "loss": {"kind": "focal"}},
            "`head: crf` has a likelihood of its own",
        ),
        (
            {"sampling": {"kind": "hard"}, "training": {"max_epochs": 5}},
            "`sampling.first_epochs: 10` of `training.max_epochs: 5`: hard would never begin",
        ),
        (
            {"sampling": {"kind": "two_stage", "first_epochs": 5}, "training": {"max_epochs": 5}},
            "two_stage would never begin",
        ),
    ],
    ids=str,
)
def test_what_a_network_would_pass_over_is_refused(asked, message):
    with pytest.raises(ValidationError, match=message):
        NetworkModelOptions(kind="cnn_bigru", **asked)


def test_a_field_over_votes_is_learnt_by_their_loss():
    votes = {"targets": "votes", "loss": {"kind": "kl_votes"}}
    made = NetworkModelOptions(kind="cnn_bigru", params={"head": "crf"}, **votes)
    assert made.loss.kind == "kl_votes"
