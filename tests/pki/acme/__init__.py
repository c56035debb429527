"""Tests of mytracks/pki/acme."""
