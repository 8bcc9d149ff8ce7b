"""Schemas of the tables that pass between the pipelines; the catalog names them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pandera.pandas as pa

ROLES = ["train", "val", "test"]
_KEYS = {
    "recording_id": pa.Column(str, coerce=True),
    "epoch": pa.Column(int, pa.Check.ge(0)),
}

sources = pa.DataFrameSchema(
    {"recording_id": pa.Column(str, unique=True), "path": pa.Column(str), "state": pa.Column(str)},
    strict=False,
)

epochs = pa.DataFrameSchema(
    {
        **_KEYS,
        "subject_id": pa.Column(str),
        "onset_s": pa.Column(float),
        "length_s": pa.Column(float, pa.Check.gt(0)),
        "label": pa.Column(nullable=True),
        "run": pa.Column(int, pa.Check.ge(0)),
        "data_source": pa.Column(str, pa.Check.isin(["real", "simulated"])),
        "quality_.*": pa.Column(bool, regex=True, required=False),
        "^sqi(_.+)?$": pa.Column(float, pa.Check.in_range(0, 1), regex=True, required=False),
        "vote_.*": pa.Column(float, pa.Check.ge(0), regex=True, required=False, coerce=True),
    },
    unique=["recording_id", "epoch"],
)


class WideSchema(pa.DataFrameSchema):
    """A schema whose columns beside the keys are all float32: no value of theirs is looked at.

    pandera would copy the whole table, which may be larger than memory, and look at hundreds of
    columns one by one.
    """

    def validate(self, check_obj: pd.DataFrame, *args: Any, **kwargs: Any) -> pd.DataFrame:
        """Return the table with its keys validated, and its other columns as they are."""
        of_keys = check_obj.columns.isin(list(_KEYS))
        keyed = pa.DataFrameSchema(self.columns, unique=self.unique)  # pandera finds no subclass
        keys = keyed.validate(check_obj.loc[:, of_keys], *args, **kwargs)
        types = check_obj.dtypes[~of_keys]
        wrong = types[types != "float32"]
        if len(wrong):
            named = ", ".join(f"{name} ({type_})" for name, type_ in wrong[:5].items())
            raise pa.errors.SchemaError(self, check_obj, f"features that are not float32: {named}")
        return check_obj.assign(**keys)


features = WideSchema(_KEYS, unique=["recording_id", "epoch"])

splits = pa.DataFrameSchema(
    {
        **_KEYS,
        "subject_id": pa.Column(str),
        "role": pa.Column(str, pa.Check.isin(ROLES)),
        "fold": pa.Column(int, pa.Check.ge(-1)),
        # what stays whole where that is not the subject; one word for the whole table
        "unit": pa.Column(str, pa.Check.isin(["recording", "time", "row"]), required=False),
        "first_seen_fold": pa.Column(int, pa.Check.ge(0), required=False),
        "inner_fold": pa.Column(int, pa.Check.ge(-1), required=False),
        "kept": pa.Column(bool, required=False),
    },
    checks=[
        pa.Check(
            lambda table: (table["role"] == "test") == (table["fold"] == -1),
            error="fold is -1 in test, and nowhere else",
        ),
        pa.Check(
            lambda table: "unit" not in table or table["unit"].nunique() <= 1,
            error="unit is one word for the whole table",
        ),
    ],
    unique=["recording_id", "epoch"],
)

predictions = pa.DataFrameSchema(
    {
        **_KEYS,
        "model": pa.Column(str, coerce=True),
        "family": pa.Column(
            str, pa.Check.isin(["baseline", "classical", "deep", "stack"]), coerce=True
        ),
        "role": pa.Column(str, pa.Check.isin(["oof", "val", "test"]), coerce=True),
        "fold": pa.Column(int, pa.Check.ge(-1)),
        "causal": pa.Column(bool),
        "proba_.*": pa.Column(float, pa.Check.in_range(0, 1 + 1e-6), regex=True),
    },
    unique=["recording_id", "epoch", "model", "role"],
)

leaderboard = pa.DataFrameSchema(
    {
        "model": pa.Column(str),
        "family": pa.Column(str),
        "role": pa.Column(str, pa.Check.isin(["oof", "val", "test"])),
        "causal": pa.Column(bool),
        "data_source": pa.Column(str),
        "n_epochs": pa.Column(int, pa.Check.gt(0)),
        "n_subjects": pa.Column(int, pa.Check.gt(0)),
        "accuracy": pa.Column(float, pa.Check.in_range(0, 1)),
        "kappa": pa.Column(float, pa.Check.in_range(-1, 1)),
        "kappa_low": pa.Column(float, nullable=True),
        "kappa_high": pa.Column(float, nullable=True),
    },
)
