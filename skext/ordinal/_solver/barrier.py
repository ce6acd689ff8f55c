"""Models whose predictors increase along every training row."""

import numpy as np

from skext.ordinal._solver.newton import Loss

# Below this gap between neighbouring predictors a row counts as crossing.
_MARGIN = 1e-9
# From this strength on the Newton method needs no help.
_SAFE_BARRIER = 1e-4


class NonCrossing:
    """Replace solutions that cross by the best ones that do not.

    The problem with the barrier is only solved where the natural solution crosses; it
    starts from the last solution that did not.

    Parameters
    ----------
    problem : PathProblem
        What is solved.
    barrier : float
        Strength of the barrier, which is about -log(d) for small differences d of
        neighbouring predictors, as a share of the weight of a row.
    """

    def __init__(self, problem, barrier):
        self.problem = problem
        rows = problem.rows.with_all_predictors()
        self.loss = Loss(rows, problem.loss.link, barrier, problem.loss.n_jobs)
        self.feasible = problem.null
        self._is_natural = True

    def keep(self, penalty, point):
        """Return a point that does not cross, the given one if possible.

        Parameters
        ----------
        penalty : Penalty
            Penalty at this point of the path.
        point : Point
            The natural solution.

        Returns
        -------
        point : Point
            A solution without a crossing row.
        """
        if point.smallest_gap > _MARGIN:
            self.feasible, self._is_natural = point.z, True
            return point
        problem = self.problem
        start = self.feasible
        if self._is_natural:
            # Some of the null model moves the start away from the border.
            start = 0.95 * start + 0.05 * problem.null
        kept = ((start != 0.0) | (point.z != 0.0))[:, 1:].any(axis=0)
        # Weak barriers are only solved from near by.
        stage, n_iter = max(self.loss.barrier, _SAFE_BARRIER), point.n_iter
        while True:
            loss = self.loss._replace(barrier=stage)
            found = problem.fit(penalty, start, np.flatnonzero(kept), loss)
            n_iter += found.n_iter
            if stage <= self.loss.barrier:
                break
            start, stage = found.z, max(0.1 * stage, self.loss.barrier)
            kept |= (start != 0.0)[:, 1:].any(axis=0)
        self.feasible, self._is_natural = found.z, False
        return found._replace(loss=self._plain_loss(found.z), n_iter=n_iter)

    def _plain_loss(self, z):
        """Return the loss without the barrier."""
        problem = self.problem
        rows = problem.rows
        features = np.flatnonzero((z[:, 1:] != 0.0).any(axis=0))
        columns = np.concatenate(([0], features + 1))
        block = problem.design.select(features)
        eta = block.predictors(rows, np.cumsum(z[:, columns], axis=0))
        _, value = problem.loss.evaluate(eta)
        return value
