"""The tab PKI: the authority, the server's certificate, those of phones, and what is revoked."""
