"""What the service decides: no Sanic, no Tortoise, no httpx in here."""
