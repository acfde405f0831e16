"""What all of `src/` uses: commands, failures, files, memory, progress, tables."""
