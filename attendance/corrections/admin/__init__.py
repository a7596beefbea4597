"""The console's pages on corrections, one file a page. `attendance.admin` registers them."""
