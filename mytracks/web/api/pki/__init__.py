"""`/api/admin/pki`: certificates by script; and those that anybody or their owner may fetch."""
