"""The methods that have a name: tables of coefficients, and collocation methods by their nodes.

A tableau is built when it is first asked for, because irrational entries take a few milliseconds
each. Every one is tested against the order conditions of the order it is known for.

Tables: HNW is Hairer, Nørsett, Wanner, *Solving Ordinary Differential Equations I*, 2nd ed., and
HW is Hairer, Wanner, *Solving Ordinary Differential Equations II*, 2nd ed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import sympy as sp

from bea.errors import InputError
from bea.symbolic.methods.tableau import ButcherTableau
from bea.symbolic.ring.scalars import expression_of_scalar


class UnknownMethodError(InputError, KeyError):
    """There is no method of this name; as a key, it is not in the table of methods."""

    def __str__(self) -> str:
        return str(self.args[0])


class Library(Mapping[str, ButcherTableau]):
    """Methods by name, each built when it is first asked for.

    A name may be written with capitals, hyphens or spaces, and be one of the aliases; iteration
    gives every method once, by its usual name.

    Args:
        recipes: how to build the method of each name.
        aliases: other names, and the usual one of each.
    """

    def __init__(
        self, recipes: Mapping[str, Callable[[], ButcherTableau]], aliases: Mapping[str, str]
    ) -> None:
        self._recipes, self._aliases = recipes, aliases
        self._built: dict[str, ButcherTableau] = {}

    def usual_name(self, name: str) -> str:
        """The name under which a method is listed; the name itself if there is no such method."""
        plain = name.strip().lower().replace("-", "_").replace(" ", "_")
        return self._aliases.get(plain, plain)

    def __getitem__(self, name: str) -> ButcherTableau:
        if not isinstance(name, str):
            raise KeyError(name)
        usual = self.usual_name(name)
        if usual not in self._recipes:
            raise UnknownMethodError(f"unknown method {name!r}: {self._remedy(name)}")
        if usual not in self._built:
            tableau = self._recipes[usual]()
            self._built[usual] = ButcherTableau(tableau.A, tableau.b, name=usual)
        return self._built[usual]

    def aliases(self, usual: str) -> list[str]:
        """The other names of a method."""
        return [alias for alias, meant in self._aliases.items() if meant == usual]

    def _remedy(self, name: str) -> str:
        """What to do about a name that is none."""
        from difflib import get_close_matches

        known = [*self._recipes, *self._aliases]
        close = get_close_matches(self.usual_name(name), known)
        if not close:
            return f"use one of {', '.join(self)}, or a ButcherTableau"
        usual_first = sorted(close, key=lambda found: found in self._aliases)
        shown = [
            f"{found} ({self._aliases[found]})" if found in self._aliases else found
            for found in usual_first
        ]
        meant = ", ".join(shown[:-1]) + " or " * (len(shown) > 1) + shown[-1]
        return f"did you mean {meant}? bea.METHODS (bea methods) has them all"

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.usual_name(name) in self._recipes

    def __iter__(self) -> Iterator[str]:
        return iter(self._recipes)

    def __len__(self) -> int:
        return len(self._recipes)


def _explicit(rows: str, b: str) -> Callable[[], ButcherTableau]:
    """A table of rows below the diagonal, each with one entry more than the one before."""

    def build() -> ButcherTableau:
        weights = b.split()
        lower = [[], *(row.split() for row in rows.split(";"))] if rows else [[]]
        return ButcherTableau([row + ["0"] * (len(weights) - len(row)) for row in lower], weights)

    return build


def _full(rows: str, b: str) -> Callable[[], ButcherTableau]:
    """A table of full rows; entries are separated by commas."""
    return lambda: ButcherTableau([row.split(",") for row in rows.split(";")], b.split(","))


def _collocation(*nodes: str) -> Callable[[], ButcherTableau]:
    return lambda: ButcherTableau.collocation(nodes)


def _conjugate(*nodes: str) -> Callable[[], ButcherTableau]:
    """The conjugate of a collocation method, which meets the conditions D(s) instead of C(s)."""
    return lambda: ButcherTableau.collocation(nodes).conjugate()


def _lobatto_iiic(*nodes: str) -> Callable[[], ButcherTableau]:
    """a_i1 = b_1, and Σ_j a_ij c_j^{q−1} = c_i^q/q for q = 1, …, s − 1 (HW IV.5)."""

    def build() -> ButcherTableau:
        lobatto = ButcherTableau.collocation(nodes)
        b = [expression_of_scalar(weight) for weight in lobatto.b]
        c = [expression_of_scalar(node) for node in lobatto.c]
        s = len(c)
        powers = sp.Matrix(s - 1, s - 1, lambda q, j: c[j + 1] ** q)
        A = []
        for c_i in c:
            right = sp.Matrix(
                [c_i**q / sp.Integer(q) - b[0] * c[0] ** (q - 1) for q in range(1, s)]
            )
            A.append([b[0], *powers.LUsolve(right)])
        return ButcherTableau(A, b)

    return build


def _midpoints(*steps: str) -> Callable[[], ButcherTableau]:
    """Steps of the implicit midpoint rule, one after the other: a_ii = γ_i/2, a_ij = γ_j = b_j."""
    s = range(len(steps))
    rows = [[*steps[:i], f"({steps[i]})/2", *["0"] * (len(steps) - i - 1)] for i in s]
    return lambda: ButcherTableau(rows, steps)


RADAU_LEFT = {2: ("0", "2/3"), 3: ("0", "(6 - sqrt(6))/10", "(6 + sqrt(6))/10")}
RADAU_RIGHT = {2: ("1/3", "1"), 3: ("(4 - sqrt(6))/10", "(4 + sqrt(6))/10", "1")}
LOBATTO = {
    2: ("0", "1"),
    3: ("0", "1/2", "1"),
    4: ("0", "(5 - sqrt(5))/10", "(5 + sqrt(5))/10", "1"),
}
GAUSS = {
    2: ("1/2 - sqrt(3)/6", "1/2 + sqrt(3)/6"),
    3: ("1/2 - sqrt(15)/10", "1/2", "1/2 + sqrt(15)/10"),
}
"""Nodes of quadrature formulas with s points; which weights follow is collocation's business."""

SSP_10_4 = ";".join(
    " ".join(["1/6"] * i if i < 5 else ["1/15"] * 5 + ["1/6"] * (i - 5)) for i in range(1, 10)
)

ALIASES = {
    "gradient_descent": "euler",
    "explicit_euler": "euler",
    "backward_euler": "implicit_euler",
    "radau_iia1": "implicit_euler",
    "gauss2": "implicit_midpoint",
    "crank_nicolson": "trapezoidal",
    "lobatto_iiia2": "trapezoidal",
    "explicit_midpoint": "midpoint",
    "rk2": "midpoint",
    "heun2": "heun",
    "ssprk22": "heun",
    "ralston2": "ralston",
    "bs3": "bogacki_shampine",
    "ralston3": "bogacki_shampine",
    "classical": "rk4",
    "kutta4": "rk38",
    "rkf45": "fehlberg5",
    "dopri5": "dormand_prince",
    "rk45": "dormand_prince",
}
"""Other names under which these methods are known."""

METHODS = Library(
    {
        # order 1
        "euler": _explicit("", "1"),
        "implicit_euler": _full("1", "1"),
        # order 2
        "midpoint": _explicit("1/2", "0 1"),
        "implicit_midpoint": _full("1/2", "1"),
        "trapezoidal": _full("0,0;1/2,1/2", "1/2,1/2"),
        "heun": _explicit("1", "1/2 1/2"),
        "ralston": _explicit("2/3", "1/4 3/4"),  # Ralston 1962
        "sdirk2": _full("1-sqrt(2)/2,0;sqrt(2)/2,1-sqrt(2)/2", "sqrt(2)/2,1-sqrt(2)/2"),
        "tr_bdf2": _full(  # Bank et al. 1985, as a tableau: Hosea and Shampine 1996
            "0,0,0;1-sqrt(2)/2,1-sqrt(2)/2,0;sqrt(2)/4,sqrt(2)/4,1-sqrt(2)/2",
            "sqrt(2)/4,sqrt(2)/4,1-sqrt(2)/2",
        ),
        "lobatto_iiib2": _full("1/2,0;1/2,0", "1/2,1/2"),
        "lobatto_iiic2": _lobatto_iiic(*LOBATTO[2]),
        # order 3
        "kutta3": _explicit("1/2;-1 2", "1/6 2/3 1/6"),  # HNW II.1
        "heun3": _explicit("1/3;0 2/3", "1/4 0 3/4"),  # HNW II.1
        "bogacki_shampine": _explicit("1/2;0 3/4", "2/9 1/3 4/9"),  # Bogacki and Shampine 1989
        "ssprk33": _explicit("1;1/4 1/4", "1/6 1/6 2/3"),  # Shu and Osher 1988
        "radau_ia3": _conjugate(*RADAU_LEFT[2]),
        "radau_iia3": _collocation(*RADAU_RIGHT[2]),
        "crouzeix3": _full(  # HNW II.7: γ = (3 + √3)/6
            "1/2+sqrt(3)/6,0;-sqrt(3)/3,1/2+sqrt(3)/6", "1/2,1/2"
        ),
        # order 4
        "rk4": _explicit("1/2;0 1/2;0 0 1", "1/6 1/3 1/3 1/6"),  # HNW II.1
        "rk38": _explicit("1/3;-1/3 1;1 -1 1", "1/8 3/8 3/8 1/8"),  # HNW II.1
        "gill4": _full(  # Gill 1951
            "0,0,0,0;1/2,0,0,0;(sqrt(2)-1)/2,1-sqrt(2)/2,0,0;0,-sqrt(2)/2,1+sqrt(2)/2,0",
            "1/6,(2-sqrt(2))/6,(2+sqrt(2))/6,1/6",
        ),
        "ralston4": _full(  # Ralston 1962
            "0,0,0,0;2/5,0,0,0;(-2889+1428*sqrt(5))/1024,(3785-1620*sqrt(5))/1024,0,0;"
            "(-3365+2094*sqrt(5))/6040,(-975-3046*sqrt(5))/2552,"
            "(467040+203968*sqrt(5))/240845,0",
            "(263+24*sqrt(5))/1812,(125-1000*sqrt(5))/3828,"
            "(3426304+1661952*sqrt(5))/5924787,(30-4*sqrt(5))/123",
        ),
        "merson4": _explicit("1/3;1/6 1/6;1/8 0 3/8;1/2 0 -3/2 2", "1/6 0 0 2/3 1/6"),  # HNW II.4
        "ssprk104": _explicit(SSP_10_4, " ".join(["1/10"] * 10)),  # Ketcheson 2008
        "gauss4": _collocation(*GAUSS[2]),
        "lobatto_iiia4": _collocation(*LOBATTO[3]),
        "lobatto_iiib4": _conjugate(*LOBATTO[3]),
        "lobatto_iiic4": _lobatto_iiic(*LOBATTO[3]),
        "yoshida4": _midpoints(  # Suzuki 1990, Yoshida 1990; HLW II.4 (4.4)
            "1/(2-2**(1/3))", "-2**(1/3)/(2-2**(1/3))", "1/(2-2**(1/3))"
        ),
        # order 5
        "butcher5": _explicit(  # Butcher 1964
            "1/4;1/8 1/8;0 -1/2 1;3/16 0 0 9/16;-3/7 2/7 12/7 -12/7 8/7",
            "7/90 0 32/90 12/90 32/90 7/90",
        ),
        "fehlberg5": _explicit(  # Fehlberg 1969, HNW II.5
            "1/4;3/32 9/32;1932/2197 -7200/2197 7296/2197;439/216 -8 3680/513 -845/4104;"
            "-8/27 2 -3544/2565 1859/4104 -11/40",
            "16/135 0 6656/12825 28561/56430 -9/50 2/55",
        ),
        "cash_karp": _explicit(  # Cash and Karp 1990
            "1/5;3/40 9/40;3/10 -9/10 6/5;-11/54 5/2 -70/27 35/27;"
            "1631/55296 175/512 575/13824 44275/110592 253/4096",
            "37/378 0 250/621 125/594 0 512/1771",
        ),
        "dormand_prince": _explicit(  # Dormand and Prince 1980, HNW II.5
            "1/5;3/40 9/40;44/45 -56/15 32/9;19372/6561 -25360/2187 64448/6561 -212/729;"
            "9017/3168 -355/33 46732/5247 49/176 -5103/18656",
            "35/384 0 500/1113 125/192 -2187/6784 11/84",
        ),
        "radau_ia5": _conjugate(*RADAU_LEFT[3]),
        "radau_iia5": _collocation(*RADAU_RIGHT[3]),
        # order 6
        "gauss6": _collocation(*GAUSS[3]),
        "lobatto_iiia6": _collocation(*LOBATTO[4]),
        "lobatto_iiib6": _conjugate(*LOBATTO[4]),
        "lobatto_iiic6": _lobatto_iiic(*LOBATTO[4]),
    },
    ALIASES,
)
"""The methods known by name, each with a `ButcherTableau` of exact entries."""


def method_named(method: str | ButcherTableau) -> ButcherTableau:
    """The tableau of this name; a tableau stands for itself.

    Raises:
        InputError: there is no such method; the message lists those there are.
    """
    if isinstance(method, ButcherTableau):
        return method
    if isinstance(method, str):
        return METHODS[method]
    raise InputError(
        f"unknown method {method!r}: use one of {', '.join(METHODS)}, or a ButcherTableau"
    )
