"""The administrator's desk: `/admin-panel/` and all below it."""
