"""`python -m amsr_deploy.training` has the options of `amsr train`."""

from __future__ import annotations

from typing import Any

import pytest
from command_line import amsr

from amsr_deploy import cli
from amsr_deploy.commands import train
from amsr_deploy.training import __main__

OPTIONS = (
    "--backbone disp --scale 2 --channels 8 --blocks 1 --data a --data b --out run --validation v --steps 9 "
    "--minutes 1.5 --batch-size 64 --learning-rate 1e-3 --dilation 3 --masks 5 --fixed-mask --uniform-patches "
    "--patch-size 16 --reductions 1 --optimizer muon --loss l2 --permuted 0.5 --synthetic 0 --ema 0.9 --seed 3 "
    "--validate-every 7 --save-minutes 1 --device cpu --precision float32 --no-compile --no-tensorboard"
)


@pytest.mark.parametrize("given", [OPTIONS, "--out run --resume --tensorboard", "--out run --config c --init i"])
def test_both_commands_ask_for_the_same(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def note(quiet: bool = False, **options: Any) -> int:
        assert not quiet
        asked.append(train.translate(options))
        return 0

    monkeypatch.setattr(train, "run_session", note)
    monkeypatch.setattr(__main__, "run_session", note)
    result = amsr("train", *given.split())
    assert result.exit_code == 0, result.output
    assert __main__.main(given.split()) == 0
    assert asked[0] == asked[1]


def test_no_option_is_missing() -> None:
    own = [option for option in cli.train.params if option.name not in ("quiet", "verbose", "debug")]
    flags = {flag for option in own for flag in (*option.opts, *option.secondary_opts)}
    ours = {flag for action in __main__.parser()._actions for flag in action.option_strings} - {"-h", "--help"}
    assert ours == flags
