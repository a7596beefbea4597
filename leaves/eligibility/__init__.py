"""Whether leave may be taken: the rules as pure functions, and refusals as values."""
