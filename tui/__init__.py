"""The terminal dashboard. It knows the service's HTTP API and nothing of the `service` package."""
