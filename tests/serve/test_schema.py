"""schemathesis sends everything that openapi.json allows, and much that it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from made_learner import write_learner
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig

from doodlewise.serve.app import create_app
from doodlewise.serve.settings import ServeSettings

EXAMPLES = 20
CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            # A schema cannot say that there are as many x as y, or that bytes are a picture.
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", "401", "403", "404", "422", "429", "5xx"]
            },
        }
    }
)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_the_server_does_what_it_describes(mode: GenerationMode, tmp_path: Path) -> None:
    model = write_learner(tmp_path / "learner.onnx")
    app = create_app(ServeSettings(model=model, rate=0.0, keep=tmp_path / "kept"))
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=CONFIG)
    asked = set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: Case) -> None:
            case.call_and_validate()

        try:
            check()
            asked.add(operation.label)
        except Unsatisfiable:  # there is nothing in it that could be wrong
            assert mode is GenerationMode.NEGATIVE
    assert "POST /v1/predict" in asked
