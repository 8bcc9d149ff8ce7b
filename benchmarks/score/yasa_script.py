"""What a user of YASA writes to score a night: `python yasa_script.py night.edf hypnogram.csv`."""

import sys

import mne
import yasa

raw = mne.io.read_raw_edf(
    sys.argv[1],
    include=["EEG Fpz-Cz", "EOG horizontal", "EMG submental"],
    preload=True,
    verbose="error",
)
staging = yasa.SleepStaging(
    raw, eeg_name="EEG Fpz-Cz", eog_name="EOG horizontal", emg_name="EMG submental"
)
staging.predict().hypno.to_csv(sys.argv[2])
