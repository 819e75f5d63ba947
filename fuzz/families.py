"""Random losses and fields of the kinds that people have, in the ways in which they write them.

A family is a function of a random generator that returns a `Subject`: text, parameters, and the
places where something happens. Among them are sums of rational wells and robust losses of up to
eight terms, bells far from the origin, scales from 1e-90 to 1e6, slopes up to 200, data with
decimals, and zeros in disguise, with and without a small term that makes them none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random

import sympy as sp

from fuzz.truth import WEIGHTS, Subject

NAMES = ("x", "y", "z")
Family = Callable[[Random], Subject]


# --- numbers, forms, spellings ------------------------------------------------------------------


def number(random: Random, largest: int = 3) -> str:
    """A positive number: an integer, a fraction, or a decimal."""
    style = random.randrange(4)
    if style == 0:
        return str(random.randint(1, largest))
    if style == 1:
        return f"{random.randint(1, 9)}/{random.randint(2, 9)}"
    return f"{random.uniform(0.1, largest):.{random.randint(1, 4)}f}"


def factor(text: str) -> str:
    """The text as a factor."""
    return text if text.replace(".", "").replace("_", "").isalnum() else f"({text})"


def signed(terms: Sequence[tuple[bool, str]]) -> str:
    """A sum, of which each term is said to be subtracted or not; no minus at its beginning."""
    text = "".join(f" {'-' if minus else '+'} {term}" for minus, term in terms)
    return text[3:] if text.startswith(" + ") else f"0{text}"


def linear(random: Random, names: Sequence[str], constant: bool = True) -> str:
    """c_1 x + c_2 y + …, in any order."""
    terms = [
        (
            random.random() < 0.4,
            random.choice(["{c}*{v}", "{v}*{c}"]).format(c=factor(number(random)), v=v),
        )
        for v in names
        if random.random() < 0.85
    ] or [(False, names[0])]
    if constant and random.random() < 0.8:
        terms.append((random.random() < 0.5, factor(number(random))))
    random.shuffle(terms)
    return signed(terms)


def over(random: Random, above: str, below: str) -> str:
    """A quotient."""
    return random.choice(
        [f"({above})/({below})", f"({above})*({below})**(-1)", f"({above})/({below})"]
    )


def squared_distance(random: Random, names: Sequence[str], centre: Sequence[int]) -> str:
    """|θ − c|², sometimes with weights."""
    parts = []
    for v, c in zip(names, centre, strict=True):
        u = v if c == 0 else f"{v} - {c}" if c > 0 else f"{v} + {-c}"
        weight = random.choice(["", "", "2*", "0.5*", "1.25*"])
        parts.append(f"{weight}({u})**2")
    return " + ".join(parts)


def exponential(random: Random, u: str) -> str:
    """e^u."""
    return random.choice([f"exp({u})", f"exp({u})", f"1/exp(-({u}))", f"exp(({u})/2)**2"])


def hyperbolic_tangent(random: Random, u: str) -> str:
    """tanh(u), also as the quotient that it is."""
    return random.choice(
        [
            f"tanh({u})",
            f"tanh({u})",
            f"sinh({u})/cosh({u})",
            f"(exp(2*({u})) - 1)/(exp(2*({u})) + 1)",
            f"(2*sigmoid(2*({u})) - 1)",
        ]
    )


def root(random: Random, u: str) -> str:
    """√u."""
    return random.choice([f"sqrt({u})", f"({u})**(1/2)", f"({u})**0.5", f"(({u})/sqrt({u}))"])


def some_names(random: Random, most: int = 3) -> tuple[str, ...]:
    """One to three parameters, as a rule two."""
    return NAMES[: min(most, random.choice([1, 2, 2, 2, 3]))]


def point(values: Sequence[float | int | str]) -> tuple[Fraction, ...]:
    """A place of interest."""
    return tuple(Fraction(v) for v in values)


# --- families -----------------------------------------------------------------------------------


def wells(random: Random) -> Subject:
    """Σ ± c/(1 + |θ − c_i|²), one to eight."""
    names, n = some_names(random), random.randint(1, 8)
    centres = [
        [k if j == 0 else random.choice([0, 0, random.randint(-5, 5)]) for j in range(len(names))]
        for k in range(n)
    ]
    terms = [
        (
            random.random() < 0.3,
            over(
                random,
                random.choice(["1", number(random)]),
                f"1 + {squared_distance(random, names, c)}",
            ),
        )
        for c in centres
    ]
    return Subject("wells", names, signed(terms), near=tuple(map(point, centres)))


def robust(random: Random) -> Subject:
    """Geman–McClure, Cauchy, Welsch and pseudo-Huber losses of one to six residuals."""
    names, n = some_names(random), random.randint(1, 6)
    one_kind = random.choice([0, 1, 2, 3, None])
    terms = []
    for _ in range(n):
        r, kind = linear(random, names), random.randrange(4) if one_kind is None else one_kind
        terms.append(
            (
                False,
                [
                    random.choice([f"({r})**2/(1 + ({r})**2)", f"(1 - 1/(1 + ({r})**2))"]),
                    random.choice([f"log(1 + ({r})**2)", f"(-log(1/(1 + ({r})**2)))"]),
                    f"(1 - exp(-({r})**2/2))",
                    f"({root(random, f'1 + ({r})**2')} - 1)",
                ][kind],
            )
        )
    return Subject("robust", names, signed(terms))


def logistic(random: Random) -> Subject:
    """A logistic regression on a few points with decimals, sometimes with weight decay."""
    names, n, digits = some_names(random), random.randint(1, 4), random.randint(1, 4)
    terms = []
    for _ in range(n):
        u = " + ".join(f"{random.uniform(0.1, 3):.{digits}f}*{v}" for v in names)
        minus = random.random() < 0.5
        w = f"-({u})" if minus else u
        terms.append(
            (
                False,
                random.choice(
                    [
                        f"log(1 + exp({w}))",
                        f"softplus({w})",
                        f"(-log(sigmoid({'' if minus else '-'}({u}))))",
                    ]
                ),
            )
        )
    if random.random() < 0.5:
        terms.append((False, f"0.01*({' + '.join(f'{v}**2' for v in names)})"))
    return Subject("logistic", names, signed(terms))


def data(random: Random) -> Subject:
    """A logistic or robust regression on three to twenty points, in two to five parameters."""
    names = ("a", "b", "c", "d", "k")[: random.choice([2, 2, 3, 5])]
    digits, each = random.randint(1, 3), random.choice(["softplus({u})", "log(1 + ({u})**2)"])
    terms = []
    for _ in range(random.choice([3, 5, 10, 20])):
        row = [f"{random.gauss(0, 1.5):.{digits}f}*{v}" for v in names[1:]]
        terms.append((False, each.format(u=" + ".join([names[0], *row]).replace("+ -", "- "))))
    return Subject("data", names, signed(terms))


def neurons(random: Random) -> Subject:
    """Squares and products of sigmoids and tanh, with slopes up to 200."""
    names = some_names(random)
    steep = random.choice(["1", "1.5", "20", "60", "200", f"{random.uniform(0.3, 5):.7f}"])
    u = random.choice([f"{steep}*{names[0]}", f"{steep}*({linear(random, names)})"])
    unit = random.choice(
        [hyperbolic_tangent(random, u), f"sigmoid({u})", f"1/(1 + exp(-({u})))", f"softplus({u})"]
    )
    v = names[-1]
    loss = random.choice(
        [
            f"({unit} - {number(random)})**2/2",
            f"{unit}*{v} + {v}**2/2",
            f"({v}*({unit}) - {number(random)})**2",
            f"{unit} + {v}**2/2",
            f"({unit})*exp({factor(number(random))}*{v})",
        ]
    )
    return Subject("neurons", names, loss, near=(point([0] * len(names)),))


def bells(random: Random) -> Subject:
    """Bells anywhere, alone, in pairs, under a logarithm, times other functions."""
    names = some_names(random)
    far = random.choice([0, 2, 8, 12, 20, 50])
    centres = [[random.choice([-1, 1]) * random.randint(0, far) for _ in names] for _ in range(2)]
    one, two = (exponential(random, f"-({squared_distance(random, names, c)})") for c in centres)
    v = names[-1]
    loss = random.choice(
        [
            f"1 - {one}",
            f"1 - {one}",
            f"{v}**2/2 - {one}",
            f"-log({one} + {two})",
            f"-({one}) - 0.5*({two})",
            f"{one}*log(1 + {names[0]}**2)",
            f"{one}*atan({v})",
            f"{one}*{root(random, f'1 + {names[0]}**2')}",
            f"{names[0]}*{v} + {one}",
        ]
    )
    return Subject("bells", names, loss, near=tuple(map(point, centres)))


def bodies(random: Random) -> Subject:
    """Newton's and logarithmic potentials of several bodies, at rest or among one another."""
    names, n = NAMES[: random.choice([2, 2, 3])], random.randint(1, 5)
    if random.random() < 0.2:
        a, b, c = NAMES
        pairs = [f"({p} - {q})" for p, q in ((a, b), (b, c), (a, c))]
        loss = signed([(True, f"1/sqrt({p}**2 + {number(random)})") for p in pairs])
        return Subject("bodies", NAMES, loss)
    centres = [[random.randint(-6, 6) for _ in names] for _ in range(n)]
    terms = []
    for c in centres:
        r2 = squared_distance(random, names, c)
        terms.append(
            random.choice(
                [
                    (True, f"{factor(number(random))}/{root(random, r2)}"),
                    (False, f"log({r2})"),
                    (True, f"({r2})**(-1/2)"),
                    (False, f"1/({r2} + 1/10)"),
                ]
            )
        )
    return Subject("bodies", names, signed(terms), near=tuple(map(point, centres)))


def roots(random: Random) -> Subject:
    """Products and sums of roots and of other powers."""
    names = some_names(random)
    x, y, c = names[0], names[-1], random.choice([0, 1, 5])
    u, v = (f"({x} - {c})", f"({y} - {c})") if c else (x, y)
    loss = random.choice(
        [
            f"2*sqrt({u}*{v})",
            f"{root(random, u)}*{root(random, v)}",
            f"sqrt({u})*{y} + {v}**(3/2)",
            f"({x}**2 + {y}**2 + {number(random)})**(2/3)",
            f"sqrt({x}**2 + {y}**2)",
            f"{root(random, f'1 + {x}**2')}*{root(random, f'2 + {y}**2')}",
            f"sqrt(1 + sqrt(1 + {x}**2))*{y}",
            f"({x}**2)**(1/2)*{y} + {y}**2",
        ]
    )
    near = point([c + 3] * len(names)), point([c - 3] * len(names))
    return Subject("roots", names, loss, near=near)


def error_functions(random: Random) -> Subject:
    """The error function near and far, alone and with company."""
    names = some_names(random)
    x, y, c = names[0], names[-1], random.choice([0, 1, 3, 20])
    u = random.choice([f"{x} - {c}", f"{number(random)}*({x} - {c})"])
    loss = random.choice(
        [
            f"erf({u})",
            f"{y}*erf({u})",
            f"{y}**2/2 + erf({u})*{y}",
            f"(erf({u}) - 0.5)**2",
            f"{x}*{y}/2*(1 + erf({u}))",
            f"erf({u})*exp(-{y}**2)",
        ]
    )
    return Subject("erf", names, loss, near=(point([c] * len(names)),))


def angles(random: Random) -> Subject:
    """Sines and cosines of decimal multiples."""
    names = some_names(random)
    x, y = names[0], names[-1]
    a, b = f"{random.uniform(0.1, 3):.{random.randint(1, 3)}f}", f"{random.uniform(0.1, 3):.1f}"
    loss = random.choice(
        [
            f"sin({a}*{x}) + sin({b}*{y})",
            f"sin({a}*{x})*cos({b}*{y})",
            f"sin({a}*{x} + {b}*{y})*cos({b}*{x})",
            f"sin({random.randint(3, 12)}*{x}) + cos({random.randint(3, 12)}*{y})",
            f"exp({a}*{x})*sin({b}*{y})",
            f"{x}**2*sin({a}) + {y}**2*cos({b})",
            f"tan({x}/{random.randint(3, 9)})*{y} + cos({b}*{x})",
            f"sin({a}*{x})**2 + cos({a}*{x})**2*{y}",
        ]
    )
    return Subject("angles", names, loss, near=(point([0] * len(names)),))


def one_variable_in_disguise(random: Random) -> Subject:
    """G(u) of one linear form, and G(|θ|²): every f_l is a gradient."""
    names = NAMES[: random.choice([2, 2, 3])]
    u = random.choice([linear(random, names), " + ".join(f"{v}**2" for v in names)])
    loss = random.choice(
        [
            f"log(1 + ({u})**2)",
            f"1/(1 + ({u})**2)",
            f"tanh({u})",
            f"softplus({u})",
            f"exp(-({u})/3)",
            f"erf({u})",
            f"sin({u})*cos(0.7*({u}))",
            f"sqrt(1 + ({u})**2)",
            f"atan({u})",
            f"(({u}) - 1)**2*exp({u})",
        ]
    )
    return Subject("one variable in disguise", names, loss)


def separable(random: Random) -> Subject:
    """A sum of losses of one parameter each: every f_l is a gradient."""
    names = NAMES[: random.choice([2, 3])]
    pieces = [
        "log(1 + {c}*{v}**2)", "exp(-({v} - 3)**2)", "{v}**4/4 - {c}*{v}", "tanh({c}*{v})",
        "sin({c}*{v})", "sqrt(1 + {v}**2)", "1/(1 + ({v} - 1)**2)", "softplus({c}*{v})",
        "{v}**2/2", "erf({v})",
    ]  # fmt: skip
    terms = [(False, random.choice(pieces).format(c=factor(number(random)), v=v)) for v in names]
    return Subject("separable", names, signed(terms), near=(point([2] * len(names)),))


ZEROS = (
    "tanh({u}) - (exp(2*({u})) - 1)/(exp(2*({u})) + 1)",
    "sin({u})**2 + cos({u})**2 - 1",
    "cosh({u})**2 - sinh({u})**2 - 1",
    "sin(2*({u})) - 2*sin({u})*cos({u})",
    "exp({u} + {v}) - exp({u})*exp({v})",
    "1/(1 + exp(-({u}))) + 1/(1 + exp({u})) - 1",
    "sqrt(1 + ({u})**2)**2 - 1 - ({u})**2",
    "sqrt((1 + ({u})**2)*(1 + ({v})**2)) - sqrt(1 + ({u})**2)*sqrt(1 + ({v})**2)",
    "log((1 + ({u})**2)*(2 + ({v})**2)) - log(1 + ({u})**2) - log(2 + ({v})**2)",
    "sin({u} + {v}) - sin({u})*cos({v}) - cos({u})*sin({v})",
    "1/(1 + ({u})**2) + ({u})**2/(1 + ({u})**2) - 1",
    "cosh({u}) + sinh({u}) - exp({u})",
    "atan(({u})) - asin(({u})/sqrt(1 + ({u})**2))",
    "exp(log(1 + ({u})**2)) - 1 - ({u})**2",
    "softplus({u}) - softplus(-({u})) - ({u})",
    "erf({u}) + erf(-({u}))",
    "sin(2.3*{x})*cos(0.7*{x}) - sin(3*{x})/2 - sin(1.6*{x})/2",
    "asinh({u}) - log(({u}) + sqrt(1 + ({u})**2))",
    "tan(({u})/9) - sin(({u})/9)/cos(({u})/9)",
    "asin(tanh({u})) - 2*atan(exp({u})) + pi/2",
    "atan(sinh({u})) - 2*atan(tanh(({u})/2))",
    "atanh(({u})/sqrt(1 + ({u})**2)) - asinh({u})",
    "exp(log(3)*({u})) - 3**({u})",
    "2**({u})*4**({u}) - 8**({u})",
    "(1 + ({v})**2)**({u}) - exp(({u})*log(1 + ({v})**2))",
    "log(exp({u})*exp({v})) - ({u}) - ({v})",
    "log(6) - log(2) - log(3)",
    "sqrt(5 + 2*sqrt(6)) - sqrt(2) - sqrt(3)",
    "sin(pi/5)**2 - (5 - sqrt(5))/8",
    "tanh(1) - (exp(2) - 1)/(exp(2) + 1)",
    "sin(0.3)*cos(0.2) + cos(0.3)*sin(0.2) - sin(0.5)",
)
"""What is 0 for all u and v."""

HALVES = (
    "sqrt(({u})**2) - ({u})",
    "(({u})**4)**(1/4) - ({u})",
    "log(({u})**2) - 2*log({u})",
    "log(({u})**2) - 2*log(-({u}))",
    "sqrt({u})*sqrt({v}) - sqrt(({u})*({v}))",
    "sqrt(({u})*({v})) + sqrt(-({u}))*sqrt(-({v}))",
    "asin(sin({u})) - ({u})",
    "acos(cos({u})) - ({u})",
    "atan(tan({u})) - ({u})",
    "acosh(cosh({u})) - ({u})",
    "atan({u}) + atan(1/({u})) - pi/2",
    "atan({u}) + atan({v}) - atan((({u}) + ({v}))/(1 - ({u})*({v})))",
    "2*atan({u}) - asin(2*({u})/(1 + ({u})**2))",
    "asin({u}) + acos({u}) - pi/2",
    "sqrt(1 - sin({u})**2) - cos({u})",
    "sqrt(2 + 2*cos({u})) - 2*cos(({u})/2)",
    "sqrt(({u})**2 + 2*({u})*({v}) + ({v})**2) - ({u}) - ({v})",
    "exp(pi*sqrt(163)) - 262537412640768744",
    "sin(22/7) + 0.00126448893037729",
    "1 - tanh(100*({u}))",
    "1 - erf(9 + ({u})**2)",
    "cos(1e-9*({u})) - 1",
)
"""What is 0 for some u and v only, or nearly."""


def disguised_field(random: Random) -> Subject:
    """A separable gradient, plus a zero in disguise times another parameter, or what is none."""
    names = NAMES[:2]
    x, y = names
    zero = random.choice(ZEROS).format(u=linear(random, names), v=linear(random, names), x=x)
    alien = random.choice(["", "", "1e-90*", "1e-20*", "1e-6*"])
    other = random.choice(["sin({x})*{y}", "{x}*{y}", "{y}**2", "exp(-({x} - 20)**2)*{y}"])
    first = f"-{x} + ({zero})*{y}" if random.random() < 0.8 else f"({zero})*{y}"
    if alien:
        first += f" + {alien}{other.format(x=x, y=y)}"
    return Subject(
        "zeros in disguise",
        names,
        None,
        (first, random.choice(["1", f"-{y}", f"sin({y})"])),
        near=(point([20, 1]), point([0, 0])),
    )


def half_disguised_field(random: Random) -> Subject:
    """A gradient plus what is zero on a part of the plane only, or nearly zero."""
    names = NAMES[:2]
    x, y = names
    u, v = random.choice([(x, y), (x, y), (linear(random, names), linear(random, names))])
    half = random.choice(HALVES).format(u=u, v=v)
    first = random.choice([f"({half})*{y} - {x}", f"({half})*{y}", f"{half}"])
    return Subject("zeros in part", names, None, (first, random.choice(["1", f"-{y}"])),
                   near=(point([2, 1]), point([-2, 1]), point([0, 0])))  # fmt: skip


def steps(random: Random) -> Subject:
    """One-step maps, some with a zero in disguise, some not the identity at h = 0."""
    names = NAMES[: random.choice([1, 2, 2])]
    x, y = names[0], names[-1]
    c, u = factor(number(random)), linear(random, names)
    maps = {
        v: random.choice(
            [
                f"{v} - h*{c}*{v}",
                f"{v}*exp(-h*{c})",
                f"{v}/(1 + h*{v}**2)",
                f"{v} - h*sin({u})",
                f"({v} - h*({u}))/(1 + {c}*h)",
                f"sqrt({v}**2 + 2*h*{c})",
                f"log(exp({v}) + h*({u}))",
                f"asinh(sinh({v}) + h*{c})",
                f"{x}*cos(h) + {y}*sin(h)" if v == x else f"{y}*cos(h) - {x}*sin(h)",
                f"{v} - h*({v} - h*({u}))**3",
                f"{v} - h*tanh(60*({u}))",
            ]
        )
        for v in names
    }
    extra = random.choice([*ZEROS, *ZEROS, *HALVES, "1e-90*({u})"]).format(u=u, v=y, x=x)
    if random.random() < 0.6:
        maps[x] = f"{maps[x]} + {random.choice(['', 'h*', f'{c}*'])}({extra})"
    return Subject("steps", names, step=tuple(maps.values()), near=(point([1] * len(names)),))


def gradient_field(random: Random) -> Subject:
    """The gradient of a loss as SymPy writes it, and sometimes half of it changed."""
    subject = random_loss(random)
    if len(subject.names) == 1 or subject.size > 150:
        return gradient_field(random)
    loss = sp.sympify(subject.loss, locals=TEXT_FUNCTIONS, rational=True)
    names = sp.symbols(subject.names)
    components = [str(-sp.diff(loss, v)) for v in names]
    if any("Derivative" in c or "I" in c for c in components):
        return gradient_field(random)
    kind = "gradients as fields"
    if random.random() < 0.4:
        components[0] += random.choice(
            [" + 1e-30*{}", " + {}", " + tanh(60*{})", " + exp(-({}-9)**2)"]
        ).format(subject.names[-1])
        kind = "gradients disturbed"
    return Subject(
        kind, subject.names, None, tuple(components), near=(*subject.near, point([9] * len(names)))
    )


TEXT_FUNCTIONS = {
    "sigmoid": lambda u: 1 / (1 + sp.exp(-u)),
    "softplus": lambda u: sp.log(1 + sp.exp(u)),
}
"""What a text may say and SymPy does not know."""


def scaled(random: Random) -> Subject:
    """Another family's loss, times a number between 1e-90 and 1e6, or of parameters so scaled."""
    subject = random.choice(LOSSES)(random)
    size = f"1e{random.choice([-90, -40, -20, -8, 3, 6])}"
    if random.random() < 0.6:
        return Subject("scaled", subject.names, f"{size}*({subject.loss})", near=subject.near)
    small = random.choice(["10**12", "10**6", "1000"])
    loss = subject.loss or ""
    loss = _renamed(loss, subject.names[0], f"({subject.names[0]}/{small})")
    return Subject("scaled", subject.names, loss)


def _renamed(text: str, name: str, value: str) -> str:
    return re.sub(rf"\b{name}\b", value, text)


def symbolic(random: Random) -> Subject:
    """Another family's loss, with symbols for one or two of its decimals."""
    subject = random.choice(LOSSES)(random)
    loss, constants = subject.loss or "", []
    for name in random.sample(["c", "p", "q"], random.choice([1, 2])):
        decimals = [*re.finditer(r"(?<![\w.*/])\d+\.\d+(?=\*[a-z(])", loss)]
        if not decimals:
            break
        found = random.choice(decimals)
        loss = f"{loss[: found.start()]}{name}{loss[found.end() :]}"
        constants.append((name, Fraction(2 * random.randint(100, 1000) + 1, 512)))
    if not constants:
        loss, constants = f"c*({loss})", [("c", Fraction(641, 512))]
    if "c" in subject.names:
        return symbolic(random)
    return replace(subject, kind="symbolic", loss=loss, constants=tuple(constants))


def mixed(random: Random) -> Subject:
    """The sum of two losses of different families."""
    one, two = random.choice(LOSSES)(random), random.choice(LOSSES)(random)
    names = max(one.names, two.names, key=len)
    if one.size + two.size > 140 or not {*one.names, *two.names} <= {*names}:
        return mixed(random)
    near = tuple(p for s in (one, two) for p in s.near if len(p) == len(names))
    return Subject("mixed", names, f"{one.loss} + ({two.loss})", near=near)


def removable(random: Random) -> Subject:
    """Quotients that are smooth where they look singular."""
    names = some_names(random, 2)
    x, y = names[0], names[-1]
    at = random.choice([0, 0, 3])
    u = random.choice([x, x, f"({factor(number(random))}*{x})"]) if at == 0 else f"({x} - {at})"
    quotient = random.choice(
        [
            f"sin({u})/{u}",
            f"(1 - cos({u}))/{u}**2",
            f"{u}/tanh({u})",
            f"(exp({u}) - 1)/{u}",
            f"{u}/(exp({u}) - 1)",
            f"sinh({u})/{u}",
            f"atan({u})/{u}",
            f"log(1 + {u}**2)/{u}",
            f"tanh({u})/{u}",
        ]
    )
    loss = random.choice([quotient, f"{y}*({quotient})", f"({quotient}) + {y}**2/2"])
    return Subject("removable", names, loss, near=(point([at] * len(names)),))


def powers(random: Random) -> Subject:
    """Powers and products of differences, which lose their digits when multiplied out."""
    names = some_names(random)
    x, y, c = names[0], names[-1], random.choice([1, 3, 20, 1000])
    n = random.choice([2, 3, 4, 7, 12, 20])
    few = min(n, 8)
    loss, places = random.choice(
        [
            (f"({x} - {c})**{n}", [c]),
            (f"({c} - {x})**{n}/{n} + {y}**2/2", [c]),
            ("*".join(f"({x} - {k})" for k in range(1, few + 1)), range(1, few + 1)),
            (f"(1 - {x})**2 + 100*({y} - {x}**2)**2", [1]),
            (f"({x} - {c})**2*({y} - {c})**2 + ({x} - {c})**4", [c]),
            (f"({x}*{y} - {c})**2/2", [c]),
        ]
    )
    return Subject("powers", names, loss, near=tuple(point([c] * len(names)) for c in places))


def overflowing(random: Random) -> Subject:
    """Moderate functions with parts that overflow."""
    names = some_names(random)
    x, y, c = names[0], names[-1], random.choice(["1", "3", "50", number(random)])
    u = f"{factor(c)}*{x}"
    loss = random.choice(
        [
            f"log(cosh({u}))",
            f"log(exp({u}) + exp({y}))",
            f"log(exp({x}) + exp(-({x})) + exp({y}))",
            f"exp({u})/(1 + exp({u})) + {y}**2/2",
            f"sinh({u})/cosh({u})*{y}",
            f"sqrt(1 + exp({x}))",
            f"exp(-({x})**2)*exp({x}**2/2)*{y}",
            f"1/cosh({u})",
            f"{x}*tanh({u}) + {y}**2",
            f"log(1 + exp({u})) + log(1 + exp(-({u})))",
        ]
    )
    return Subject("overflowing", names, loss, near=(point([0] * len(names)),))


LOSSES: tuple[Family, ...] = (
    wells, robust, logistic, data, neurons, bells, bodies, roots, error_functions, angles,
    one_variable_in_disguise, separable, removable, powers, overflowing,
)  # fmt: skip
FIELDS: tuple[Family, ...] = (disguised_field, half_disguised_field, gradient_field, steps)
ALL: tuple[Family, ...] = (*LOSSES, scaled, symbolic, mixed, *FIELDS)


def random_loss(random: Random) -> Subject:
    """A loss of any family."""
    return random.choice((*LOSSES, scaled, mixed))(random)


def subjects(seed: int, count: int, families: Sequence[Family] = ALL) -> list[Subject]:
    """So many, one of each family in turn, the same for the same seed; some by other methods."""
    found = []
    for k in range(count):
        subject, choice = families[k % len(families)](Random(f"{seed}-{k}")), Random(f"{seed}/{k}")
        if choice.random() < 0.25 and not subject.step:
            subject = replace(subject, method=choice.choice(list(WEIGHTS)))
        found.append(subject)
    return found
