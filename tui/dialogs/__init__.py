"""Questions that stand over a view, and the help. Each is a modal screen that ends with an answer, or None."""
