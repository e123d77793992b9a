"""Run as a program: a network with batch norms learns in two processes; prints what it learnt.

In float64, so that what differs from one process is no rounding.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import torch
from torch import distributed, multiprocessing, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from doodlewise.training.norms import share_norms

ROWS = 9
SHARES = ([0, 1, 2, 3, 4, 5], [6, 7, 8])
"""Of a batch, for each process: not the same number of rows."""


class Activated(nn.BatchNorm2d):
    """As the norms of timm are: one that goes on with an activation."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.drop, self.act = nn.Identity(), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.drop(super().forward(x)))


def make_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        Activated(4),
        nn.Conv2d(4, 5, 3),
        nn.BatchNorm2d(5, affine=False),
        nn.Flatten(),
        nn.Linear(5 * 16, 6),
        nn.BatchNorm1d(6, momentum=None),
        nn.Linear(6, 3),
    ).double()


def learn(network: nn.Module, called: nn.Module, rows: list[int], scale: float) -> dict[str, Any]:
    """Three steps on some rows; weights and running means."""
    random = torch.Generator().manual_seed(1)
    # Far from zero, where sums of squares would have lost all digits.
    images = 100.0 + torch.randn((ROWS, 1, 8, 8), generator=random, dtype=torch.float64)
    labels = torch.arange(ROWS) % 3
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    for _ in range(3):
        optimizer.zero_grad()
        loss = F.cross_entropy(called(images[rows]), labels[rows]) * scale
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return {name: tensor.tolist() for name, tensor in network.state_dict().items()}


def work(rank: int, port: str) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    distributed.init_process_group("gloo", rank=rank, world_size=2)
    network = make_network()
    unknown = share_norms(network)
    rows = SHARES[rank]
    # DDP takes the mean over the processes; this makes it the mean over the rows.
    scale = 2.0 * len(rows) / ROWS
    found = learn(network, DistributedDataParallel(network), rows, scale)
    if rank == 0:
        sys.stdout.write(json.dumps({"unknown": unknown, "weights": found}) + "\n")
        sys.stdout.flush()
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    multiprocessing.spawn(work, (sys.argv[1],), nprocs=2)
