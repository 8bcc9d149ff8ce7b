import pytest

from builders import make_features_options, make_ingestion
from epochal.errors import EpochalError
from epochal.models.raw_serving import Served, describe_served, name_columns
from epochal.options.features import FeatureOptions, SignalOptions
from epochal.options.results import RawOptions
from epochal.readers.aliases import match_channel

TABLE = Served(
    "feature_table",
    make_ingestion(reader="feature_table", reader_options={"table": "t.parquet"}),
    FeatureOptions(context={"triangular_epochs": [7]}),
)
TIME = SignalOptions(channels=("EEG Fpz-Cz",), features=("sleep_edf_table_time",), sfreq=100)
RAW = RawOptions(
    recording_kind="polysomnogram",
    reader="sleep_edfx",
    signals={"fpz_cz": TIME},
    quality={"channels": ["EEG Fpz-Cz"]},
    trim={"label": "W"},
    substitutes={"EEG Fpz-Cz": ["EEG F4-M1"]},
)
COLUMNS = ["fpz_cz_std_uv", "fpz_cz_higuchi_fd__session__centred7_triangular"]


def test_without_raw_all_stays_as_it_was_in_training():
    assert describe_served(TABLE, None, columns=["anything"]) is TABLE


def test_a_bundle_of_a_table_reads_what_computes_the_tables_columns():
    served = describe_served(TABLE, RAW, columns=COLUMNS)
    assert served.recording_kind == "polysomnogram"
    assert served.ingestion.reader == "sleep_edfx"
    assert served.ingestion.reader_options == {}
    assert served.ingestion.quality.channels == ("EEG Fpz-Cz",)
    assert served.ingestion.trim.label == "W"
    assert served.features.signals == {"fpz_cz": TIME}
    assert served.ingestion.epoch_length_s == TABLE.ingestion.epoch_length_s
    assert served.features.context == TABLE.features.context


def test_its_substitutes_are_those_that_raw_names():
    substitutes = describe_served(TABLE, RAW, columns=COLUMNS).ingestion.substitutes["EEG Fpz-Cz"]
    found = match_channel("EEG Fpz-Cz", ["F4-A1"], substitutes=substitutes, allow_substitution=True)
    assert found.name == "F4-A1"


def test_a_column_that_no_signal_computes_is_refused_by_name():
    with pytest.raises(EpochalError, match=r"none gives pz_oz_std_uv, which the models take"):
        describe_served(TABLE, RAW, columns=[*COLUMNS, "pz_oz_std_uv__session"])
    many = [f"pz_oz_{number}" for number in range(9)]
    with pytest.raises(EpochalError, match=r"pz_oz_0, .*pz_oz_3 and 5 more, which"):
        describe_served(TABLE, RAW, columns=many)


def test_a_signals_columns_are_those_that_it_extracts():
    assert len(name_columns(TIME)) == 13
    eeg = make_features_options().signals["eeg"]
    assert "log_delta" in name_columns(eeg)
    axes = SignalOptions(channels=("ACC x", "ACC y", "ACC z"), features=("motion",))
    assert len(name_columns(axes)) > 3
