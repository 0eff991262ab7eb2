"""The HTTP interface: each handler parses what it is given, makes one call, and responds.

A route is declared once (`routes`), with its parameters as a struct: they are read by that declaration
(`parameters`) and documented from it (`openapi`). What goes wrong becomes an answer in one place (`failures`).
"""
