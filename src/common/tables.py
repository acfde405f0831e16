"""Tables for notebooks."""

from collections.abc import Iterable, Sequence


class Table:
    """Drawn by Jupyter as a table, and in a terminal as aligned columns; None becomes a dash."""

    def __init__(self, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        self.header = list(header)
        self.rows = [["–" if cell is None else str(cell) for cell in row] for row in rows]

    def _repr_markdown_(self) -> str:
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)

    def __repr__(self) -> str:
        lines = [self.header, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
