"""What the benchmarks share: the stage they are played on, what is measured against what, and how figures are told."""
