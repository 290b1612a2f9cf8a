"""A whole site on one machine: PKI, broker, collector, gateways and emulated boards in a temporary directory.

The demo, the end-to-end tests, the fault runs and the bench stand on it. Everything runs on loopback, every
process is a child that dies with its parent, and nothing is left behind.
"""
