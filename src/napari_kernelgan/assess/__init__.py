"""How good a kernel or a picture is."""
