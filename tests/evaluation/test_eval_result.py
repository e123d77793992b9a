from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from doodlewise.errors import RunError
from doodlewise.evaluation import EvalResult

Simulate = Callable[..., EvalResult]


def test_json_round_trip(simulate: Simulate) -> None:
    result = simulate(["cat", "dog", 'say "hé" <&>', "猫"])
    read = EvalResult.from_dict(json.loads(result.to_json()))
    assert read.to_dict() == result.to_dict()
    assert read.confusion.dtype == np.int64
    assert read.by_ink[25] == {"n": 2000, "top1": 0.2, "top3": 0.4}
    assert read.top1_interval == result.top1_interval


def test_eval_json_can_be_read_by_others(simulate: Simulate) -> None:
    values = json.loads(simulate(10).to_json())
    assert {
        *("n", "top1", "top3", "top5", "top1_interval", "map3", "loss", "ece", "macro_f1"),
        *("by_class", "by_recognised", "by_country", "by_ink", "most_confused", "top_losses"),
        *("calibration", "sure", "classes", "confusion"),
        *("model", "store", "split", "date", "version"),
    } <= set(values)
    assert np.array(values["confusion"]).sum() == values["n"] == 2000
    assert np.trace(np.array(values["confusion"])) / 2000 == values["top1"]
    assert len(values["top_losses"]) == 48


def test_one_line_for_each_key(simulate: Simulate) -> None:
    result = simulate(10)
    assert len(result.to_json().splitlines()) == len(result.to_dict()) + 2


@pytest.mark.parametrize(
    ("key", "value"), [("top1", None), ("top1", "high"), ("by_ink", {"x": 1}), ("confusion", ["a"])]
)
def test_another_kind_of_file_is_refused(simulate: Simulate, key: str, value: object) -> None:
    values = simulate(3).to_dict()
    if value is None:
        del values[key]
    else:
        values[key] = value
    with pytest.raises(RunError, match=rf"{key}.*Evaluate again"):
        EvalResult.from_dict(values)


def test_summary_says_what_matters(simulate: Simulate) -> None:
    result = simulate(10)
    rows = dict(result.summary_rows())
    low, high = result.top1_interval
    assert rows["drawings"] == "2,000 in 10 classes"
    assert rows["top-1"] == (
        f"{100 * result.top1:.2f} % (95 % interval {100 * low:.2f} % to {100 * high:.2f} %)"
    )
    assert rows["after 25 % of the ink"] == "20.00 %"
    at = next(each for each in result.sure if each["threshold"] == 0.9)
    assert at["accuracy"] is not None
    assert rows["when 90 % sure"] == (
        f"answers {100 * at['answered']:.2f} %, right in {100 * at['accuracy']:.2f} %"
    )
    assert "recognised: no" in rows
    assert rows["often confused"].count("→") == 1


def test_summary_leaves_out_what_says_nothing(simulate: Simulate) -> None:
    few = simulate(3)
    rows = dict(replace(few, by_recognised={"unknown": few.overall}, by_ink={}).summary_rows())
    assert not {name for name in rows if name.startswith(("top-3", "top-5", "recog", "after"))}
