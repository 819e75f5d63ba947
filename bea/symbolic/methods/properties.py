"""Properties of the named methods: stages, order, symmetry, symplecticity.

The table is written down, since computing it takes seconds; a test computes it. A method is
explicit if a_ij = 0 for j ≥ i, symmetric if it is its own adjoint (HLW II.3), and symplectic if b_i
a_ij + b_j a_ji = b_i b_j (HLW VI.4, Theorem 4.3).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Properties:
    """Of one method.

    Attributes:
        order: the l of its first correction f_l ≠ 0.
        stages: how many it has.
        words: which of "explicit", "symmetric" and "symplectic" it is.
    """

    order: int
    stages: int
    words: str = ""

    @property
    def is_explicit(self) -> bool:
        """Is a_ij = 0 for j ≥ i?"""
        return "explicit" in self.words.split()

    @property
    def is_symmetric(self) -> bool:
        """Is it its own adjoint?"""
        return "symmetric" in self.words.split()

    @property
    def is_symplectic(self) -> bool:
        """Does it keep the symplectic form, and every quadratic invariant?"""
        return "symplectic" in self.words.split()


PROPERTIES: dict[str, Properties] = {
    "euler": Properties(1, 1, "explicit"),
    "implicit_euler": Properties(1, 1),
    "midpoint": Properties(2, 2, "explicit"),
    "implicit_midpoint": Properties(2, 1, "symmetric symplectic"),
    "trapezoidal": Properties(2, 2, "symmetric"),
    "heun": Properties(2, 2, "explicit"),
    "ralston": Properties(2, 2, "explicit"),
    "sdirk2": Properties(2, 2),
    "tr_bdf2": Properties(2, 3),
    "lobatto_iiib2": Properties(2, 2, "symmetric"),
    "lobatto_iiic2": Properties(2, 2),
    "kutta3": Properties(3, 3, "explicit"),
    "heun3": Properties(3, 3, "explicit"),
    "bogacki_shampine": Properties(3, 3, "explicit"),
    "ssprk33": Properties(3, 3, "explicit"),
    "radau_ia3": Properties(3, 2),
    "radau_iia3": Properties(3, 2),
    "crouzeix3": Properties(3, 2),
    "rk4": Properties(4, 4, "explicit"),
    "rk38": Properties(4, 4, "explicit"),
    "gill4": Properties(4, 4, "explicit"),
    "ralston4": Properties(4, 4, "explicit"),
    "merson4": Properties(4, 5, "explicit"),
    "ssprk104": Properties(4, 10, "explicit"),
    "gauss4": Properties(4, 2, "symmetric symplectic"),
    "lobatto_iiia4": Properties(4, 3, "symmetric"),
    "lobatto_iiib4": Properties(4, 3, "symmetric"),
    "lobatto_iiic4": Properties(4, 3),
    "yoshida4": Properties(4, 3, "symmetric symplectic"),
    "butcher5": Properties(5, 6, "explicit"),
    "fehlberg5": Properties(5, 6, "explicit"),
    "cash_karp": Properties(5, 6, "explicit"),
    "dormand_prince": Properties(5, 6, "explicit"),
    "radau_ia5": Properties(5, 3),
    "radau_iia5": Properties(5, 3),
    "gauss6": Properties(6, 3, "symmetric symplectic"),
    "lobatto_iiia6": Properties(6, 4, "symmetric"),
    "lobatto_iiib6": Properties(6, 4, "symmetric"),
    "lobatto_iiic6": Properties(6, 4),
}
"""By the usual name of the method, in the order in which they are listed."""
