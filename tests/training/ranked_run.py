"""Train on batches of 12 rows, alone or as one of several under `torchrun`; the losses as JSON."""

import gc
import json
import os
import sys

import torch
import torch.nn.functional as F
from torch import distributed, nn
from torch.optim import AdamW

from course_lib.training import on_every_rank, share_of, train

torch.set_num_threads(1)
torch.manual_seed(0)
batches = torch.randint(13, (5, 12, 7))
alone = not distributed.is_torchelastic_launched()
torch.manual_seed(int(os.environ.get("RANK", 0)))  # each process begins with other weights
model = on_every_rank(nn.Sequential(nn.Embedding(13, 5), nn.Linear(5, 13)))


def loss(ids):
    return F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())


shares = [ids[share_of(len(ids))] for ids in batches]
records = list(train(loss, shares, AdamW(model.parameters(), lr=0.05), max_norm=0.1))
if alone or distributed.get_rank() == 0:
    with open(sys.argv[1], "w") as file:
        json.dump([(record.loss, record.grad_norm) for record in records], file)
if not alone:
    del model  # its group's threads would end with Python, which now and then aborts
    gc.collect()
    distributed.destroy_process_group()
