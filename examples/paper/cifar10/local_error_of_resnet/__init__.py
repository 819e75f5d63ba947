"""How much of a step's local error on a residual network does f_1 explain, during training?

Theorem 3.1 corrects the gradient flow θ̇ = f, f = −∇E, by h f_1 = −(h/2) H∇E, H the Hessian of E,
which the paper calls implicit gradient regularization. What it could not say of its ResNet-18 on
CIFAR-10 is how much this correction is worth there: at which learning rate, and when in training.

Networks are trained by plain SGD, with batch normalization in training mode, for every learning
rate h. At some epochs θ is held and ONE fixed batch B is looked at, the first images of the
training set, as many as a batch has: E and all that follows is E on B, with the batch statistics of
B, in float64. From θ one step is taken, θ_1 = θ + h f(θ), and two things are asked of it.

* Its local error e = θ_1 − θ(h), θ(h) the end of the gradient flow over the time h. To leading
  order e is h²f_1, and f_1 explains the share 1 − |e − h²f_1|/|e|. The flow is integrated in equal
  substeps, whose number is doubled until two ends differ by 2 % of e at most: integration_error
  is that difference, and where it stays above 10 % the flow is not settled. The classical
  Runge–Kutta rule is used. Where there are kinks a method of high order gains nothing, and two
  ends may agree by chance: there it is the midpoint rule in as many substeps as are allowed.
* What the step itself says of its modified field f̃. From K iterates on B, without derivatives, the
  log-shift estimate of f̃ − f is d_K = Σ_{0<k<K} (−1)^k/(k+1) Δ^k f. It is h f_1 + h²f_2 + …, of
  which h f_1 explains 1 − |d_K − h f_1|/|d_K|. It is settled where d_6 and d_4 differ by less than
  10 % of d_6; along an eigenvector of curvature λ its series converges for hλ < 1 only. An
  estimate that is not settled is none of f̃, and no share of it means anything: the table says so.
  Half a step back, f(θ − (h/2) f) − f = h f_1 + O(h²), stands beside it. d_2 is half of how f
  changes over the step, so that the share of d_2 is how much of this change H predicts.

A share of 1 is everything, 0 nothing, and less than 0 worse than no correction. On a quadratic
loss, along an eigenvector and with a = hλ, e and h²f_1 are as e^{−a} − 1 + a and a²/2: 64 % are
explained at a = 1, 24 % at a = 2, nothing from a = 2.6 on. The figure shows this curve, and over
the epochs the median of the seeds, with bars from the least to the largest share that the seeds and
the error of the flow leave possible. What is below −100 % stands on the edge with its number.

There are several seeds, of the parameters and of the order of the examples; B is the same for all.
Twice, with GELU, which is smooth, and with ReLU, which the paper's network has: its kinks are
where f changes and H does not see it. λ_max on B is found by Lanczos' iteration from ∇E.

One table is written, with a row per activation, learning rate and epoch, and the figure is drawn
from it. What is interrupted goes on, trainings and measurements, when it is started again.
"""

from __future__ import annotations

NAME = "cifar10.local_error_of_resnet"
