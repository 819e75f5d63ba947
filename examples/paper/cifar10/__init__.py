"""Residual networks on CIFAR-10: runs, tables, claims and figures, as in results/cifar10/."""
