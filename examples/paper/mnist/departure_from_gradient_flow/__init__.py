"""How much of gradient descent's departure from the gradient flow do the modified flows explain?

Theorem 3.1 is about one step. Training takes many, and the paper's learning rates are no small
numbers: h·λ_max, the step times the largest curvature, is near 1 or beyond. So here gradient
descent runs for a fixed time T, n = T/h steps from a point θ of the training of a perceptron, and
beside it, from the same θ over the same time, run the flows of what is said to explain it:

* order p, θ̇ = f + h f_1 + … + h^p f_p with f = −∇E, p = 0 being the gradient flow, p = 1 the
  modified flow of Theorem 3.1;
* log-shift K, θ̇ = Σ_{k<K} (−1)^k/(k+1) Δ^k f, the estimate of f̃ from K gradients along the
  iterates from θ. It is of order K − 1, so that K = 2 and 4 stand beside the orders 1 and 3;
* half a step back, θ̇ = f(θ − (h/2) f(θ)) = f + h f_1 + O(h²): order 1 by two gradients.

With θ_GD where the descent ends and θ_p where a flow ends, the flow explains the share

    1 − |θ_GD − θ_p| / |θ_GD − θ_0|

of the departure |θ_GD − θ_0| from the gradient flow: 1 is everything, 0 nothing, and less than 0
worse than the gradient flow. The same is asked of R_IG/E, R_IG = |∇E|²/m, the paper's measure.

Two things are to be expected. Along an eigenvector of curvature λ the corrections add up to log(1 −
hλ), whose series converges for hλ < 1 and which is not real beyond: there the iterates jump from
one side to the other, as no flow does. Where hλ_max > 2 at the start the step is unstable: up to 4
order 1 and half a step back are computed nevertheless, and beyond the gradient flow alone; the
table, the figure and the summary say where a flow was not computed. λ_max may rise on the way, so
it is recorded where the gradient flow ends as well. And a ReLU network has kinks. The derivatives
in f_1, f_2, … do not see them; the last two kinds of flow do, because they compare gradients at
different points.

All learning rates start from the same points, those that descent with the small one of START_STEP
reaches; a large one might never get there. There are several seeds, each of which draws the
parameters and the images.

Smooth fields are integrated by Dopri8, twice, the second time more coarsely. Across kinks a method
of high order gains nothing: each is a jump of the field, of which a step misses a part that depends
on where in the step it lies. There a two-step rule takes equal steps, whose number is doubled up to
FINEST in a step of descent. The difference of two runs is integration_error; it does not always
fall when the steps are halved, as neighbouring paths may part at a kink.

With |θ_GD − θ_p| known to e_p and |θ_GD − θ_0| to e_0, round-off of descent in both, the share is
between explained_low = 1 − (|θ_GD − θ_p| + e_p)/(|θ_GD − θ_0| − e_0) and explained_high, with the
signs of the errors reversed. These bounds hold whatever directions the errors
have, as far as e_p and e_0, which are differences of runs, are no less than the errors.

Two tables are written, one with a row per flow, one of R_IG/E along the way of the first seed. The
figure is drawn from them. The quick profile is of scikit-learn's digits; laptop and paper are of
MNIST.
"""

from __future__ import annotations

NAME = "mnist.departure_from_gradient_flow"
