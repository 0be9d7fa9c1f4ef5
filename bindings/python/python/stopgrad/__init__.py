"""Has a representation collapsed, how, where, and how sure is that?

    import numpy as np, stopgrad
    answer = stopgrad.diagnose(np.load("z.npy"))
    print(answer["collapses"]["answer"], answer["collapses"]["why"])

`diagnose` judges the outputs of any network. `Moments` and `predict` say what the linear theory of stop-gradient and EMA
training expects of two views. All take NumPy arrays (or what `numpy.asarray` makes of them: a CPU tensor without gradient)
and give plain dictionaries, the same as the command `stopgrad ... --json`.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional

import numpy as np
from numpy.typing import ArrayLike

from . import _stopgrad

__all__ = ["Moments", "diagnose", "predict"]
__version__: str = _stopgrad.__version__


def diagnose(
    encoder: ArrayLike,
    *,
    second_view: Optional[ArrayLike] = None,
    projector: Optional[ArrayLike] = None,
    predictor: Optional[ArrayLike] = None,
    teacher: Optional[ArrayLike] = None,
    reference: Optional[ArrayLike] = None,
    labels: Optional[ArrayLike] = None,
    weight_decay: Optional[float] = None,
    loss: Optional[str] = None,
) -> dict[str, Any]:
    """Has it collapsed: to a constant, to few dimensions, to a few points, to what depends on the position alone?

    Arrays are ``[samples, dimensions]`` or ``[samples, tokens, dimensions]``. ``second_view`` are the encoder's outputs for
    another view of the same samples, row by row; ``reference`` those of the untrained encoder, or the raw input: it says how
    many dimensions there could be. ``labels``, a whole number a sample, ask for kNN and linear probes; ``weight_decay``, with
    two views, for what the linear theory expects of them; ``loss``, "cosine" or "squared", says whether shrinking against the
    reference is a collapse (it is where the loss sees lengths).

    Returns a dictionary: ``collapses`` with ``answer`` ("no", "complete", "dimensional", "cluster", "positional",
    "undecided"), ``why``, ``where`` (by place) and ``evidence``; ``views``, ``probes``, ``theory``, ``left_out`` (samples
    with a number that is not finite) and ``constant_columns`` (the same number in every sample), as far as there is
    something to say.

    Raises ``ValueError`` for arrays that do not fit together and ``TypeError`` for arrays that hold no numbers.
    """
    named = {
        "encoder": encoder,
        "second_view": second_view,
        "projector": projector,
        "predictor": predictor,
        "teacher": teacher,
        "reference": reference,
    }
    if loss not in (None, "cosine", "squared"):
        raise ValueError(f"loss is 'cosine' or 'squared', not {loss!r}")
    arrays = {name: _numbers(name, array) for name, array in named.items() if array is not None}
    seen = None if loss is None else loss == "squared"
    return _stopgrad.diagnose(arrays, None if labels is None else _labels(labels), weight_decay, seen)


class Moments:
    """Second moments of pairs of views, added up as they come; both orders of each pair count.

    >>> moments = Moments(x, y)        # [n, d] each, row by row
    >>> moments.add(more_x, more_y)
    >>> moments.predict(weight_decay=1e-3)["rank"]
    """

    def __init__(self, x: Optional[ArrayLike] = None, y: Optional[ArrayLike] = None, *, centered: bool = True) -> None:
        """With ``centered`` the means are subtracted: a linear network has no bias."""
        self.centered = centered
        self._sums: Optional[_stopgrad.MomentSums] = None
        if (x is None) != (y is None):
            raise ValueError("two views are needed, x and y, or none yet")
        if x is not None and y is not None:
            self.add(x, y)

    def add(self, x: ArrayLike, y: ArrayLike) -> None:
        """Add pairs: two arrays ``[n, d]`` (tokens are averaged), at least two rows."""
        x, y = _numbers("x", x), _numbers("y", y)
        if self._sums is None:
            self._sums = _stopgrad.MomentSums(x.shape[-1] if x.ndim else 0)
        self._sums.add(x, y)

    def to_dict(self) -> dict[str, Any]:
        """``xx`` = E[x xᵀ], ``yx`` = E[y xᵀ], ``mean_x``, ``mean_y``, ``count``, ``centered``, ``symmetrized``.

        ``numpy.savez("moments.npz", **moments.to_dict())`` writes a file for ``stopgrad predict``.
        """
        return self._given().arrays(self.centered)

    def predict(self, weight_decay: float, *, embedding_dim: Optional[int] = None) -> dict[str, Any]:
        """What :func:`predict` says of these moments, with the noise of each mode from two halves of the samples."""
        return self._given().predict(weight_decay, embedding_dim, self.centered)

    def _given(self) -> "_stopgrad.MomentSums":
        if self._sums is None:
            raise ValueError("no pairs were added")
        return self._sums


def predict(
    moments: Mapping[str, ArrayLike], weight_decay: float, *, embedding_dim: Optional[int] = None
) -> dict[str, Any]:
    """What stop-gradient and EMA training of a linear network will keep at a weight decay, from moments alone.

    ``moments`` has ``xx`` = E[x xᵀ] and ``yx`` = E[y xᵀ], as :meth:`Moments.to_dict` gives them. Returns ``rank`` (largest
    with an attracting equilibrium that was found), ``s_eigenvalues``, ``critical_weight_decay``, ``survival`` and more: the
    fields of ``stopgrad predict --json``.
    """
    xx, yx = (np.asarray(moments[name], dtype=np.float64) for name in ("xx", "yx"))
    return _stopgrad.predict(xx, yx, weight_decay, embedding_dim)


def _numbers(name: str, array: ArrayLike) -> np.ndarray:
    """float32 or float64, in C order; no object is turned into numbers."""
    values = np.asarray(array)
    if values.dtype.kind not in "fiub":
        raise TypeError(f"{name}: an array of numbers is needed, not of {values.dtype}")
    single = values.dtype in (np.float16, np.float32, np.int8, np.uint8, np.bool_)
    return np.ascontiguousarray(values, dtype=np.float32 if single else np.float64)


def _labels(labels: ArrayLike) -> list[int]:
    values = np.asarray(labels)
    if values.ndim != 1 or values.dtype.kind not in "iub":
        raise TypeError(f"labels: one whole number a sample is needed, not {values.dtype} of shape {values.shape}")
    return values.tolist()
