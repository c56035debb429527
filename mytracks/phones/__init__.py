"""How a phone is treated, whatever door it uses."""
