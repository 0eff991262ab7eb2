"""The command line: a module per noun. Commands parse, call the core and print; they decide nothing."""
