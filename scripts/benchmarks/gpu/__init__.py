"""What a GPU does with the project: its numbers, its speed, its memory, and whether anything waits for it."""
