"""`/profile/`: what somebody tells of themselves, and by what they get in."""
