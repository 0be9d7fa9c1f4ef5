"""Writes directpred.json: predictors that DirectPred sets, by NumPy. Run: python directpred.py > directpred.json

Five batches of 6 x 3 embeddings, ((i s mod 23) - 11) / 8 for i = 0, 1, ... and s = 5, 6, ..., 9. F: the first batch's correlation, then
0.3 F + 0.7 of the next one's (Tian, Chen, Ganguli 2021, section 5, arXiv:2102.06810). `released`: eigenvalues
sqrt(s / max s) + 0.01, as in the authors' code; `paper`: sqrt(s) + 0.01 max s.
"""
import json

import numpy as np

F, released, paper = None, [], []
for s in range(5, 10):
    f = np.array([((i * s) % 23 - 11) / 8 for i in range(18)]).reshape(6, 3)
    correlation = np.mean([np.outer(row, row) for row in f], axis=0)
    F = correlation if F is None else 0.3 * F + 0.7 * correlation
    eigenvalues, vectors = np.linalg.eigh(F)
    for how, p in [(released, np.sqrt(eigenvalues / eigenvalues.max()) + 0.01),
                   (paper, np.sqrt(eigenvalues) + 0.01 * eigenvalues.max())]:
        how.append((vectors @ np.diag(p) @ vectors.T).flatten().tolist())
print(json.dumps({
    "source": f"numpy.linalg.eigh, NumPy {np.__version__}",
    "generator": "directpred.py",
    "tolerance": "1e-12: a decomposition of numbers below 3 in f64",
    "values": {"released": released, "paper": paper},
}, indent=1))
