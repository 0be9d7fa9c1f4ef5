from typing import Any, Optional

import numpy as np
from numpy.typing import NDArray

__version__: str

def diagnose(
    arrays: dict[str, NDArray[Any]],
    labels: Optional[list[int]],
    weight_decay: Optional[float],
    loss_sees_scale: Optional[bool],
) -> dict[str, Any]: ...
def predict(
    xx: NDArray[np.float64], yx: NDArray[np.float64], weight_decay: float, embedding_dim: Optional[int]
) -> dict[str, Any]: ...

class MomentSums:
    def __init__(self, size: int) -> None: ...
    def add(self, x: NDArray[Any], y: NDArray[Any]) -> None: ...
    def arrays(self, centered: bool) -> dict[str, Any]: ...
    def predict(self, weight_decay: float, embedding_dim: Optional[int], centered: bool) -> dict[str, Any]: ...
