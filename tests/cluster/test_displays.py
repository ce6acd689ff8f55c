"""Displays compute in from_estimator and only draw in plot."""

import numpy as np
import pytest

from skext.cluster import (
    ClusterPlaneDisplay,
    PPPClustering,
    SeparabilityDisplay,
    SplitTreeDisplay,
    separability_matrix,
)
from skext.datasets import make_separated_clusters


@pytest.fixture(scope="module")
def data():
    return make_separated_clusters(600, 4, n_clusters=4, separation=6, random_state=0)


@pytest.fixture(scope="module")
def model(data):
    return PPPClustering().fit(data.data)


@pytest.fixture(scope="module")
def single():
    X = np.random.default_rng(0).normal(size=(100, 3))
    return PPPClustering().fit(X), X


def test_plane(pyplot, model, data):
    display = ClusterPlaneDisplay.from_estimator(model, data.data)
    assert display.points.shape == (600, 2)
    assert len(display.ax_.patches) == len(model.means_)
    assert display.figure_ is display.ax_.figure
    # Distances in the plane are those of an orthogonal projection.
    a, b = data.data[0] - data.data[1], display.points[0] - display.points[1]
    assert np.linalg.norm(b) <= np.linalg.norm(a) + 1e-9
    assert 0.5 < display.share <= 1.0
    again = ClusterPlaneDisplay.from_estimator(model, data.data[::-1])
    np.testing.assert_allclose(again.points[::-1], display.points, atol=1e-9)


def test_plane_has_ellipses_of_the_projected_covariances(pyplot):
    display = ClusterPlaneDisplay(
        np.zeros((3, 2)),
        np.zeros(3, dtype=int),
        np.zeros((1, 2)),
        means=np.array([[1.0, 2.0]]),
        covariances=np.array([[[4.0, 0.0], [0.0, 1.0]]]),
        component_to_cluster=[0],
    ).plot(n_std=3.0)
    (ellipse,) = display.ax_.patches
    assert ellipse.get_center() == pytest.approx((1.0, 2.0))
    assert (ellipse.width, ellipse.height) == pytest.approx((12.0, 6.0))
    assert ellipse.angle % 180 == pytest.approx(0.0)


def test_plane_of_many_rows_noise_and_one_cluster(pyplot, model, data, single):
    display = ClusterPlaneDisplay.from_estimator(model, data.data, max_points=100)
    assert len(display.points) == 100
    ClusterPlaneDisplay.from_estimator(*single)
    display.labels = np.full(100, -1)
    display.plot()
    one_column = PPPClustering().fit(data.data[:, :1])
    with pytest.raises(ValueError, match="has 1 feature, which has no plane"):
        ClusterPlaneDisplay.from_estimator(one_column, data.data[:, :1])


def test_separability(pyplot, model, single):
    display = SeparabilityDisplay.from_estimator(model)
    np.testing.assert_array_equal(display.matrix, separability_matrix(model))
    assert len(display.ax_.texts) == 12
    assert not len(display.plot(include_values=False).ax_.texts)
    SeparabilityDisplay.from_estimator(single[0])
    SeparabilityDisplay(np.array([[0.0, np.inf], [np.inf, 0.0]])).plot()
    with pytest.raises(ValueError, match=r"shape \(2, 3\)"):
        SeparabilityDisplay(np.zeros((2, 3)))


def test_split_tree(pyplot, model, single):
    figure, ax = pyplot.subplots()
    display = SplitTreeDisplay.from_estimator(model, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    display.plot(kind="dendrogram")
    assert len(display.ax_.lines) == len(model.means_) - 1
    SplitTreeDisplay.from_estimator(single[0])
    SplitTreeDisplay.from_estimator(single[0], kind="dendrogram")
    with pytest.raises(ValueError, match="kind='bush' must be"):
        display.plot(kind="bush")


def test_a_node_that_was_tried_twice_stands_once(pyplot):
    fields = [("node", int), ("parent", int), ("level", int), ("weight", float)]
    fields += [("gain", float), ("accepted", bool), ("reason", "U20")]
    tree = np.array(
        [
            (0, -1, 0, 10.0, 5.0, True, ""),
            (1, 0, 1, 6.0, -1.0, False, "no gain"),
            (2, 0, 1, 4.0, -1.0, False, "no gain"),
            (1, 0, 2, 6.0, 3.0, True, ""),
            (3, 1, 3, 3.0, -1.0, False, "too few rows"),
            (4, 1, 3, 3.0, -1.0, False, "no gain"),
        ],
        dtype=fields,
    )
    display = SplitTreeDisplay(tree).plot()
    assert len(display.ax_.collections) == 5
    assert sorted(text.get_text() for text in display.ax_.texts) == [
        "no gain",
        "no gain",
        "too few rows",
    ]


def test_unfitted_models_are_refused():
    from sklearn.exceptions import NotFittedError

    for display in (SeparabilityDisplay, SplitTreeDisplay):
        with pytest.raises(NotFittedError):
            display.from_estimator(PPPClustering())
    with pytest.raises(NotFittedError):
        ClusterPlaneDisplay.from_estimator(PPPClustering(), np.zeros((3, 2)))
