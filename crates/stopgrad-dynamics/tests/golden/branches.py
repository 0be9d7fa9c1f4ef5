"""Folds, Hopf points and limit cycles by AUTO-07p (Debian's auto-07p, with gfortran): python branches.py > branches.json

The stop-gradient flow of docs/theory.md, section 2, with n = 1 (A a row of three, B a number: no rotation is left to be
divided out) is continued in the logarithm of weight decay from the rank-one equilibria at the smallest one (NumPy, from the
quadratic eigenvalue problem): folds (LP) and Hopf points (HB). The cycle that is born at the Hopf point is continued by
collocation: its period and its Floquet multipliers where AUTO meets the values asked for. The second instance is the
full-rank equation of two dimensions, (XS + l)(SX + l) = Y'SY, from the largest equilibrium by the monotone map: its folds.
"""
import json
import os
import re
import subprocess
import tempfile

import numpy as np

EQUATIONS = """
      SUBROUTINE FUNC(NDIM,U,ICP,PAR,IJAC,F,DFDU,DFDP)
      IMPLICIT NONE
      INTEGER, INTENT(IN) :: NDIM, ICP(*), IJAC
      DOUBLE PRECISION, INTENT(IN) :: U(NDIM), PAR(*)
      DOUBLE PRECISION, INTENT(OUT) :: F(NDIM)
      DOUBLE PRECISION, INTENT(INOUT) :: DFDU(NDIM,NDIM), DFDP(NDIM,*)
      DOUBLE PRECISION :: X(%(m)d,%(m)d), Y(%(m)d,%(m)d), L
%(matrices)s
      L = EXP(PAR(1))
%(body)s
      END SUBROUTINE FUNC
      SUBROUTINE STPNT(NDIM,U,PAR,T)
      IMPLICIT NONE
      INTEGER, INTENT(IN) :: NDIM
      DOUBLE PRECISION, INTENT(INOUT) :: U(NDIM),PAR(*)
      DOUBLE PRECISION, INTENT(IN) :: T
      PAR(1) = %(decay)s
%(start)s
      END SUBROUTINE STPNT
      SUBROUTINE BCND
      END SUBROUTINE BCND
      SUBROUTINE ICND
      END SUBROUTINE ICND
      SUBROUTINE FOPT
      END SUBROUTINE FOPT
      SUBROUTINE PVLS
      END SUBROUTINE PVLS
"""

FLOW = """
      BLOCK
      DOUBLE PRECISION :: A(3), R(3)
      A = U(1:3)
      R = U(4)*MATMUL(A,X) - MATMUL(A,Y)
      F(1:3) = -(U(4)*R + L*A)
      F(4) = -(DOT_PRODUCT(R,A) + L*U(4))
      END BLOCK
"""

FULL = """
      BLOCK
      DOUBLE PRECISION :: S(2,2), K(2,2), G(2,2)
      S(1,1) = U(1); S(1,2) = U(2); S(2,1) = U(2); S(2,2) = U(3)
      K = MATMUL(X,S); K(1,1) = K(1,1) + L; K(2,2) = K(2,2) + L
      G = MATMUL(K,TRANSPOSE(K)) - MATMUL(TRANSPOSE(Y),MATMUL(S,Y))
      F(1) = G(1,1); F(2) = G(1,2); F(3) = G(2,2)
      END BLOCK
"""


def number(value):
    return f"{value:.17g}".replace("e", "d") if "e" in f"{value:.17g}" else f"{value:.17g}d0"


def run(folder, script):
    with open(os.path.join(folder, "run.auto"), "w") as out:
        out.write(script)
    # AUTO's own Python stumbles over what it has written after the last run; its files are whole by then.
    subprocess.run(["auto-07p", "run.auto"], cwd=folder, capture_output=True, text=True)


def write(folder, name, x, y, body, ndim, decay, start, extra):
    rows = lambda letter, matrix: "\n".join(
        f"      {letter}({i + 1},{j + 1}) = {number(v)}" for i, row in enumerate(matrix) for j, v in enumerate(row)
    )
    text = EQUATIONS % {
        "m": len(x),
        "matrices": rows("X", x) + "\n" + rows("Y", y),
        "body": body,
        "decay": number(np.log(decay)),
        "start": "\n".join(f"      U({i + 1}) = {number(v)}" for i, v in enumerate(start)),
    }
    with open(os.path.join(folder, name + ".f90"), "w") as out:
        out.write(text)
    constants = {
        "NDIM": ndim, "IPS": 1, "IRS": 0, "ILP": 1, "ICP": [1], "NTST": 80, "NCOL": 4, "IAD": 3, "ISP": 2, "ISW": 1,
        "IPLT": 0, "NBC": 0, "NINT": 0, "NMX": 4000, "NPR": 4000, "MXBF": 0, "IID": 2, "ITMX": 12, "ITNW": 9, "NWTN": 3, "JAC": 0,
        "EPSL": 1e-9, "EPSU": 1e-9, "EPSS": 1e-8, "DS": 0.005, "DSMIN": 1e-7, "DSMAX": 0.02, "IADS": 1, "NPAR": 36,
        "THL": {}, "THU": {},
    } | extra
    with open(os.path.join(folder, "c." + name), "w") as out:
        out.write("".join(f"{key} = {value}\n" for key, value in constants.items()))


def rank_one(x, y, decay):
    """Rows of A and numbers B of p (b^2 - b M + decay X^-1) = 0, |p| = |b|."""
    m, inverse = len(x), np.linalg.inv(x)
    regression = y @ inverse
    companion = np.block([[np.zeros((m, m)), np.eye(m)], [-decay * inverse.T, regression.T]])
    found = []
    for value, vector in zip(*np.linalg.eig(companion)):
        if abs(value.imag) < 1e-12:
            row = np.real(vector[:m] / vector[np.argmax(np.abs(vector[:m]))])
            row *= abs(value.real) / np.linalg.norm(row)
            found.append(np.append(row, value.real))
    return found


SCRIPT = "run('%s')\n"
CYCLES = """
r = run('flow')
hopf = [p for branch in r for p in branch() if p['TY'] == 'HB'][0]
run(hopf, IPS=2, ICP=[1, 11], ISP=2, DS=0.01, DSMAX=0.1, NMX=120, NPR=120, UZR={1: %s}, SP=['LP', 'UZ'])
"""
TYPES = {2: "fold", 5: "fold", 3: "hopf", -4: "value"}


def labelled(folder):
    """(type, row) of the special points in fort.7: branch, point, type, label, then columns."""
    rows = [line.split() for line in open(os.path.join(folder, "fort.7"))]
    rows = [row for row in rows if row[0] != "0"]
    return [(TYPES[int(row[2])], abs(int(row[1])), [float(v) for v in row[4:]]) for row in rows if int(row[2]) in TYPES]


def events(folder, name):
    run(folder, SCRIPT % name)
    return [(kind, float(np.exp(columns[0]))) for kind, _, columns in labelled(folder)]


def cycles(folder, values):
    run(folder, CYCLES % [float(np.log(v)) for v in values])
    text = open(os.path.join(folder, "fort.9")).read()
    found = re.findall(r"^ +\d+ +(\d+) +Multiplier +\d+ +(\S+) +(\S+)", text, re.M)
    out = []
    for kind, point, columns in labelled(folder):
        if kind == "value":
            multipliers = [[float(re_), float(im)] for at, re_, im in found if int(at) == point]
            out.append({"weight_decay": float(np.exp(columns[0])), "period": columns[-1], "multipliers": multipliers})
    return out


def largest(x, y, decay):
    """S_max by the monotone map of docs/theory.md, 3.6, from above."""
    from scipy.linalg import sqrtm

    inverse, m = np.linalg.inv(x), y @ np.linalg.inv(x)
    s = np.linalg.norm(m, 2) ** 2 * np.eye(len(x))
    for _ in range(4000):
        s = np.real(sqrtm(m.T @ s @ m)) - decay * inverse
    return [s[0, 0], s[0, 1], s[1, 1]]


def main():
    low, high, values = 1e-3, 1.0, (0.2006, 0.2005)
    x, y = np.array(X), np.array(Y)
    met, along = [], []
    with tempfile.TemporaryDirectory() as folder:
        ends = {"RL0": float(np.log(low)) - 1e-3, "RL1": float(np.log(high))}
        for start in rank_one(x, y, low):
            write(folder, "flow", x, y, FLOW, 4, low, start, ends)
            here = events(folder, "flow")
            met += here
            if any(kind == "hopf" for kind, _ in here):
                along = cycles(folder, values)
        two_x, two_y = np.array(TWO_X), np.array(TWO_Y)
        write(folder, "full", two_x, two_y, FULL, 3, low, largest(two_x, two_y, low), ends)
        folds = [value for kind, value in events(folder, "full") if kind == "fold"]
    unique = lambda values: [float(v) for k, v in enumerate(sorted(values)) if k == 0 or v - sorted(values)[k - 1] > 1e-6 * v]
    rank_one_events = {kind: unique([v for k, v in met if k == kind]) for kind in ("fold", "hopf")}
    print(json.dumps({
        "source": "AUTO-07p 0.9.2 (Debian 0.9.2+dfsg-3), gfortran 12; tolerances 1e-9",
        "generator": "branches.py",
        "tolerance": 1e-7,
        "tolerance_reason": "relative: AUTO's own tolerance for special points is 1e-8 of ln lambda; periods and multipliers of collocation on 80 intervals agree to about 1e-6",
        "rank_one": {"x": X, "y": Y, "from": low, "to": high, "events": rank_one_events, "cycles": along},
        "full_rank": {"x": TWO_X, "y": TWO_Y, "from": low, "to": high, "folds": unique(folds)},
    }))


X = [[0.842, -0.522, -0.309], [-0.522, 1.209, 0.104], [-0.309, 0.104, 0.434]]
Y = [[0.548, -0.664, -0.391], [-0.756, 1.253, 0.4], [0.409, 0.01, 0.291]]
TWO_X = [[1.521, 0.652], [0.652, 0.85]]
TWO_Y = [[1.255, 0.497], [0.532, 0.735]]
if __name__ == "__main__":
    main()
