"""Public certificates, fetched by ACME [RFC 8555] and renewed by themselves."""
