"""Training in several processes, as `torchrun` starts them: each takes its share of the same batches."""

from __future__ import annotations

import gc
import importlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from amsr_deploy.errors import TrainingError, UserError
from amsr_deploy.wording import first_line

_connections = count()


@dataclass(frozen=True)
class World:
    """The processes of a training and this one's place among them."""

    rank: int = 0
    """Number of this process; 0 writes the files."""
    size: int = 1
    """Number of processes."""
    local_rank: int = 0
    """Number of this process on its machine."""

    @property
    def is_main(self) -> bool:
        """Whether this process reports and writes files."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """Take this process's share of a batch of `count` patches.

        Raises:
            UserError: the batch does not divide; unequal shares would weigh patches unequally.
        """
        if count % self.size:
            raise UserError(f"batch size {count} does not divide among {self.size} processes; use a multiple")
        each = count // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def mean(self, value: Tensor) -> Tensor:
        """Average over all processes; return the value itself in a single one."""
        if self.size > 1:
            dist.all_reduce(value)
            value /= self.size
        return value

    def largest(self, number: int, device: torch.device) -> int:
        """Find the largest of the numbers that the processes give."""
        if self.size == 1:
            return number
        result = torch.tensor(number, device=device)
        dist.all_reduce(result, dist.ReduceOp.MAX)
        return int(result)

    def parallel(self, network: nn.Module, device: torch.device) -> nn.Module:
        """Wrap the network: gradients are averaged over all processes, and all start with the weights of rank 0."""
        if self.size == 1:
            return network
        ids = [device.index] if device.type == "cuda" else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # PyTorch 2.13 renames the argument, 2.9 lacks the new name
            return DistributedDataParallel(network, device_ids=ids, broadcast_buffers=False)  # they never change


def world_from_environment() -> World:
    """Make the world that `torchrun` describes in WORLD_SIZE, RANK and LOCAL_RANK; one process where the first is 1.

    Raises:
        UserError: no numbers, or none of a process among so many.
    """
    size = _variable("WORLD_SIZE", 1)
    if size == 1:
        return World()
    rank = _variable("RANK", 0)
    if not 0 <= rank < size:
        raise UserError(f"RANK={rank} is no process of WORLD_SIZE={size}; start a training of several with torchrun")
    return World(rank, size, _variable("LOCAL_RANK", 0))


def _variable(name: str, default: int) -> int:
    """Read a number from the environment; where it is empty, the default."""
    text = os.environ.get(name) or str(default)
    if not text.isdecimal():
        raise UserError(f"{name}={text!r} is no number of processes; unset it, or start with torchrun")
    return int(text)


@contextmanager
def connected(world: World, device: torch.device) -> Iterator[None]:
    """Connect the processes of a world: NCCL between GPUs, gloo between CPUs.

    Afterwards gloo's threads have stopped: one that frees a tensor while Python shuts down would abort the process.

    Raises:
        TrainingError: they cannot, as without the address that `torchrun` sets.
    """
    if world.size == 1:
        yield
        return
    # Imported later, as optimisers do, it would keep the group and its threads alive in default arguments.
    importlib.import_module("torch.distributed.nn.functional")
    try:
        store, rank, size = next(rendezvous("env://", world.rank, world.size))
        store = PrefixStore(str(next(_connections)), store)  # an earlier training's holds addresses that are gone
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", store=store, rank=rank, world_size=size)
    except (ValueError, RuntimeError) as error:
        raise TrainingError(
            f"{world.size} processes cannot connect ({first_line(error)}); start them with torchrun"
        ) from error
    yield
    gc.collect()  # a network in a cycle of references would keep the group, too
    dist.destroy_process_group()  # not after an error: it would wait for the others, who wait for this one
