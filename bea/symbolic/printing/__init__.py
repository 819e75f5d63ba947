"""Out: equations and series as text, LaTeX, Python and pictures."""
