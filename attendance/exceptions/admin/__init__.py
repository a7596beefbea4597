"""The console's pages on exceptions. `attendance.admin` registers them."""
