"""What conf may call models and their parts, checked before anything runs."""

import pytest

from epochal.errors import EpochalError
from epochal.options import kinds
from epochal.options.checking import check_study

STUDY = {"name": "naps", "classes": ["W", "N2", "REM"], "recording_kind": "polysomnogram"}
SOUND = {
    "study": STUDY,
    "classical_models": {"models": {"trees": {"kind": "lightgbm"}}},
    "deep_models": {
        "models": {
            "net": {
                "kind": "cnn_bigru",
                "params": {"head": "ordinal"},
                "loss": {"kind": "ordinal"},
                "augmentations": [{"kind": "shift"}],
                "sampling": {"kind": "oversample", "classes": ["REM"]},
            },
            "left_out": None,
        }
    },
    "stacking": {"base_models": ["trees", "n*"]},
}


def with_network(**changed):
    network = SOUND["deep_models"]["models"]["net"] | changed
    return SOUND | {"deep_models": {"models": {"net": network}}}


def test_every_roster_is_known_by_its_names():
    pytest.importorskip("torch")
    from epochal.models import classical, deep
    from epochal.models.networks import heads, roster
    from epochal.models.training import augmentation, losses

    assert tuple(classical.ROSTER) == kinds.CLASSICAL
    assert (*deep.COLUMN_NETWORKS, *roster.NETWORKS) == kinds.NETWORKS
    assert tuple(heads.HEADS) == kinds.HEADS
    assert tuple(losses.LOSSES) == kinds.LOSSES
    assert tuple(augmentation.AUGMENTATIONS) == kinds.AUGMENTATIONS


def test_a_sound_study_passes():
    check_study(SOUND)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (
            SOUND | {"classical_models": {"models": {"trees": {"kind": "lightgmb"}}}},
            "classical_models.models.trees: no kind 'lightgmb'; did you mean 'lightgbm'?",
        ),
        (
            with_network(kind="cnn_bilsm"),
            "deep_models.models.net: no kind 'cnn_bilsm'; did you mean 'cnn_bilstm'?",
        ),
        (
            with_network(loss={"kind": "focall"}),
            "deep_models.models.net.loss: no kind 'focall'; did you mean 'focal'?",
        ),
        (
            with_network(params={"head": "crv"}),
            "deep_models.models.net.params: no head 'crv'; did you mean 'crf'?",
        ),
        (
            with_network(augmentations=[{"kind": "shft"}]),
            "deep_models.models.net: no augmentation 'shft'; did you mean 'shift'?",
        ),
        (
            with_network(pretraining={"task": "byol", "augmentations": [{"kind": "nois"}]}),
            "deep_models.models.net: no augmentation 'nois'; did you mean 'noise'?",
        ),
        (
            with_network(sampling={"kind": "oversample", "classes": ["REMM"]}),
            "deep_models.models.net.sampling.classes: no class 'REMM'; did you mean 'REM'?",
        ),
        (
            SOUND | {"stacking": {"base_models": ["tree"]}},
            "stacking.base_models: no model 'tree'; did you mean 'trees'?",
        ),
    ],
)
def test_a_name_that_there_is_not_is_refused_where_it_stands(changed, line):
    with pytest.raises(EpochalError) as refused:
        check_study(changed)
    assert str(refused.value) == line
