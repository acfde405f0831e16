"""The figures of `deno task gpu`: parts that are measured each in a process of its own, and their summary."""
