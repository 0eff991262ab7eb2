"""A plausible fleet for those who have no MONARC at hand: `fleet` makes it, nothing here reads or stores anything."""
