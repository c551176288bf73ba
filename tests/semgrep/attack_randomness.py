import random

import numpy as np
import torch

# ruleid: attack-randomness-without-seed
torch.rand(x.shape)
# ruleid: attack-randomness-without-seed
noise = torch.randn_like(x) * eps
# ruleid: attack-randomness-without-seed
torch.empty_like(x).uniform_(-eps, eps)
# ruleid: attack-randomness-without-seed
np.random.uniform(-eps, eps, size=x.shape)
# ruleid: attack-randomness-without-seed
np.random.default_rng()
# ruleid: attack-randomness-without-seed
np.random.seed()
# ruleid: attack-randomness-without-seed
random.choice(classes)
# ruleid: attack-randomness-without-seed
random.Random().choice(classes)
# ok: attack-randomness-without-seed
torch.rand(x.shape, generator=rng)
# ok: attack-randomness-without-seed
torch.empty_like(x).uniform_(-eps, eps, generator=rng)
# ok: attack-randomness-without-seed
np.random.default_rng(seed).uniform(-eps, eps)
# ok: attack-randomness-without-seed
np.random.seed(seed)
# ok: attack-randomness-without-seed
random.Random(seed).choice(classes)
# ok: attack-randomness-without-seed
torch.zeros(x.shape)
