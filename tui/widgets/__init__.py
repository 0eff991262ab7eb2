"""What screens are made of. Widgets take plain data, and tell their screen what happened by `tui.messages`."""
