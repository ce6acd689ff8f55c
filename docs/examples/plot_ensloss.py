"""
Losses for networks that overfit
================================

The labels of a fifth of the rows are random, and ten columns of a hundred tell the
class. A network learns all training labels by heart; what it makes of new rows depends
on the loss. :class:`~skext.neural_network.EnsLossClassifier` is shown next to the
log-hinge, which is EnsLoss without ranks and noise, and to the log-loss.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from skext.neural_network import EnsLoss, TabularNetClassifier

losses = ["log_loss", "log_hinge", "ensloss"]
epochs = np.array([3, 10, 30])
test = np.zeros((len(losses), len(epochs), 3))
train = np.zeros_like(test)

for seed in range(3):
    X, y = make_classification(
        2000, 100, n_informative=10, flip_y=0.2, class_sep=0.7, random_state=seed
    )
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, random_state=seed)
    for i, loss in enumerate(losses):
        for j, n_epochs in enumerate(epochs):
            net = TabularNetClassifier(
                (64, 64),
                loss=loss,
                normalization="batch",
                dropout=0.0,
                optimizer="sgd",
                learning_rate_init=1e-2,
                max_epochs=int(n_epochs),
                early_stopping=False,
                device="cpu",
                random_state=seed,
            ).fit(X, y)
            train[i, j, seed] = net.score(X, y)
            test[i, j, seed] = net.score(X_test, y_test)

# %%
# Accuracies after the last number of epochs. Three draws do not tell the two losses on
# the right from each other; over more draws, too, the noise adds little to the
# log-hinge.

for loss, learned, new in zip(losses, train[:, -1], test[:, -1], strict=True):
    print(f"{loss:10} training rows {learned.mean():.3f}, new rows {new.mean():.3f}")

# %%
# The derivatives that a batch of 16 rows gets in five draws, against those of the fixed
# losses.

margins = torch.linspace(-3, 5, 16, requires_grad=True)
positive = torch.ones(16)
loss_of_batch = EnsLoss(reduction="sum", generator=torch.Generator().manual_seed(0))

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for loss, learned, new in zip(losses, train, test, strict=True):
    (line,) = axes[0].plot(epochs, new.mean(axis=-1), "o-", label=loss)
    axes[0].plot(epochs, learned.mean(axis=-1), ":", color=line.get_color())
axes[0].set(xlabel="epochs", title="accuracy: new rows, training rows dotted")
axes[0].legend()

for _ in range(5):
    (drawn,) = torch.autograd.grad(loss_of_batch(margins, positive), margins)
    axes[1].plot(margins.detach(), drawn, ".-", color="C2", alpha=0.5, lw=0.8)
grid = np.linspace(-3, 5, 200)
axes[1].plot(grid, -1 / np.maximum(1, grid), "C1", label="log-hinge")
axes[1].plot(grid, -1 / (1 + np.exp(grid)), "C0", label="log-loss")
axes[1].plot([], [], ".-", color="C2", label="EnsLoss, five draws")
axes[1].set(xlabel="margin", title="derivative of the loss")
axes[1].legend()

plt.show()
