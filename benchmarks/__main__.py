"""`make bench`: measure everything there is to measure, print it, and write it to results/."""

from benchmarks import against_others, derivation, series

if __name__ == "__main__":
    derivation.main()
    series.main()
    against_others.main()
