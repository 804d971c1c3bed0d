"""The parts of the command `lab`."""
