"""What is declared → money: of a preview, or of a program at any revision, before it is spent."""
