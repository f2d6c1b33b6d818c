"""That the benchmarks work; what they find is nobody's test."""
