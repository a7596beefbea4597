"""Leave over REST: translation only; the verbs are in `leaves.services`."""
