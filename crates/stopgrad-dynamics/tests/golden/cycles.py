"""Limit cycles of rotating signals by SciPy's DOP853 and its event location: python cycles.py > cycles.json

Signals: pairs that turn by an angle and shrink by a factor at each time step and are driven by noise back to variance
1, and single ones that only shrink, seen through a mixing matrix G. Past x, future y one step later:
X = V = G G', Y = G M G' with M = blocks (factor * rotation). An embedding of n dimensions that cuts a pair has no
equilibrium that attracts, and the flow of docs/theory.md, section 2, turns for ever (4.4).

The period is the mean time between upward crossings of a hyperplane through a point of the cycle, in the coordinates
S = A'A; the diameter is that of the cycle in (A'A, A'BA) and, for EMA, A'C.
"""
import json

import numpy as np
import scipy
from scipy.integrate import solve_ivp


def block(factor, angle):
    return factor * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def signals(pairs, singles, mixing):
    m = 2 * len(pairs) + len(singles)
    transition = np.zeros((m, m))
    for k, (factor, angle) in enumerate(pairs):
        transition[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = block(factor, angle)
    for k, factor in enumerate(singles):
        transition[2 * len(pairs) + k, 2 * len(pairs) + k] = factor
    g = np.eye(m) + mixing * np.sin(np.arange(1.0, m * m + 1).reshape(m, m))
    return g @ g.T, g @ transition @ g.T


def split(z, n, m):
    a, rest = z[: n * m].reshape(n, m), z[n * m :]
    return a, rest[: n * n].reshape(n, n), rest[n * n :].reshape(n, m) if len(rest) > n * n else a


def flow(x, y, n, decay, rate):
    m = len(x)

    def value(_, z):
        a, b, c = split(z, n, m)
        r = b @ a @ x - c @ y
        parts = [-(b.T @ r + decay * a), -(r @ a.T + decay * b)] + ([rate * (a - c)] if rate else [])
        return np.concatenate([part.ravel() for part in parts])

    return value


def measure(x, y, n, decay, rate, start, settle, turns):
    m, value = len(x), flow(x, y, n, decay, rate)
    exact = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-14}
    z = solve_ivp(value, (0, settle), start, **exact).y[:, -1]
    s = lambda z: split(z, n, m)[0].T @ split(z, n, m)[0]
    a, _, _ = split(z, n, m)
    da, _, _ = split(value(0, z), n, m)
    reference, normal = s(z), a.T @ da + da.T @ a

    def section(_, z):
        return np.sum((s(z) - reference) * normal)

    section.direction = 1
    found = solve_ivp(value, (0, turns), z, events=section, dense_output=True, **exact)
    # Of all crossings those close to the reference: another branch of the loop may cross as well.
    near = [t for t, at in zip(found.t_events[0], found.y_events[0]) if np.linalg.norm(s(at) - reference) < 1e-3 and t > 1e-6]
    assert len(near) >= 5, found.t_events
    period = (near[-1] - near[0]) / (len(near) - 1)
    spread = np.ptp(np.diff(near)) / period

    def invariants(z):
        a, b, c = split(z, n, m)
        return np.concatenate([(a.T @ a).ravel(), (a.T @ b @ a).ravel()] + ([(a.T @ c).ravel()] if rate else []))

    loop = np.array([invariants(found.sol(t)) for t in np.linspace(near[0], near[0] + period, 600)])
    diameter = max(np.linalg.norm(loop - point, axis=1).max() for point in loop)
    return period, spread, diameter


values = []
cases = [
    ("sg", 1, [(0.95, 0.9)], [0.5], 0.0, 0.05, 0.0),
    ("sg", 3, [(0.95, 0.4), (0.85, 0.7)], [], 0.0, 0.05, 0.0),
    ("sg", 3, [(0.95, 0.4), (0.85, 0.7)], [0.4], 0.15, 0.05, 0.0),
    ("ema", 3, [(0.95, 0.4), (0.85, 0.7)], [0.4], 0.15, 0.05, 0.5),
]
for field, n, pairs, singles, mixing, decay, rate in cases:
    x, y = signals(pairs, singles, mixing)
    m = len(x)
    start = 2 * np.modf(np.arange(1, n * m + n * n + 1) * np.sqrt(2.0))[0] - 1
    start[n * m :] = np.eye(n).ravel() + 0.1 * start[n * m :]
    if rate:
        start = np.concatenate([start, start[: n * m]])
    period, spread, diameter = measure(x, y, n, decay, rate, start, 1500.0, 400.0)
    values.append({"field": field, "n": n, "pairs": pairs, "singles": singles, "x": x.tolist(), "y": y.tolist(), "weight_decay": decay, "ema_rate": rate, "start": start.tolist(), "period": period, "spread": spread, "diameter": diameter})
reason = "relative, of periods: SciPy's crossings agree to the spread beside each period; ours stops when its own periods agree to 2e-7"
print(json.dumps({"source": f"SciPy {scipy.__version__}, solve_ivp, DOP853, rtol 1e-12", "generator": "cycles.py", "tolerance": 1e-6, "tolerance_reason": reason, "values": values}))
