"""`make bench`: measure everything there is to measure, print it, and write it to results/."""

from benchmarks import (
    against_others,
    derivation,
    kernels,
    network_libraries,
    networks,
    one_by_one,
    resnet_training,
    series,
    training,
)

if __name__ == "__main__":
    derivation.main()
    series.main()
    kernels.main()
    against_others.main()
    networks.main([])
    network_libraries.main()
    training.main([])
    one_by_one.main([])
    resnet_training.main([])
