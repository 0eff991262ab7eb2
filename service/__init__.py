"""Stats Service for MONARC: accounts, ingestion of statistics and chart transforms over HTTP."""

__version__ = "1.0.0"
