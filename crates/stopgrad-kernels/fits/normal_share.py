"""The constants of `normal_share` in src/number.rs: python normal_share.py (NumPy, SciPy).

Phi(-a) exp(a^2/2) = t Q(t) with t = 1/(1 + p a), Q of degree 8: least squares of the relative error on Chebyshev nodes for a in
0 to 14, weights raised where the error is largest; p from a grid."""
import numpy
from scipy.special import erfcx

DEGREE, LARGEST = 8, 14.0


def fit(p):
    least = 1 / (1 + p * LARGEST)
    nodes = numpy.cos(numpy.pi * (numpy.arange(4000) + 0.5) / 4000)
    t = least + (1 - least) * (nodes + 1) / 2
    wanted = 0.5 * erfcx((1 / t - 1) / p / numpy.sqrt(2)) / t
    weights = numpy.ones_like(t)
    for _ in range(60):
        rows = numpy.vander(t, DEGREE + 1) / wanted[:, None]
        root = numpy.sqrt(weights)
        terms = numpy.linalg.lstsq(rows * root[:, None], root, rcond=None)[0]
        error = abs(rows @ terms - 1)
        weights *= 1 + error / error.max()
        weights /= weights.mean()
    return error.max(), p, terms


error, p, terms = min((fit(p) for p in numpy.arange(0.25, 0.45, 0.005)), key=lambda found: found[0])
print(f"p = {p:.3f}, relative error {error:.1e}")
for term in terms:
    print(f"{term:.9f},")
