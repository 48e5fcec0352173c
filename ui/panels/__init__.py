"""The parts that pages are made of; each draws something and gives back what was chosen in it."""
