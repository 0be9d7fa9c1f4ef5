"""S_max that does not attract: python saddle.py > saddle.json (NumPy 2; tests/saddle.rs).

S_max by the monotone iteration S <- (M^T S M)^(1/2) - lambda X^-1 from |M|^2 I, A = (S^(1/2); 0), B from A (docs/theory.md, 3.1),
the flow's Jacobian by central differences, its largest real part. The moments are two of 3,000 random ones (m = 2, condition
number of X log-uniform in 1 to 1e4) at which it is positive."""
import json

import numpy as np

CASES = [
    (1.1619678544922409e-10, [[0.6587686156505181, -0.46813112658899364], [-0.46813112658899364, 0.3577766825309506]],
     [[0.5116854298360983, -0.3862466351605123], [-0.14212625186525218, 0.10769819495772484]]),
    (2.2032138728469657e-11, [[0.2214578850025864, -0.3955196563348866], [-0.3955196563348866, 0.7990657210011222]],
     [[-0.2657177524139183, 0.5492990218894348], [0.14056344057304365, -0.2903159297197734]]),
]


def root(q):
    w, v = np.linalg.eigh((q + q.T) / 2)
    return (v * np.sqrt(w)) @ v.T


def maximal(x, y, decay):
    inverse = np.linalg.inv(x)
    m = y @ inverse
    s = np.eye(2) * np.linalg.norm(m, 2) ** 2
    for _ in range(200_000):
        following = root(m.T @ s @ m) - decay * inverse
        if abs(following - s).max() < 1e-15 * abs(s).max():
            return following
        s = following
    raise SystemExit("not at rest")


def rate(x, y, decay):
    n, m = 3, 2

    def field(z):
        a, b = z[: n * m].reshape(n, m), z[n * m:].reshape(n, n)
        r = b @ a @ x - a @ y
        return np.concatenate([-(b.T @ r + decay * a).ravel(), -(r @ a.T + decay * b).ravel()])

    s = maximal(x, y, decay)
    a = np.vstack([root(s), np.zeros((1, m))])
    b = a @ y @ a.T @ np.linalg.inv(a @ x @ a.T + decay * np.eye(n))
    z, h = np.concatenate([a.ravel(), b.ravel()]), 1e-6
    assert abs(field(z)).max() < 1e-12
    steps = np.eye(len(z)) * h
    jacobian = np.stack([(field(z + e) - field(z - e)) / (2 * h) for e in steps], axis=1)
    return float(np.trace(s)), float(np.linalg.eigvals(jacobian).real.max())


values = []
for decay, x, y in CASES:
    trace, top = rate(np.array(x), np.array(y), decay)
    values.append({"weight_decay": decay, "x": x, "y": y, "trace": trace, "leading_rate": top})
print(json.dumps({"source": f"NumPy {np.__version__}", "generator": "saddle.py",
                  "tolerance": 1e-5, "reason": "central differences with steps of 1e-6", "values": values}))
