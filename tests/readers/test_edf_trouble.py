"""One test per row of `docs/reference/edf-trouble.md`."""

from datetime import datetime
from itertools import pairwise

import numpy as np
import pytest

from edf_files import GAIN, build, field_offset, noise, save, signal, trio
from epochal.errors import RecordingError
from epochal.readers.edf import Signals, read_edf


@pytest.fixture
def read(tmp_path):
    def read_raw(raw, **options):
        path = save(tmp_path / "night.edf", raw)
        return read_edf(
            path, recording_id="night", subject_id="somebody", options=Signals(**options)
        )

    return read_raw


def cut_epochs(recording, name="EEG Fpz-Cz", length_s=10):
    channel = recording.channel(name)
    n = round(length_s * channel.sfreq)
    return [channel.data[i : i + n] for i in range(0, len(channel.data) - n + 1, n)]


# Files that are not recordings


def test_an_empty_file_is_refused(read):
    with pytest.raises(RecordingError, match=r"night\.edf: the file is empty"):
        read(b"")


@pytest.mark.parametrize(
    "raw", [b"PK\x03\x04 a zip file", b"\x89HDF\r\n" + bytes(5000), b" " * 900]
)
def test_a_file_that_is_not_edf_is_refused(read, raw):
    with pytest.raises(RecordingError, match="not an EDF or BDF file: the field 'version' holds"):
        read(raw)


def test_a_file_that_ends_within_the_main_header_is_refused(read):
    with pytest.raises(RecordingError, match="ends within the header, after 200 bytes"):
        read(build()[:200])


def test_a_file_that_ends_within_the_signal_headers_is_refused(read):
    with pytest.raises(RecordingError, match="ends within the header, after 700 bytes; its 3 sig"):
        read(build()[:700])


def test_a_header_without_data_is_refused(read):
    with pytest.raises(RecordingError, match="header only: no data follows it"):
        read(build()[:1024])


def test_less_than_one_record_is_refused(read):
    with pytest.raises(RecordingError, match="header only: less than one data record"):
        read(build()[: 1024 + 100])


def test_annotations_without_signals_are_refused_as_a_recording(read):
    with pytest.raises(RecordingError, match="it holds annotations only"):
        read(build([], n_records=1, texts={}, duration="0"))


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "no.edf", tmp_path):
        with pytest.raises(RecordingError, match="cannot be read"):
            read_edf(path, recording_id="x", subject_id="x")


# The main header


def test_a_date_that_does_not_parse_keeps_the_time_of_day(read):
    recording = read(build(startdate="99.99.99"))
    assert recording.start == datetime(1985, 1, 1, 16, 13)
    assert recording.problems == (
        "'startdate' holds '99.99.99', not a date; 1985-01-01 is used instead",
    )


def test_edf_plus_supplies_a_date_that_does_not_parse(read):
    recording = read(build(startdate="n/a", recording="Startdate 24-APR-1989 X X X"))
    assert recording.start == datetime(1989, 4, 24, 16, 13)
    assert "1989-04-24 is used instead" in recording.problems[0]


def test_a_time_that_does_not_parse_leaves_the_start_unknown(read):
    recording = read(build(starttime="25.61.00"))
    assert recording.start is None
    assert recording.problems == ("'starttime' holds '25.61.00': the start is unknown",)


def test_two_dates_that_disagree_are_reported(read):
    recording = read(build(startdate="26.07.94", recording="Startdate 25-JUL-1994 X X X"))
    assert recording.start.day == 25
    assert "two start dates, 1994-07-26 and 1994-07-25 (EDF+)" in recording.problems[0]


@pytest.mark.parametrize("written", ["-1", "", "abc"])
def test_a_record_count_of_minus_one_is_counted_from_the_file(read, written):
    recording = read(build(records=written))
    assert recording.runs == ((0.0, 60.0),)
    assert recording.problems == (f"'number of data records' holds '{written}'; the file holds 60",)


def test_a_record_count_that_is_too_small_is_reported_and_all_is_read(read):
    recording = read(build(records="50"))
    assert recording.duration_s == 60
    assert recording.problems == ("'number of data records' holds 50, the file 60; all are read",)


def test_a_truncated_last_record_is_dropped_and_the_rest_equals_the_undamaged(read):
    whole, cut = read(build()), read(build()[:-77])
    assert cut.runs == ((0.0, 59.0),)
    assert cut.problems == (
        "truncated: 59 whole data records of 60; the last 1 s are lost",
        "325 bytes after the last whole data record were left out",
    )
    for ours, theirs in zip(cut_epochs(cut), cut_epochs(whole)[:5], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_bytes_after_the_last_record_are_left_out_and_reported(read):
    recording = read(build() + b"a trailer")
    assert recording.problems == ("9 bytes after the last whole data record were left out",)


def test_a_wrong_number_of_header_bytes_is_reported(read):
    recording = read(build(header_bytes="256"))
    assert recording.problems == (
        "'number of header bytes' holds '256'; its 3 signals make it 1024",
    )
    np.testing.assert_allclose(recording.channels[0].data, trio()[0]["data"] * GAIN, atol=1e-4)


@pytest.mark.parametrize("written", ["0", "-3", "two", "2.5", ""])
def test_a_number_of_signals_that_is_none_is_refused(read, written):
    with pytest.raises(RecordingError, match=f"'number of signals' holds '{written}'"):
        read(patch("signals", written))


@pytest.mark.parametrize("written", ["0", "-1", "1e9", "nan", "inf", ""])
def test_a_record_duration_that_is_none_is_refused(read, written):
    with pytest.raises(RecordingError, match=f"'duration of a data record' holds '{written}'"):
        read(build(duration=written))


def test_a_decimal_comma_is_read_and_reported(read):
    recording = read(build(duration="0,5"))
    assert recording.channels[0].sfreq == 200
    assert recording.problems == ("decimal comma in 'duration of a data record', read as 0.5 s",)


def test_a_record_duration_cut_to_eight_characters_gives_whole_rates(read):
    recording = read(build(duration="0.333333"))
    assert recording.channels[0].sfreq == 300


@pytest.mark.parametrize(("written", "length_s"), [("0.333333", 300), ("0.666667", 600)])
def test_a_record_duration_cut_to_eight_characters_loses_no_epoch(read, written, length_s):
    signals = [signal(data=noise(38, 900)), signal("EMG submental", noise(2, 900))]
    recording = read(build(signals, n_records=900, duration=written))
    assert recording.runs == ((0.0, length_s),)
    assert {channel.end_s for channel in recording.channels} == {length_s}


def test_a_record_duration_that_gives_no_whole_rate_is_believed(read):
    recording = read(build([signal(data=noise(37, 300))], n_records=300, duration="0.3"))
    assert recording.runs == ((0.0, 300 * 0.3),)
    assert recording.channels[0].sfreq == 37 / 0.3


def patch(name: str, text: str, index: int = 0) -> bytes:
    start, width = field_offset(name, n_signals=3, index=index)
    raw = build()
    return raw[:start] + text.encode().ljust(width) + raw[start + width :]


# The signals' headers


@pytest.mark.parametrize(
    "unit", ["µV".encode("latin-1"), "µV".encode(), "μV".encode(), b"\xe6V", b"uV"]
)
def test_a_micro_sign_in_any_encoding_is_microvolts(read, unit):
    recording = read(build([signal(dimension=unit)]))
    assert recording.channels[0].unit == "uV"
    reported = [p for p in recording.problems if "non-ASCII text in 'physical dimension'" in p]
    assert len(reported) == (not unit.isascii())


def test_non_ascii_labels_are_read_and_reported(read):
    recording = read(build([signal("EEG Schläfe")]))
    assert recording.channel_names == ["EEG Schläfe"]
    assert recording.problems == ("signal 1: non-ASCII text in 'label', read as 'EEG Schläfe'",)


def test_duplicated_and_blank_labels_are_numbered_and_reported(read):
    names = ("EEG", "EEG", "", "EEG", "EEG #2")
    recording = read(build([signal(name, noise(seed=i)) for i, name in enumerate(names)]))
    assert recording.channel_names == ["EEG", "EEG #2", "signal 3", "EEG #3", "EEG #2 #2"]
    assert recording.problems == (
        "signal 2: duplicated label, named 'EEG #2'",
        "signal 3: blank label, named 'signal 3'",
        "signal 4: duplicated label, named 'EEG #3'",
        "signal 5: duplicated label, named 'EEG #2 #2'",
    )
    np.testing.assert_allclose(recording.channels[3].data, noise(seed=3) * GAIN, atol=1e-4)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"physical_minimum": "5", "physical_maximum": "5"}, "its physical minimum equals its"),
        ({"physical_minimum": "0", "physical_maximum": "0"}, "its physical minimum equals its"),
        ({"digital_minimum": "7", "digital_maximum": "7"}, "its digital minimum equals its"),
        ({"physical_minimum": "low"}, "its 'physical minimum' holds 'low', not a number"),
        ({"digital_maximum": ""}, "its 'digital maximum' holds '', not a number"),
        ({"physical_maximum": "1e99"}, "out of all proportion"),
        ({"digital_maximum": "99999999"}, "out of all proportion"),
    ],
)
def test_a_channel_without_a_scale_is_left_out_and_reported(read, fields, reason):
    recording = read(build([signal("EEG Fpz-Cz", **fields), signal("EEG Pz-Oz", noise(seed=2))]))
    assert recording.channel_names == ["EEG Pz-Oz"]
    assert len(recording.problems) == 1
    assert recording.problems[0].startswith("channel 'EEG Fpz-Cz' was left out: ")
    assert reason in recording.problems[0]
    np.testing.assert_allclose(recording.channels[0].data, noise(seed=2) * GAIN, atol=1e-4)


def test_a_file_whose_only_channel_has_no_scale_is_refused(read):
    with pytest.raises(RecordingError, match="no signal to read: channel 'EEG Fpz-Cz' was left o"):
        read(build([signal(physical_minimum="1", physical_maximum="1")]))


def test_a_channel_without_samples_is_left_out(read):
    recording = read(build([signal("Empty", noise(0, 60)), signal("EEG Pz-Oz")]))
    assert recording.problems == ("channel 'Empty' was left out: it has no samples",)


def test_a_reversed_physical_range_turns_the_signal_over(read):
    turned = signal(physical_minimum="500", physical_maximum="-500")
    np.testing.assert_allclose(read(build([turned])).channels[0].data, -noise() * GAIN, atol=1e-4)


def test_a_decimal_comma_in_a_range_is_read_and_reported(read):
    recording = read(build([signal(physical_minimum="-500,0")]))
    assert recording.problems == ("signal 1: decimal comma in 'physical minimum', read as -500",)


@pytest.mark.parametrize("written", ["many", "-5", "1.5", ""])
def test_a_sample_count_that_is_none_is_refused_by_channel(read, written):
    with pytest.raises(RecordingError, match="data record' of 'EEG Pz-Oz' holds"):
        read(patch("samples", written, index=1))


def test_control_characters_in_a_label_become_spaces(read):
    assert read(build([signal("EEG\0Cz\0\0")])).channel_names == ["EEG Cz"]


# Gaps (EDF+D)


def test_edf_plus_d_gap_splits_the_run(read):
    onsets = [f"+{index + (30 if index >= 20 else 0)}" for index in range(60)]
    recording = read(build(onsets=onsets, reserved="EDF+D"))
    assert recording.runs == ((0.0, 20.0), (50.0, 90.0))
    assert recording.problems == ("1 gaps: 30 s at 20 s; NaN stands there and the runs are split",)
    data, written = recording.channels[0].data, trio()[0]["data"] * GAIN
    assert len(data) == 9000
    np.testing.assert_allclose(data[:2000], written[:2000], atol=1e-4)
    assert np.isnan(data[2000:5000]).all()
    np.testing.assert_allclose(data[5000:], written[2000:], atol=1e-4)


def test_a_gap_of_part_of_a_sample_overwrites_nothing(read):
    onsets, clock = [], 0.0
    for index in range(60):
        onsets.append(f"+{clock:g}")
        clock += 1.0 if index % 2 else 1.5
    recording = read(build(onsets=onsets, reserved="EDF+D"))
    envelope = recording.channel("EMG submental")
    assert np.isfinite(envelope.data).sum() == 60
    np.testing.assert_allclose(
        envelope.data[np.isfinite(envelope.data)], trio()[2]["data"] * GAIN, atol=1e-4
    )
    assert all(second > first for (_, first), (second, _) in pairwise(recording.runs))


def test_gaps_longer_than_the_data_are_refused_with_their_lengths(read):
    onsets = [f"+{index + (7200 if index >= 20 else 0)}" for index in range(60)]
    with pytest.raises(RecordingError, match=r"its gaps \(7200 s at 20 s\) add up to 7200 s besid"):
        read(build(onsets=onsets, reserved="EDF+D"))


def test_long_gaps_can_be_allowed(read):
    onsets = [f"+{index + (90 if index >= 20 else 0)}" for index in range(60)]
    recording = read(build(onsets=onsets, reserved="EDF+D"), max_gap_ratio=2)
    assert recording.duration_s == 150


def test_a_discontinuous_file_without_times_is_refused(read):
    with pytest.raises(RecordingError, match=r"discontinuous \(EDF\+D\), but no record has a time"):
        read(build(reserved="EDF+D"))


def test_a_discontinuous_file_with_an_unreadable_time_is_refused(read):
    onsets = ["+0", "+1", "later", *(f"+{index}" for index in range(3, 60))]
    with pytest.raises(RecordingError, match="the time of data record 3 cannot be read"):
        read(build(onsets=onsets, reserved="EDF+D"))


def test_a_discontinuous_file_that_runs_backwards_is_refused(read):
    onsets = [f"+{index if index != 10 else 3}" for index in range(60)]
    with pytest.raises(RecordingError, match="data record 11 begins at 3 s, before the end"):
        read(build(onsets=onsets, reserved="EDF+D"))


def test_gaps_in_a_file_marked_continuous_split_it_all_the_same(read):
    onsets = [f"+{index + (5 if index >= 20 else 0)}" for index in range(60)]
    recording = read(build(onsets=onsets, reserved="EDF+C"))
    assert recording.runs == ((0.0, 20.0), (25.0, 65.0))
    assert "though it is not marked as discontinuous: 5 s at 20 s" in recording.problems[0]


def test_times_that_make_no_sense_in_a_continuous_file_are_reported(read):
    recording = read(build(onsets=["+0"] * 60, reserved="EDF+C"))
    assert recording.runs == ((0.0, 60.0),)
    assert recording.problems == (
        "data record 2 begins at 0 s, before the end of the one before it (1 s); "
        "the records are taken to follow each other",
    )


def test_unreadable_annotations_are_counted(read):
    recording = read(build(texts={4: "rubbish\0more rubbish\0"}))
    assert recording.problems == ("2 annotations could not be read and were left out",)


def test_annotations_that_are_not_utf_8_are_read(read):
    raw = build(texts={0: "+0\x1530\x14Sleep stage W\x14\0+3\x14ÄÄÄ\x14\0"})
    recording = read(raw.replace("ÄÄÄ".encode(), b"\xc4\xc4\xc4\xc4\xc4\xc4"))
    assert recording.annotations["label"].tolist() == ["W"]


# Units


@pytest.mark.parametrize(
    ("declared", "limit"),
    [
        ("uV", "500"), ("mV", "0.5"), ("V", "0.0005"), ("nV", "500000"),
        ("microvol", "500"), ("mVolt", "0.5"), ("milliV", "0.5"), ("uVolts", "500"),
    ],
)  # fmt: skip
def test_declared_volts_and_millivolts_come_out_in_microvolts_without_ado(read, declared, limit):
    written = signal(
        dimension=declared, physical_minimum=f"-{limit}", physical_maximum=limit
    )  # fmt: skip
    recording = read(build([written]))
    assert recording.problems == ()
    assert recording.channels[0].unit == "uV"
    np.testing.assert_allclose(recording.channels[0].data, noise() * GAIN, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(
    ("declared", "limit", "true"),
    [
        ("uV", "0.0005", "volts"),
        ("uV", "0.5", "millivolts"),
        ("mV", "0.0005", "volts"),
        ("mV", "500", "microvolts"),
        ("V", "500", "microvolts"),
        ("V", "0.5", "millivolts"),
        ("", "0.5", "millivolts"),
        ("", "500", "microvolts"),
        ("mkV", "500", "microvolts"),
        ("mVlt", "0.5", "millivolts"),
    ],
)
def test_amplitudes_that_can_only_be_another_unit_are_converted_and_reported(
    read, declared, limit, true
):
    written = signal(
        dimension=declared, physical_minimum=f"-{limit}", physical_maximum=limit
    )  # fmt: skip
    recording = read(build([written]))
    assert recording.channels[0].unit == "uV"
    np.testing.assert_allclose(recording.channels[0].data, noise() * GAIN, rtol=1e-5, atol=1e-3)
    (problem,) = recording.problems
    assert "channel 'EEG Fpz-Cz'" in problem
    assert f"can only be {true}; converted to uV" in problem


@pytest.mark.parametrize(("declared", "limit"), [("uV", "5000000"), ("V", "5e-9"), ("uV", "1e-7")])
def test_implausible_amplitudes_are_refused_by_channel_and_field(read, declared, limit):
    written = signal(dimension=declared, physical_minimum=f"-{limit}", physical_maximum=limit)
    with pytest.raises(RecordingError, match="channel 'EEG Fpz-Cz', field 'physical dimension'"):
        read(build([written]))


def test_an_implausible_channel_can_be_left_out(read):
    wild = signal("EEG Pz-Oz", physical_minimum="-5000000", physical_maximum="5000000")
    recording = read(build([signal(), wild]), implausible_amplitude="leave out")
    assert recording.channel_names == ["EEG Fpz-Cz"]
    assert recording.problems[0].endswith("; the channel was left out")


def test_a_nearly_flat_channel_of_a_real_amplifier_is_reported_and_not_blown_up(read):
    hum = noise(spread_uv=0.4)  # a step or two of the converter
    flat = signal(data=hum, physical_minimum="-100", physical_maximum="100")
    recording = read(build([flat]))
    assert np.std(recording.channels[0].data) < 0.2
    assert recording.problems == ("channel 'EEG Fpz-Cz' is nearly flat (0.063 uV)",)


def test_a_flat_channel_and_a_slow_envelope_are_not_judged(read):
    signals = [
        signal("EEG Fpz-Cz", np.zeros(6000, int)),
        signal("EMG submental", noise(1), physical_minimum="-0.001", physical_maximum="0.001"),
    ]
    assert read(build(signals)).problems == ()


def test_a_drifting_direct_current_amplifier_is_plausible(read):
    drift = 2500 + np.linspace(-600, 600, 6000).astype(int) + noise(spread_uv=1)  # 8 uV a step
    wide = signal(
        data=drift, physical_minimum="-262144", physical_maximum="262144",
        digital_minimum="-32768", digital_maximum="32767",
    )  # fmt: skip
    assert read(build([wide])).problems == ()


def test_other_quantities_keep_their_units(read):
    units = {"Temp rectal": "DegC", "EDA": "µS", "SpO2": "%", "Light": "mV"}
    signals = [signal(name, noise(1), dimension=unit) for name, unit in units.items()]
    recording = read(build(signals))
    assert [channel.unit for channel in recording.channels] == ["degC", "uS", "%", "uV"]


# What is repaired elsewhere leaves the rest as it was


DAMAGES = {
    "date": lambda: patch("startdate", "99.99.99"),
    "record count": lambda: patch("records", "-1"),
    "header size": lambda: patch("header bytes", "77"),
    "label": lambda: patch("label", "EEG Fpz-Cz", index=1),
    "blank label": lambda: patch("label", "", index=1),
    "other channel's range": lambda: patch("physical maximum", "-500", index=1),
    "other channel's range is text": lambda: patch("digital minimum", "min", index=1),
    "truncation": lambda: build()[:-3000],
    "trailer": lambda: build() + bytes(300),
    "patient": lambda: patch("patient", "Ärztin"),
    "unit": lambda: patch("dimension", "µV", index=1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_epochs_outside_the_damage_equal_those_of_the_undamaged_file(read, damage):
    whole, repaired = read(build()), read(DAMAGES[damage]())
    assert repaired.problems
    for name in ("EEG Fpz-Cz", "EMG submental"):
        ours, theirs = cut_epochs(repaired, name), cut_epochs(whole, name)
        assert len(ours) >= 5
        for one, other in zip(ours, theirs[: len(ours)], strict=True):
            np.testing.assert_array_equal(one, other)
