"""Theorem 3.1 on networks: one step of gradient descent, where E is smooth and where it is not.

The step from θ_0 to θ_1 is compared with the flow θ̃ of f + h f_1 + … + h^p f_p, f = −∇E, for p = 0
(the gradient flow), p = 1 (the modified flow of Theorem 3.1) and the two orders above it, in
float64. On smooth networks (tanh, GELU) |θ_1 − θ̃(h)| falls with h^(p+2), and over h^(p+2) it tends
to |f_{p+1}(θ_0)|: both are measured, on perceptrons and on a small residual network with batch
normalization in training mode, whose E and ∇E are those of this batch as a whole.

ReLU stands beside them, as what the theorem does not cover. A step carries some pre-activations of
hidden units across zero, where E has a kink and ∇E jumps. Automatic differentiation differentiates
the pieces and not the seams: its Hessian H does not see the kinks, misses half of the change
of ∇E over the step or more, and −½H∇E is not the correction that the iterates ask for. A step with
n kinks, n ≥ 10, leaves an error of about c·h·√n, as of n jumps in random directions, whatever p;
with n ∝ h that is h^1.5. Between its kinks a ReLU network is smooth: where h is so small that no
pre-activation changes its sign, the orders 2, 3, 4 and 5 are back.

Two tables are written, one with a row per error and the kinks that its step crossed, one with a row
per order. The figure is drawn from them. The quick profile has perceptrons on scikit-learn's
digits, the full one also networks on MNIST and CIFAR-10, where they are found under --data, and
a point reached by training.
"""

from __future__ import annotations

NAME = "networks.theorem_3_1"
