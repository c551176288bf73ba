"""Short examples of every attack of the table, for the tests that all attacks have to pass."""

from __future__ import annotations

from securemnist.attacks.apgd import APGD, APGDT
from securemnist.attacks.apgd_restarts import NearestAPGD
from securemnist.attacks.base import Attack
from securemnist.attacks.boundary_fab import BoundaryFAB
from securemnist.attacks.fab import FAB
from securemnist.attacks.fgsm import FGSM, RFGSM
from securemnist.attacks.onward import OnwardPGD
from securemnist.attacks.patch_search import PatchSearch
from securemnist.attacks.pgd import PGD
from securemnist.attacks.rays import RayS
from securemnist.attacks.sparse_rs import SparseRS
from securemnist.attacks.square import Square
from securemnist.attacks.surrogate import Surrogate
from securemnist.attacks.transfer import Transfer

EXAMPLES: dict[str, tuple[Attack, ...]] = {
    "FGSM": (FGSM(),),
    "RFGSM": (RFGSM(),),
    "PGD": (PGD(steps=3), PGD(steps=2, restarts=2, loss="margin")),
    "APGD": (APGD(steps=6), APGD(steps=3, restarts=2, loss="dlr")),
    "APGDT": (APGDT(steps=4, targets=2), APGDT(steps=4, followed=1)),
    "FAB": (FAB(steps=4, restarts=2, targets=2),),
    "BoundaryFAB": (BoundaryFAB(steps=8, starts=2),),
    "NearestAPGD": (NearestAPGD(steps=3, restarts=2, share=0.5),),
    "OnwardPGD": (OnwardPGD(steps=3, targets=2),),
    "Square": (Square(queries=12),),
    "RayS": (RayS(queries=24),),
    "Transfer": (Transfer(steps=3),),
    "SparseRS": (SparseRS(queries=12),),
    "PatchSearch": (PatchSearch(places=3, steps=4),),
    "Surrogate": (Surrogate(rounds=2, updates=3, steps=3),),
}
ALL = [attack for examples in EXAMPLES.values() for attack in examples]
# Those that work in the ball of a norm.
IN_BALLS = [attack for attack in ALL if "ball" in attack.forms]
