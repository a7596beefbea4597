"""The console's pages on days, one file a page. `attendance.admin` registers them."""
