"""Times the detector's training step in PyTorch: the same network, batch and optimiser, channels last.

Usage: pytorchStep.py BATCH CANVAS_PX; says "ready", then takes a step for each line that it reads and prints its milliseconds.
"""

import sys
import time

import torch
from torch import nn

WIDTHS = (32, 64, 96, 128)


def block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList()
        inputs = 16
        for width in WIDTHS:
            self.down.append(nn.Sequential(block(inputs, width), block(width, width)))
            inputs = width
        self.up = nn.ModuleList(
            nn.Sequential(block(WIDTHS[level] + WIDTHS[level + 1], WIDTHS[level]), block(WIDTHS[level], WIDTHS[level]))
            for level in (2, 1, 0)
        )
        self.head = block(WIDTHS[0], WIDTHS[0])
        self.density = nn.Conv2d(WIDTHS[0], 3, 1)
        self.extent = nn.Conv2d(WIDTHS[0], 12, 1)

    def forward(self, field: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = nn.functional.pixel_unshuffle(field, 2)
        skips = []
        for level, stage in enumerate(self.down):
            if level > 0:
                x = nn.functional.max_pool2d(x, 2)
            x = stage(x)
            skips.append(x)
        for index, stage in enumerate(self.up):
            x = stage(torch.cat([skips[2 - index], nn.functional.interpolate(x, scale_factor=2)], 1))
        x = self.head(x)
        return self.density(x), nn.functional.softplus(self.extent(x)) * 16


def main() -> None:
    batch, side = (int(text) for text in sys.argv[1:3])
    torch.manual_seed(1)
    net = UNet().to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(net.parameters(), 1e-4, weight_decay=0.01)
    field = torch.rand(batch, 4, side, side).to(memory_format=torch.channels_last)
    target = torch.rand(batch, 3, side // 2, side // 2)
    extent = torch.rand(batch, 12, side // 2, side // 2)

    def step() -> float:
        start = time.perf_counter()
        logits, found = net(field)
        probability = torch.sigmoid(logits)
        background = nn.functional.softplus(logits)
        focal = (1 - target) ** 4 * probability**2 * background
        loss = focal.sum() / 100 + ((found - extent).abs() * extent).sum() / 100
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5)
        optimiser.step()
        return (time.perf_counter() - start) * 1000

    for _ in range(2):
        step()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(step(), flush=True)


main()
