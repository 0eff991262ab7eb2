"""Sharing figures with another instance: what leaves, when it left, and taking it back.

`push` sends, `preview` says what a push would send, `forget` has it deleted there, `status` says how it stands, `pull`
gets an account's rows back. What is shared, by which name, is `batches`' business.
"""
