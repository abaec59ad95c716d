"""medplum.pdp.v1, written by protoc: clients/python/generate.py."""
