"""Reports that are made in the background: requested, made by a worker, downloaded, deleted."""
