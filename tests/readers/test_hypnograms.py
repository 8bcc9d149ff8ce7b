import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from edf_files import build, signal
from epochal.errors import RecordingError
from epochal.readers.edf_timeline import Annotation
from epochal.readers.hypnograms import (
    SLEEP_STAGES,
    Hypnogram,
    fit_to_signal,
    map_annotations,
    read_hypnogram,
)

NIGHT = datetime(1989, 4, 24, 16, 13)


@pytest.fixture
def read(tmp_path):
    def read_text(name, text, **options):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_hypnogram(path, **options)

    return read_text


def rows(hypnogram):
    return [tuple(row) for row in hypnogram.stages.itertuples(index=False)]


FOUR = [(0, 30, "W"), (30, 30, "N2"), (60, 30, "N3"), (120, 30, "REM")]


# Formats


def test_one_stage_per_line(read):
    hypnogram = read("night.txt", "W\nN2\nN3\n?\nREM\n\n")
    assert rows(hypnogram) == FOUR
    assert hypnogram.unscored_s == 30
    assert hypnogram.end_s == 150


def test_a_blank_line_in_the_middle_is_refused(read):
    with pytest.raises(RecordingError, match=r"night\.txt: line 2 is blank"):
        read("night.txt", "W\n\nN2\n")


def test_the_length_of_an_epoch_is_an_option(read):
    stages = {"1": "REM", "2": "W", "3": "NREM"}
    hypnogram = read("mouse.txt", "2\n3\n1", stages=stages, epoch_s=4)
    assert rows(hypnogram) == [(0, 4, "W"), (4, 4, "NREM"), (8, 4, "REM")]


@pytest.mark.parametrize(
    "text",
    [
        "epoch,stage\n0,W\n1,N2\n2,N3\n3,?\n4,REM\n",
        "epoch;stage\n0;W\n1;N2\n2;N3\n3;?\n4;REM\n",
        "\ufeffEpoch,Stage\r\n0,W\r\n1,N2\r\n2,N3\r\n3,?\r\n4,REM\r\n",
        "onset,duration,stage\n0,30,0\n30,30,2\n60,30,3\n90,30,9\n120,30,5\n",
        "onset,duration,stage\n120,30,REM\n60,30,N3\n0,30,W\n30,30,N2\n90,30,\n",
        "epoch,onset_s,label,confidence\n0,0,W,1\n1,30,N2,1\n2,60,N3,1\n3,90,,0\n4,120,REM,1\n",
    ],
)
def test_tables_of_epochs_and_of_stretches(read, text):
    hypnogram = read("night.csv", text)
    assert rows(hypnogram) == FOUR
    assert hypnogram.unscored_s == 30
    assert hypnogram.problems == ()


def test_epochs_may_be_counted_from_one_and_that_is_reported(read):
    hypnogram = read("night.csv", "epoch,stage\n1,W\n2,N2\n3,N3\n4,?\n5,REM\n")
    assert rows(hypnogram) == FOUR
    assert hypnogram.problems == ("hypnogram: epochs are counted from 1",)


@pytest.mark.parametrize("first", ["7", "-1", "0.5"])
def test_epochs_counted_from_elsewhere_are_refused(read, first):
    with pytest.raises(RecordingError, match="the field 'epoch' begins at"):
        read("night.csv", f"epoch,stage\n{first},W\n")


def test_missing_epochs_are_holes_and_count_as_unscored(read):
    hypnogram = read("night.csv", "epoch,stage\n0,W\n3,N2\n")
    assert rows(hypnogram) == [(0, 30, "W"), (90, 30, "N2")]
    assert hypnogram.unscored_s == 60


def test_bids_events(read):
    text = "onset\tduration\ttrial_type\tvalue\n0\t4\tWake\t1\n4\t4\tNREM\t2\n8\tn/a\tArtifact\t4\n"
    stages = {"Wake": "W", "NREM": "NREM", "Artifact": None}
    hypnogram = read("sub-01_events.tsv", text, stages=stages, epoch_s=4)
    assert rows(hypnogram) == [(0, 4, "W"), (4, 4, "NREM")]
    assert hypnogram.unscored_s == 4


def test_nsrr_xml(read):
    events = [
        ("Stages|Stages", "Wake|0", 0, 30),
        ("Arousals|Arousals", "Arousal|Arousal ()", 10, 5),
        ("Stages|Stages", "Stage 2 sleep|2", 30, 30),
        ("Stages|Stages", "Stage 4 sleep|4", 60, 30),
        ("Stages|Stages", "Unscored|9", 90, 30),
        ("Stages|Stages", "REM sleep|5", 120, 30),
    ]
    body = "".join(
        f"<ScoredEvent><EventType>{kind}</EventType><EventConcept>{concept}</EventConcept>"
        f"<Start>{onset}</Start><Duration>{duration}</Duration></ScoredEvent>"
        for kind, concept, onset, duration in events
    )
    hypnogram = read(
        "night-nsrr.xml",
        f'<?xml version="1.0" encoding="UTF-8"?><PSGAnnotation><EpochLength>30</EpochLength>'
        f"<ScoredEvents>{body}</ScoredEvents></PSGAnnotation>",
    )
    assert rows(hypnogram) == FOUR


def test_profusion_xml(read):
    codes = "".join(f"<SleepStage>{code}</SleepStage>" for code in (0, 2, 4, 9, 5))
    hypnogram = read(
        "night-profusion.xml",
        f"<CMPStudyConfig><EpochLength>30</EpochLength><ScoredEvents/>"
        f"<SleepStages>{codes}</SleepStages></CMPStudyConfig>",
    )
    assert rows(hypnogram) == FOUR


def test_a_profusion_stage_4_without_rem_is_stage_4(read):
    xml = "<C><SleepStages><SleepStage>4</SleepStage></SleepStages></C>"
    assert rows(read("night.xml", xml)) == [(0, 30, "N3")]


def test_xml_in_utf_16_is_read(read):
    xml = '<?xml version="1.0" encoding="utf-16"?><C><SleepStages><SleepStage>1</SleepStage>'
    assert rows(read("n.xml", f"{xml}</SleepStages></C>".encode("utf-16"))) == [(0, 30, "N1")]


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "a document type"),
        ("<a><b></a>", "not XML"),
        ("<a><b/></a>", "neither NSRR's 'ScoredEvent'"),
        ("<a><EpochLength>long</EpochLength></a>", "the field 'EpochLength' holds 'long'"),
        (
            "<a><ScoredEvent><EventType>Stages|Stages</EventType><Start>x</Start></ScoredEvent></a>",
            "the field 'Start' holds 'x'",
        ),
    ],
)
def test_xml_that_is_no_hypnogram_is_refused(read, xml, reason):
    with pytest.raises(RecordingError, match=rf"night\.xml: .*{reason}"):
        read("night.xml", xml)


def edf_hypnogram(texts, **fields):
    return build([], n_records=1, texts={0: texts}, duration="0", reserved="EDF+C", **fields)


def test_edf_plus_annotations(read):
    texts = (
        "+0\x1530\x14Sleep stage W\x14\0+30\x1530\x14Sleep stage 2\x14\0"
        "+60\x1530\x14Sleep stage 4\x14\0+90\x1530\x14Movement time\x14\0"
        "+120\x1530\x14Sleep stage R\x14\0+5\x14Lights off\x14\0"
    )
    hypnogram = read("night.edf", edf_hypnogram(texts))
    assert rows(hypnogram) == FOUR
    assert hypnogram.starts_at == NIGHT
    assert hypnogram.problems == ()


def test_trouble_in_the_header_of_a_hypnogram_is_reported(read):
    hypnogram = read("night.edf", edf_hypnogram("+0\x1530\x14Sleep stage W\x14\0", records="-1"))
    assert hypnogram.problems == (
        "hypnogram: 'number of data records' holds '-1'; the file holds 1",
    )


def test_an_edf_of_bare_numbers_with_a_4_and_no_5_is_refused_as_a_table_is(read):
    numbers = "".join(f"+{30 * n}\x1530\x14{code}\x14\0" for n, code in enumerate("01234420"))
    with pytest.raises(RecordingError, match=r"night\.edf: stage '4' without any '5' may"):
        read("night.edf", edf_hypnogram(numbers))
    own = {"0": "W", "1": "N1", "2": "N2", "3": "N3", "4": "REM"}
    hypnogram = read("night.edf", edf_hypnogram(numbers), stages=own)
    assert list(hypnogram.stages["label"]) == ["W", "N1", "N2", "N3", "REM", "REM", "N2", "W"]


def test_an_edf_without_annotations_is_no_hypnogram(read):
    with pytest.raises(RecordingError, match="no annotations, so no hypnogram"):
        read("night.edf", build([signal()]))


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("night.csv", "epoch,stage\n0,W\n1,Q7\n", "unknown stage 'Q7'"),
        ("night.txt", "W\nW\nsnoring\n", "unknown stage 'snoring'"),
        ("night.txt", "0\n1\n4\n", "stage '4' without any '5'"),
        ("night.csv", "time,stage\n0,W\n", "the columns 'time, stage' hold no stages"),
        ("night.csv", "epoch,stage\n0,W,extra\n", "row 2 has 3 columns, the first has 2"),
        ("night.csv", "onset,duration,stage\nnoon,30,W\n", "row 2: the field 'onset' holds 'noon'"),
        ("night.csv", "onset,duration,stage\n0,nan,W\n30,inf,W\n", "'duration' holds 'inf'"),
        ("night.csv", "onset,duration,stage\n0,-30,W\n", "'W' at 0 s lasts -30 s"),
        ("night.csv", "epoch,stage\n", "the field 'epoch' begins at nan"),
        ("night.csv", "onset,duration,stage\n", "holds no stages"),
        ("night.csv", "onset,duration,stage\n0,60,W\n30,30,N2\n", "W at 0 s, 60 s long, overlaps"),
        ("night.csv", "epoch,stage\n0,W\n0,N2\n", "overlaps N2 at 0 s"),
        ("night.csv", "", "the file is empty"),
        ("night.txt", "\n \n", "the file is empty"),
        ("night.csv", b"a\0b", "not a text file"),
        ("night.docx", "W", "no hypnogram format ends in '.docx'; known are .edf"),
    ],
)
def test_a_broken_hypnogram_is_refused_by_file_and_field(read, name, text, reason):
    with pytest.raises(RecordingError) as refusal:
        read(name, text)
    assert f"{name}: " in str(refusal.value)
    assert reason in str(refusal.value)


def test_a_missing_hypnogram_file_is_refused(tmp_path):
    with pytest.raises(RecordingError, match=r"night\.csv: cannot be read"):
        read_hypnogram(tmp_path / "night.csv")


def test_a_stage_without_duration_lasts_until_the_next_and_is_reported(read):
    hypnogram = read("night.csv", "onset,duration,stage\n0,n/a,W\n90,0,N2\n")
    assert rows(hypnogram) == [(0, 90, "W"), (90, 30, "N2")]
    assert hypnogram.problems == ("hypnogram: 2 stages had no duration; each lasts until the next",)


def test_rounded_times_that_overlap_a_little_are_cut_and_reported(read):
    hypnogram = read("night.csv", "onset,duration,stage\n0,30.5,W\n30,30,N2\n")
    assert rows(hypnogram) == [(0, 30, "W"), (30, 30, "N2")]
    assert "1 stages reached into the next" in hypnogram.problems[0]


def test_events_mapped_to_nothing_may_overlap_stages(read):
    text = "onset,duration,stage\n0,30,W\n10,5,Arousal\n30,30,N2\n"
    hypnogram = read("night.csv", text, stages={**SLEEP_STAGES, "Arousal": None})
    assert rows(hypnogram) == [(0, 30, "W"), (30, 30, "N2")]
    assert hypnogram.unscored_s == 0


# Annotations within a recording


def test_bare_numbers_and_letters_among_annotations_are_no_stages():
    buttons = [Annotation(float(i), None, text) for i, text in enumerate(["1", "2", "R", "A", "5"])]
    assert rows(map_annotations(buttons, stages=SLEEP_STAGES, path="night")) == []


def test_letters_beside_stage_names_are_stages():
    marks = [Annotation(30.0 * i, 30.0, text) for i, text in enumerate(["W", "N2", "R", "7"])]
    hypnogram = map_annotations(marks, stages=SLEEP_STAGES, path="night")
    assert [label for _, _, label in rows(hypnogram)] == ["W", "N2", "REM"]


def test_numbers_are_stages_where_the_stage_map_says_so():
    marks = [Annotation(0.0, 4.0, "1"), Annotation(4.0, 4.0, "2"), Annotation(8.0, 4.0, "cage")]
    hypnogram = map_annotations(marks, stages={"1": "W", "2": "NREM"}, path="mouse")
    assert rows(hypnogram) == [(0, 4, "W"), (4, 4, "NREM")]


# Hypnogram and signal


def hypnogram_of(*stretches, starts_at=None):
    frame = pd.DataFrame(stretches, columns=["onset_s", "duration_s", "label"]).astype(
        {"onset_s": float, "duration_s": float}
    )
    end_s = float((frame["onset_s"] + frame["duration_s"]).max())
    return Hypnogram(frame, 0.0, float(frame["onset_s"].min()), end_s, starts_at)


def fit(hypnogram, duration_s, signal_start=NIGHT):
    frame, problems = fit_to_signal(
        hypnogram, duration_s=duration_s, signal_start=signal_start, path="night.edf"
    )
    return [tuple(row) for row in frame.itertuples(index=False)], problems


TWO = ((0, 300, "W"), (300, 300, "N2"))


def test_a_hypnogram_that_fits_is_left_alone():
    assert fit(hypnogram_of(*TWO, starts_at=NIGHT), 600) == ([*TWO], [])


def test_a_hypnogram_longer_than_the_signal_is_cut():
    kept, problems = fit(hypnogram_of(*TWO), 450)
    assert kept == [(0, 300, "W"), (300, 150, "N2")]
    assert problems == ["stages 150 s past the signal's end were cut off"]


def test_a_hypnogram_shorter_than_the_signal_is_reported():
    kept, problems = fit(hypnogram_of(*TWO), 1000)
    assert kept == [*TWO]
    assert problems == ["the hypnogram ends 400 s before the signal"]


def test_unscored_stretches_past_the_end_are_no_trouble():
    hypnogram = hypnogram_of(*TWO)._replace(end_s=7200.0)
    assert fit(hypnogram, 600) == ([*TWO], [])


def test_a_hypnogram_that_begins_earlier_is_shifted_and_cut():
    kept, problems = fit(hypnogram_of(*TWO, starts_at=NIGHT - timedelta(seconds=90)), 510)
    assert kept == [(0, 210, "W"), (210, 300, "N2")]
    assert problems == [
        "the hypnogram's clock starts 90 s before the signal's; it was shifted",
        "stages 90 s before the signal begins were cut off",
    ]


def test_a_hypnogram_that_begins_later_is_shifted():
    kept, problems = fit(hypnogram_of(*TWO, starts_at=NIGHT + timedelta(seconds=60)), 660)
    assert kept == [(60, 300, "W"), (360, 300, "N2")]
    assert problems == [
        "the hypnogram's clock starts 60 s after the signal's; it was shifted",
        "the hypnogram begins 60 s after the signal",
    ]


@pytest.mark.parametrize("duration_s", [600, 200_000])
def test_a_date_that_is_whole_days_off_counts_for_nothing(duration_s):
    kept, problems = fit(hypnogram_of(*TWO, starts_at=NIGHT + timedelta(days=1)), duration_s)
    assert kept == [*TWO]
    assert problems[0] == "the hypnogram's date is 1 days off; the times of day are used"


def test_an_anonymous_date_still_tells_the_time_of_day():
    starts_at = datetime(1985, 1, 1, 16, 14)
    kept, problems = fit(hypnogram_of(*TWO, starts_at=starts_at), 660)
    assert kept == [(60, 300, "W"), (360, 300, "N2")]
    assert "days off" in problems[0]


def test_a_hypnogram_of_another_night_is_refused():
    with pytest.raises(RecordingError, match=r"night\.edf: the hypnogram \(.*\) lies outside the"):
        fit(hypnogram_of(*TWO, starts_at=NIGHT + timedelta(hours=5)), 600)


def test_without_a_clock_both_are_taken_to_begin_together():
    assert fit(hypnogram_of(*TWO, starts_at=NIGHT), 600, signal_start=None) == ([*TWO], [])


def test_a_signal_with_a_time_zone_is_taken_by_its_clock_on_the_wall():
    hypnogram = hypnogram_of(*TWO, starts_at=NIGHT)
    assert fit(hypnogram, 600, signal_start=NIGHT.replace(tzinfo=UTC)) == ([*TWO], [])


# Real hypnograms


@pytest.mark.slow
def test_all_real_hypnograms_are_read():
    folder = Path(os.environ.get("EPOCHAL_DATA", "")) / "sleep_edf_hypnograms"
    paths = sorted(folder.glob("*-Hypnogram.edf"))
    if not paths:
        pytest.skip("EPOCHAL_DATA names no folder with sleep_edf_hypnograms")
    hypnograms = [read_hypnogram(path) for path in paths]
    seconds = pd.concat(h.stages for h in hypnograms).groupby("label")["duration_s"].sum()
    assert set(seconds.index) == {"W", "N1", "N2", "N3", "REM"}
    assert (seconds % 30 == 0).all()
    assert all((h.stages["duration_s"] > 0).all() for h in hypnograms)
    reported = [problem for h in hypnograms for problem in h.problems]
    assert all("two start dates" in problem for problem in reported)
    assert len(reported) == sum(path.name.startswith("ST707") for path in paths)
