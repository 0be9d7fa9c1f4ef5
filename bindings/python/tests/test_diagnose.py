"""Cases whose answer is known, as a user would ask for them."""

import io
import json

import numpy as np
import pytest
import stopgrad

RNG = np.random.default_rng(0)
FULL = RNG.normal(size=(400, 32)).astype(np.float32)


def answer(*args, **named):
    return stopgrad.diagnose(*args, **named)["collapses"]["answer"]


def test_every_kind_is_told():
    assert answer(FULL) == "no"
    assert answer(FULL + 50) == "no"
    assert answer(np.full((400, 32), 0.7)) == "complete"
    assert answer(FULL[:, :2] @ RNG.normal(size=(2, 32))) == "dimensional"
    assert answer(RNG.normal(size=(4, 32))[RNG.integers(0, 4, 400)]) == "cluster"
    positions = np.broadcast_to(RNG.normal(size=(4, 32)), (100, 4, 32))
    assert answer(positions) == "positional"


def test_types_and_layouts_change_nothing():
    for other in (FULL.astype(np.float64), np.asfortranarray(FULL), FULL[::1].tolist(), FULL.astype(np.float16)):
        assert answer(other) == "no"
    wide = np.zeros((400, 64), np.float32)
    wide[:, ::2] = FULL
    assert stopgrad.diagnose(wide[:, ::2])["collapses"] == stopgrad.diagnose(FULL)["collapses"]


def test_all_roles_and_plain_dictionaries():
    labels = RNG.integers(0, 3, 400)
    x = FULL + 6 * RNG.normal(size=(3, 32)).astype(np.float32)[labels]
    found = stopgrad.diagnose(
        x,
        second_view=x + 0.1 * FULL[::-1],
        teacher=np.ones((400, 32)),
        reference=FULL,
        labels=labels,
        weight_decay=0.01,
    )
    assert found["collapses"]["only"] == "teacher"
    assert found["views"]["shared_share"] > 0.9
    assert found["probes"]["knn"]["accuracy"] > 0.95 > found["probes"]["knn_reference"]["accuracy"]
    assert found["theory"]["support_rank"] == 32
    assert json.loads(json.dumps(found)) == found


def test_shrinking_is_a_collapse_where_the_loss_sees_it():
    for loss, wanted in [(None, "undecided"), ("cosine", "no"), ("squared", "complete")]:
        assert answer(FULL * 0.01, reference=FULL, loss=loss) == wanted
    with pytest.raises(ValueError, match="cosine"):
        stopgrad.diagnose(FULL, loss="mse")


def test_a_constant_column_is_named():
    x = FULL.copy()
    x[:, 2] = 5.0
    assert stopgrad.diagnose(x)["constant_columns"] == {"encoder": {"count": 1, "first": [2]}}


def test_what_is_not_finite_is_left_out_and_counted():
    x = FULL.copy()
    x[7, 3] = np.nan
    assert stopgrad.diagnose(x)["left_out"]["encoder"] == {"count": 1, "first": [7]}


@pytest.mark.parametrize(
    ("arguments", "named", "error", "words"),
    [
        ((FULL[0],), {}, ValueError, r"\[samples, dimensions\]"),
        ((FULL,), {"second_view": FULL[:9]}, ValueError, "row by row"),
        ((FULL,), {"labels": [0, 1]}, ValueError, "2 labels for 400 samples"),
        ((FULL,), {"labels": np.zeros(400)}, TypeError, "whole number"),
        ((FULL,), {"weight_decay": 0.1}, ValueError, "second view"),
        ((np.full((9, 4), np.nan),), {}, ValueError, "not finite"),
        ((np.array([[object()]]),), {}, TypeError, "numbers"),
        ((np.array([["a"]]),), {}, TypeError, "numbers"),
        ((np.zeros((0, 4)),), {}, ValueError, "none of them 0"),
    ],
)
def test_mistakes_are_named(arguments, named, error, words):
    with pytest.raises(error, match=words):
        stopgrad.diagnose(*arguments, **named)


def test_moments_are_those_of_numpy():
    x, y = FULL.astype(np.float64), FULL + 0.5 * FULL[::-1]
    moments = stopgrad.Moments(x[:150], y[:150])
    moments.add(x[150:], y[150:])
    found = moments.to_dict()
    both = np.concatenate([x, y])
    mean = both.mean(0)
    assert np.allclose(found["mean_x"], mean)
    assert np.allclose(found["xx"], (both - mean).T @ (both - mean) / len(both))
    cross = (y - mean).T @ (x - mean) / len(x)
    assert np.allclose(found["yx"], (cross + cross.T) / 2)
    assert found["count"] == 2 * len(x)
    # Written and read, they are a file for the command.
    file = io.BytesIO()
    np.savez(file, **found)
    file.seek(0)
    again = np.load(file)
    assert np.array_equal(again["xx"], found["xx"]) and bool(again["centered"])


def test_predictions_from_views_and_from_matrices_agree():
    signal = RNG.normal(size=(4000, 6)) * np.array([2, 1.5, 1, 0.7, 0.3, 0.1])
    x, y = (signal + 0.3 * RNG.normal(size=signal.shape) for _ in range(2))
    moments = stopgrad.Moments(x, y)
    by_views, by_matrices = moments.predict(0.05), stopgrad.predict(moments.to_dict(), 0.05)
    assert by_views["rank"] == by_matrices["rank"]
    assert by_views["s_eigenvalues"] == pytest.approx(by_matrices["s_eigenvalues"], rel=1e-9)
    assert by_views["survival"][0]["noise_sigma"] is not None
    assert stopgrad.predict(moments.to_dict(), 0.05, embedding_dim=2)["rank"] <= 2


def test_one_dimension_is_theory_by_hand():
    # docs/theory.md, 3.9: r² = S of the outer sphere, ρ r² − τ r + λ = 0.
    rho, tau, decay = 2.0, 1.5, 0.1
    found = stopgrad.predict({"xx": [[rho]], "yx": [[tau]]}, decay)
    assert found["s_eigenvalues"] == pytest.approx([((tau + np.sqrt(tau**2 - 4 * rho * decay)) / (2 * rho)) ** 2])


def test_moments_say_what_is_wrong():
    with pytest.raises(ValueError, match="no pairs"):
        stopgrad.Moments().to_dict()
    with pytest.raises(ValueError, match="two views"):
        stopgrad.Moments(FULL)
    with pytest.raises(ValueError, match=r"\[400, 32\] and \[9, 32\]"):
        stopgrad.Moments(FULL, FULL[:9])
    with pytest.raises(ValueError, match="weight decay"):
        stopgrad.predict({"xx": [[1.0]], "yx": [[0.5]]}, -1.0)
    with pytest.raises(ValueError, match="symmetric"):
        stopgrad.predict({"xx": [[1.0, 0.5], [0.0, 1.0]], "yx": np.eye(2)}, 0.1)
