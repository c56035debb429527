"""What is promised when something breaks: kills, full disks, failing syncs."""
