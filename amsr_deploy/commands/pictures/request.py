"""What `amsr infer` is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from amsr_deploy.commands.effort import Effort
from amsr_deploy.commands.messages import say
from amsr_deploy.commands.output_size import OutputSize
from amsr_deploy.commands.pictures.inputs import Input, Inputs
from amsr_deploy.commands.pictures.outputs import Naming
from amsr_deploy.commands.pictures.shard import Shard
from amsr_deploy.errors import UserError
from amsr_deploy.image import WriteOptions
from amsr_deploy.runtime.settings import PictureSettings


@dataclass(frozen=True)
class InferRequest:
    """What is wanted of all pictures.

    Attributes:
        size: of the output.
        effort: how much work a picture is worth.
        naming: how the outputs are named.
        writing: how they are written.
        mask: a picture of the input's size, white where the network shall work; None computes a mask.
        save_mask: where a picture goes, white where the network worked; both are for one picture only.
        compare: write a picture that compares, too.
        advise: say where other weights would be better.
        shard: the part of the pictures that is wanted; None is all of them.
    """

    size: OutputSize
    effort: Effort
    naming: Naming
    writing: WriteOptions
    mask: Path | None = None
    save_mask: Path | None = None
    compare: bool = False
    advise: bool = True
    shard: Shard | None = None

    def check(self, inputs: Inputs, settings: PictureSettings) -> None:
        """Raise UserError where options contradict each other or the number of pictures."""
        if self.shard:
            inputs.check_several("--shard")
            if self.naming.output is None:
                raise UserError("--shard needs an --output folder: results beside the pictures would be taken for more")
        if inputs.several and (self.mask or self.save_mask):
            raise UserError("--mask and --save-mask are for one picture at a time")
        if self.compare and self.naming.is_standard(inputs):
            raise UserError("standard output takes one picture; give an --output for the compare picture beside it")
        self.effort.check(self.mask, settings)
        self.writing.check(self.naming.format)

    def pictures(self, inputs: Inputs) -> Sequence[Input]:
        """Return the pictures that are wanted, and say so where there are none."""
        if not self.shard:
            return inputs.pictures
        picked = self.shard.pick(inputs.pictures)
        if not picked:
            say(f"shard {self.shard} is empty: {len(inputs.pictures)} pictures are in others", err=True)
        return picked
