"""Everything that is kept: the only room that knows Tortoise, aerich and SQL. It knows nothing of HTTP."""
