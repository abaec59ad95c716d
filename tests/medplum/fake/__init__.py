"""A Medplum server that is not one: see fake_medplum.py."""
