"""One run of training: epochs, hold-out, history, callbacks."""

import contextlib
import math

import numpy as np
import torch

from skext.neural_network._training.batches import (
    EpochBuffers,
    batch_sizes,
    batch_weights,
)
from skext.neural_network._training.graphs import GraphedStep
from skext.neural_network._training.loop import (
    draws_globally,
    evaluate,
    make_forward,
    make_step,
    row_losses,
    run_epoch,
)
from skext.neural_network._training.noise import epoch_noise, is_sortable, takes_noise
from skext.neural_network._training.rates import Rates
from skext.neural_network._training.skorch import batch_needs, sets_rates
from skext.utils._torch.monitor import Monitor
from skext.utils._warnings import warn_user


class Training:
    """Run epochs of a net on its data.

    Parameters
    ----------
    net : TabularNet
        Whose module is trained and whose history is written.
    table : Table
        Rows to train on.
    valid : Table or None
        Hold-out.
    groups : array-like of int or None
        Codes of the rows for the sampler.
    horizon : int or None
        Epochs of the schedules; None, for streams, keeps them at their start.
    """

    def __init__(self, net, table, valid=None, *, groups=None, horizon=None):
        self.net, self.table, self.valid, self.horizon = net, table, valid, horizon
        self.sizes = batch_sizes(table.n_rows, net.batch_size, drop_last=net.drop_last)
        self.buffers = EpochBuffers(table)
        self.monitor = Monitor(net.module_, net.n_iter_no_change)
        self.modules = [net.module_, net.criterion_]
        noisy = takes_noise(net.criterion_)
        self.draws = draws_globally(
            self.modules, supplied=net.criterion_ if noisy else None
        )
        self.sampler = net.sampler_
        self.losses = None
        if self.sampler is not None:
            codes = table.y.cpu().numpy() if groups is None else groups
            self.sampler.start(np.asarray(codes).astype(np.intp))
        self.done, self.bests = 0, {}
        self.score_fn = net.score_fn
        _check_batches(net, self.sizes)
        self.score_shape = self._probe() if noisy else None
        self.sorted = noisy and self._can_sort()

    def begin(self):
        """Build the step; callbacks have had their say by now."""
        net = self.net
        needs = batch_needs(net.callbacks_)
        self.needs_training, self.needs_validation, self.needs_gradients = needs
        self.graphed = self._can_graph()
        schedule = net.lr_schedule
        if self.horizon is None or sets_rates(net.callbacks_):
            schedule = "constant"
        self.rates = Rates(net.optimizer_, schedule, as_tensors=self.graphed)
        forward = make_forward(
            net.module_, net.criterion_, compile=net.compile, is_sorted=self.sorted
        )
        step = make_step(
            forward,
            net.optimizer_,
            grad_clip=net.grad_clip,
            on_gradient=self._notify_gradient if self.needs_gradients else None,
        )
        self.step = GraphedStep(step) if self.graphed else step

    def epoch(self):
        """Train one epoch, evaluate the hold-out and record both."""
        net, number = self.net, self.net.n_epochs_
        self._prepare(number)
        with self._random_layers(number):
            batches = self._batches(number)
            sizes = [len(X) for X, _, _ in batches]
            if self.rates.active:
                n_total = self.horizon * len(self.sizes)
                self.rates.plan(len(batches), n_total, self.done * len(self.sizes))
            result = run_epoch(
                self.step,
                batches,
                self._noises(number, sizes),
                before=self._before() if self._hooked() else None,
                after=self._after if self.needs_training else None,
                keep_scores=net.record_train_score,
            )
            # A loss of the user's may draw in evaluation mode, too.
            self._record(batches, result, sum(sizes))
        self.done += 1
        net.n_epochs_ += 1

    def finish(self):
        """Put the best weights and the peak rates back."""
        self.rates.reset()
        if self.valid is not None:
            self.monitor.restore()
            self.net.best_epoch_ = self.monitor.best_epoch

    @property
    def time(self):
        """Share of the epochs done; 0 in streams."""
        return 0.0 if self.horizon is None else min(self.done / self.horizon, 1.0)

    def _prepare(self, number):
        """Set what follows a schedule of epochs."""
        net = self.net
        for module in self.modules:
            module.train()
        if self.horizon is not None:
            net.criterion_.progress = self.time
        if net.boxcox_range is not None:
            # Keyed by the period and not by the draw, so that a resumed net agrees.
            rng = net.seeds.rng("boxcox", number // (net.lambda_period or 1))
            value = float(rng.uniform(*net.boxcox_range))
            for part in net.criterion_.modules():
                if hasattr(part, "lambda_"):
                    part.lambda_ = value

    def _random_layers(self, number):
        """Take hold of torch's default generator if some layer draws from it."""
        if not self.draws:
            return contextlib.nullcontext()
        return self.net.seeds.forked("dropout", number, device=self.table.X.device)

    def _batches(self, number):
        net, sampler = self.net, self.sampler
        order = weights = None
        if sampler is not None:
            rng = net.seeds.rng("sampler", number)
            order = sampler.order(self.time, rng)
            weights = sampler.weights(self.time)
        if weights is not None:
            self._reweight(weights)
        if order is not None:
            order = torch.from_numpy(np.ascontiguousarray(order))
        elif net.batch_size is not None:
            generator = net.seeds.generator("shuffle", number)
            order = torch.randperm(self.table.n_rows, generator=generator)
        batches = self.buffers.split(order, self.sizes)
        return batches if sampler is None else self._select(batches, order, number)

    def _reweight(self, factors):
        factors = torch.as_tensor(factors, dtype=torch.float32)
        factors = factors.to(self.table.X.device)
        weight = self.table.weight
        weight = factors if weight is None else weight * factors
        self.buffers = EpochBuffers(self.table._replace(weight=weight))

    def _select(self, batches, order, number):
        """Leave out the batches that the sampler does not keep."""
        sampler = self.sampler
        if sampler.wants_losses(number):
            self.losses = row_losses(*self.modules, self.table)
        means = None
        if self.losses is not None:
            losses = self.losses
            if order is not None:
                losses = losses[order.to(losses.device)]
            parts = losses[: sum(self.sizes)].split(self.sizes)
            means = torch.stack([part.mean() for part in parts]).cpu().numpy()
        kept = sampler.keep(number, means)
        return batches if kept is None else [batches[i] for i in kept]

    def _probe(self):
        """Find the shape of the scores in training mode without a trace."""
        net = self.net
        rows = self.table.X[:2]
        if len(rows) == 1:
            rows = rows.expand(2, -1)
        state = {k: v.clone() for k, v in net.module_.state_dict().items()}
        net.module_.train()
        with net.seeds.forked("dropout", device=rows.device), torch.no_grad():
            shape = tuple(net.module_(rows).shape)
        net.module_.load_state_dict(state)
        return shape

    def _noises(self, number, sizes):
        net = self.net
        if self.score_shape is None:
            return [None] * len(sizes)
        device = self.table.X.device
        where = device if net.noise_device is None else torch.device(net.noise_device)
        generator = net.seeds.generator("noise", number, device=where)
        return epoch_noise(
            net.criterion_,
            sizes,
            self.score_shape,
            generator,
            device,
            sort=self.sorted,
        )

    def _can_sort(self):
        """Rows without weight take the last ranks, so their noise cannot be sorted."""
        weight = self.table.weight
        positive = weight is None or bool((weight > 0).all())
        return positive and is_sortable(self.net.criterion_, self.score_shape)

    def _can_graph(self):
        net = self.net
        return (
            net.cuda_graph
            and self.table.X.device.type == "cuda"
            and isinstance(net.optimizer, str)
            and not self.needs_gradients
        )

    def _hooked(self):
        return self.needs_training or self.rates.active

    def _before(self):
        set_rates = self.rates.set if self.rates.active else None
        if not self.needs_training:
            return lambda i, batch: set_rates(i)

        def before(i, batch):
            if set_rates is not None:
                set_rates(i)
            self.net.notify("on_batch_begin", batch=batch[:2], training=True)

        return before

    def _after(self, batch, loss, scores):
        history = self.net.history
        history.record_batch("train_loss", loss.item())
        history.record_batch("train_batch_size", len(batch[0]))
        self.net.notify(
            "on_batch_end", batch=batch[:2], training=True, loss=loss, y_pred=scores
        )

    def _notify_gradient(self, X, y):
        self.net.notify(
            "on_grad_computed",
            named_parameters=list(self.net.get_all_learnable_params()),
            batch=(X, y),
            training=True,
        )

    def _record(self, batches, result, n_rows):
        """Fetch losses and scores in one transfer and write the history."""
        net, history = self.net, self.net.history
        shares = batch_weights(batches)
        # Not all devices have double precision.
        dtype = torch.float32 if shares.device.type == "mps" else torch.float64
        shares = shares.to(dtype)
        mean = (torch.stack(result.losses).to(dtype) * shares).sum() / shares.sum()
        fetched = [mean.reshape(1)]
        if net.record_train_score:
            train_scores = net.average_members(torch.cat(result.scores), training=True)
            targets = torch.cat([y for _, y, _ in batches])
            fetched.append(train_scores)
        if self.valid is not None:
            raw, valid_loss = self._holdout()
            fetched += [valid_loss.reshape(1), net.average_members(raw)]
        fetched = _fetch(fetched)
        history.record("train_batch_count", len(batches))
        if self.sampler is not None:
            history.record("n_rows", n_rows)
        train_loss = float(fetched[0][0])
        self._record_best("train_loss", train_loss, -1.0)
        if not math.isfinite(train_loss):
            raise ValueError(
                f"learning_rate_init={net.lr!r} makes the training loss {train_loss} "
                f"after epoch {net.n_epochs_ + 1}; lower the learning rate, or scale "
                "the data."
            )
        if net.record_train_score:
            score = net.score_fn(fetched[1], targets.cpu().numpy(), None)
            history.record("train_score", float(score))
        if self.valid is not None:
            self._judge(float(fetched[-2][0]), fetched[-1])
        if not history[-1, "batches"]:
            # Callbacks that format file names look at the last batch of an epoch.
            history.new_batch()
            history.record_batch("train_loss", train_loss)
            history.record_batch("train_batch_size", n_rows)
        history.record("lr", float(net.optimizer_.param_groups[0]["lr"]))

    def _holdout(self):
        net, valid = self.net, self.valid
        if self.needs_validation:
            net.notify("on_batch_begin", batch=valid[:2], training=False)
        raw = torch.cat(list(evaluate(net.module_, valid.X)))
        net.criterion_.eval()
        extras = {} if valid.weight is None else {"sample_weight": valid.weight}
        scores, targets = raw, valid.y
        if getattr(net.criterion_, "robust", False) and raw.device.type != "mps":
            # Beside a gross error, single precision loses the errors of other rows.
            scores, targets = raw.double(), valid.y.double()
        with torch.no_grad():
            loss = net.criterion_(scores, targets, **extras)
        if self.needs_validation:
            net.history.record_batch("valid_loss", loss.item())
            net.history.record_batch("valid_batch_size", valid.n_rows)
            net.notify(
                "on_batch_end", batch=valid[:2], training=False, loss=loss, y_pred=raw
            )
        return raw, loss

    def _judge(self, loss, scores):
        """Score the hold-out and tell the monitor."""
        net, valid = self.net, self.valid
        self._record_best("valid_loss", loss, -1.0)
        score = -loss
        if self.score_fn is not None:
            weight = None if valid.weight is None else valid.weight.cpu().numpy()
            found = float(self.score_fn(scores, valid.y.cpu().numpy(), weight))
            if math.isnan(found) and not self.done:
                name = getattr(self.score_fn, "scoring", self.score_fn)
                warn_user(
                    f"scoring={name!r} is not defined (nan) for the {valid.n_rows} "
                    "rows of the hold-out: their loss decides on the epoch instead. "
                    "Hold out more rows (validation_fraction), or use another scoring."
                )
                self.score_fn = None
            else:
                score = found
                self._record_best("valid_score", score, 1.0)
        self.monitor.update(score, net.n_epochs_ + 1)

    def _record_best(self, name, value, sign):
        """Record a value and, as skorch does, whether it is the best so far."""
        history = self.net.history
        better = sign * value > self.bests.get(name, -math.inf)
        if better:
            self.bests[name] = sign * value
        history.record(name, value)
        history.record(f"{name}_best", bool(better))


def _check_batches(net, sizes):
    """Refuse batches of one row where layers need the spread of several."""
    if min(sizes) > 1:
        return
    norm = torch.nn.BatchNorm1d
    if any(isinstance(part, norm) for part in net.module_.modules()):
        raise ValueError(
            f"batch_size={net.batch_size!r} makes batches of one row of {sum(sizes)}, "
            "and batch normalisation needs the spread of several; use batch_size=2 or "
            "more, or normalization='layer' or None."
        )


def _fetch(tensors):
    """Bring tensors to the CPU as arrays, with one wait for the device."""
    if tensors[0].device.type == "cpu":
        return [tensor.numpy() for tensor in tensors]
    dtype = tensors[0].dtype
    flat = torch.cat([tensor.flatten().to(dtype) for tensor in tensors]).cpu()
    parts = flat.split([tensor.numel() for tensor in tensors])
    return [
        part.reshape(tensor.shape).to(tensor.dtype).numpy()
        for part, tensor in zip(parts, tensors, strict=True)
    ]
