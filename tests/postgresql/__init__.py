"""A real PostgreSQL for the tests: started once for a test process, a database for each test."""
