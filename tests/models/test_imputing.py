import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.impute import SimpleImputer

from epochal.models.imputing import MedianImputer


@pytest.mark.parametrize("n_columns", [1, 8, 19])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_medians_are_scikit_learns_to_the_bit(n_columns, dtype):
    random = np.random.default_rng(0)
    values = random.normal(size=(101, n_columns)).astype(dtype)
    values[random.random(values.shape) < 0.2] = np.nan
    values[:, 0] = np.nan  # a column that is missing throughout stays, as zeros
    columns = pd.DataFrame(values, columns=[f"c{index}" for index in range(n_columns)])
    how = {"strategy": "median", "keep_empty_features": True}
    ours, theirs = MedianImputer(**how).fit(columns), SimpleImputer(**how).fit(columns)
    np.testing.assert_array_equal(ours.statistics_, theirs.statistics_, strict=True)
    np.testing.assert_array_equal(ours.transform(columns), theirs.transform(columns), strict=True)
    assert clone(ours).get_params() == theirs.get_params()
