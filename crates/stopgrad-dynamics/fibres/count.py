"""How many complex equilibria of rank r a generic instance of size m has, without our tracker: python count.py M R [SEED [diagonal]]

A random instance over the field of 1,073,741,827 elements; msolve (on the PATH, or $MSOLVE) makes the leading monomials of a Groebner
basis of its ideal, and this counts the monomials that none of them divides: the dimension of the quotient, solutions with
multiplicity. A random instance has the generic number but for a probability of about (degree of a discriminant) / 2^30.

The equations are those of docs/theory.md, 3.4, with S = W'HW, W = [I K], L = WW', V = 1/L, D = LF and H = D'F:
F W M = D'F W + (weight decay) V W / X and V L = I, the last m - r columns of the first less its first r times K. For given W and D of
any rank these are linear in M and 1/X and independent, so that a generic instance has no solution with a singular D. At full rank
T = S + (weight decay) / X is taken instead: T T = M'(T - (weight decay) / X) M. `diagonal`: X and Y diagonal (full rank: some of
the others lie outside the chart W = [I K]).
Time: 0.1 s (m = 4), 2 s (m = 5), 6 s (rank 3 of m = 4).
"""
import os
import random
import subprocess
import sys
import tempfile

PRIME = 1073741827


class Polynomial:
    """Terms by their sorted variables, over the field."""

    def __init__(self, terms):
        self.terms = {k: v % PRIME for k, v in terms.items() if v % PRIME}

    def __add__(self, other):
        terms = dict(self.terms)
        for key, value in other.terms.items():
            terms[key] = terms.get(key, 0) + value
        return Polynomial(terms)

    def __sub__(self, other):
        return self + Polynomial({k: -v for k, v in other.terms.items()})

    def __mul__(self, other):
        terms = {}
        for left, a in self.terms.items():
            for right, b in other.terms.items():
                key = tuple(sorted(left + right))
                terms[key] = (terms.get(key, 0) + a * b) % PRIME
        return Polynomial(terms)

    def __str__(self):
        power = lambda key: [f"{name}^{key.count(name)}" for name in sorted(set(key))]
        return "+".join("*".join([str(value), *power(key)]) for key, value in self.terms.items())


def constant(value):
    return Polynomial({(): value})


def times(a, b):
    zero = Polynomial({})
    return [[sum((x * row[j] for x, row in zip(line, b)), zero) for j in range(len(b[0]))] for line in a]


def minus(a, b):
    return [[x - y for x, y in zip(one, two)] for one, two in zip(a, b)]


def transposed(a):
    return [list(column) for column in zip(*a)]


def variables(letter, rows, columns, symmetric=False):
    name = lambda i, j: f"{letter}{min(i, j)}_{max(i, j)}" if symmetric else f"{letter}{i}_{j}"
    return [[Polynomial({(name(i, j),): 1}) for j in range(columns)] for i in range(rows)]


def system(m, r, seed, diagonal):
    """The equations of a random instance."""
    draw = random.Random(seed)
    number = lambda i, j: constant(0 if diagonal and i != j else draw.randrange(1, PRIME))
    regression = [[number(i, j) for j in range(m)] for i in range(m)]
    upper = {(i, j): number(i, j) for i in range(m) for j in range(i, m)}
    decay = [[upper[min(i, j), max(i, j)] for j in range(m)] for i in range(m)]
    if r == m:
        t = variables("t", m, m, symmetric=True)
        right = times(times(transposed(regression), minus(t, decay)), regression)
        square = minus(times(t, t), right)
        return [square[i][j] for i in range(m) for j in range(i, m)]
    f, v, k = variables("f", r, r), variables("v", r, r, symmetric=True), variables("k", r, m - r)
    identity = [[constant(int(i == j)) for j in range(r)] for i in range(r)]
    w = [one + two for one, two in zip(identity, k)]
    gram = times(w, transposed(w))
    d = times(gram, f)
    forward, decayed = times(w, regression), times(w, decay)
    first = lambda a: [line[:r] for line in a]
    rest = lambda a: minus([line[r:] for line in a], times(first(a), k))
    equations = minus(minus(times(f, first(forward)), times(transposed(d), f)), times(v, first(decayed)))
    equations += minus(times(f, rest(forward)), times(v, rest(decayed)))
    equations += minus(times(v, gram), identity)
    return [x for line in equations for x in line if x.terms]


def leading_monomials(equations, verbose):
    """Of a Groebner basis, by msolve; the names of the variables and exponents by their numbers."""
    names = sorted({name for x in equations for key in x.terms for name in key})
    with tempfile.TemporaryDirectory() as folder:
        asked, told = os.path.join(folder, "in"), os.path.join(folder, "out")
        with open(asked, "w") as file:
            file.write(f"{','.join(names)}\n{PRIME}\n" + ",\n".join(map(str, equations)) + "\n")
        program = os.environ.get("MSOLVE", "msolve")
        subprocess.run(
            [program, "-g", "1", "-l", "44", "-v", "2" if verbose else "0", "-f", asked, "-o", told], check=True
        )
        text = open(told).read()
    body = text[text.index("\n[") + 2 : text.rindex("]")].replace("\n", "")
    number = {name: at for at, name in enumerate(names)}
    factors = lambda monomial: (factor.split("^") for factor in monomial.split("*"))
    return len(names), [{number[n]: int(e) for n, e in factors(monomial)} for monomial in body.split(",")]


def standard_monomials(count, leading):
    """How many monomials of each degree no leading monomial divides; without end where there are infinitely many."""
    with_variable = [[lead for lead in leading if at in lead] for at in range(count)]
    level, counts = {(0,) * count}, []
    while level:
        counts.append(len(level))
        larger = ((m[:at] + (m[at] + 1,) + m[at + 1 :], at) for m in level for at in range(count))
        divided = lambda m, at: any(all(m[i] >= e for i, e in lead.items()) for lead in with_variable[at])
        level = {m for m, at in larger if not divided(m, at)}
    return counts


def main():
    arguments = [text for text in sys.argv[1:] if text != "diagonal"]
    diagonal = len(arguments) < len(sys.argv) - 1
    m, r, seed = (int(text) for text in (arguments + ["1"])[:3])
    counts = standard_monomials(*leading_monomials(system(m, r, seed, diagonal), verbose=m > 5))
    print(f"m {m}, rank {r}, seed {seed}{', diagonal' if diagonal else ''}: {sum(counts)} solutions (by degree of the monomial: {counts})")


main()
