"""What is fast and how we know: `make bench` measures, nothing here is asserted by a test."""
