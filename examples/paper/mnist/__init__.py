"""Perceptrons on MNIST: runs, tables, claims and figures; what they found is in results/mnist/."""
