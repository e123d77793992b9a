"""Networks that see strokes: trained by the command, then served as they are and as a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from drawn import DRAWINGS
from PIL import Image
from served import CROSS, running
from test_live import heard, heard_of, say

from doodlewise.cli.app import run
from doodlewise.drawing import Drawing


@pytest.fixture(scope="module", params=["stroke_gru", "fusion_small"])
def trained(
    request: pytest.FixtureRequest, strokes_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    options = ["--model", request.param, "--epochs", "1", "--batch-size", "32", "--device", "cpu"]
    where = ["--runs", str(folder), "--name", "run", "--quiet"]
    # The report has tests of its own, and takes longer than all the rest.
    assert run(["train", str(strokes_store), *options, *where, "--no-report"]) == 0
    return folder / "run"


def test_from_the_command_to_live_guesses(
    trained: Path, doodles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run(["runs", "show", str(trained)]) == 0
    assert f"predict {trained} DRAWING.ndjson\n" in capsys.readouterr().err
    assert run(["predict", str(trained), str(doodles / "cat.ndjson"), "--top", "2"]) == 0
    assert capsys.readouterr().out.count("\n") >= 60
    Image.new("L", (40, 40), 255).save(tmp_path / "white.png")
    assert run(["predict", str(trained), str(tmp_path / "white.png")]) == 1
    assert "sees strokes, which no picture has" in capsys.readouterr().err

    exported = tmp_path / "model.onnx"
    assert run(["export", str(trained), "--to", str(exported), "--quiet"]) == 0
    with running(trained) as live_run, running(exported) as live_file:
        answers = [each.ask({"strokes": CROSS, "top": 3}).json() for each in (live_run, live_file)]
        guesses = [
            {each["word"]: each["probability"] for each in answer["guesses"]} for answer in answers
        ]
        assert guesses[0] == pytest.approx(guesses[1], abs=1e-4)
        picture = Path(tmp_path / "white.png").read_bytes()
        refused = live_run.client.post(
            "/v1/predict", content=picture, headers={"content-type": "image/png"}
        )
        assert refused.status_code == 422
        assert "no picture has" in refused.json()["error"]["message"]

        with live_run.live() as pen:
            say(pen, "start", top=2)
            assert heard(pen)["type"] == "empty"
            for number, (xs, ys) in enumerate(DRAWINGS["house"], 1):
                say(pen, "points", x=xs, y=ys, seq=2 * number)
                say(pen, "end", seq=2 * number + 1)
                guess = heard_of(pen, 2 * number + 1)
        classifier = live_run.state.models.default.classifier
        expected = classifier.predict(Drawing.from_strokes(DRAWINGS["house"]), top=2)
        assert guess["word"] == expected.word
        assert guess["probability"] == pytest.approx(expected.probability, abs=1e-4)
