"""The 2-d model E = (y − abx)²/2: Figures 1a, 1b and A.1, as in results/two_parameter/."""
