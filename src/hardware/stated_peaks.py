"""What NVIDIA states that its cards can do at most, to hold measured speeds against."""

import re

# TFLOP/s of matrix products: float32 on the CUDA cores; TF32, and 16 bits (bfloat16, or float16 where there
# is no bfloat16) with sums in float32, on the tensor cores. Dense: data sheets that only state the value with
# sparsity state twice as much. The names are those that drivers give.
PEAKS: tuple[tuple[str, float, float | None, float | None], ...] = (
    (r"H200(?! NVL)", 67, 494.5, 989.5),  # H200 data sheet, SXM: 67, 989 and 1,979 with sparsity
    (r"H100 80GB HBM3", 67, 494.5, 989.5),  # H100 data sheet, SXM: 67, 989 and 1,979 with sparsity
    (r"H100 PCIe", 51, 378, 756.5),  # H100 data sheet, PCIe: 51, 756 and 1,513 with sparsity
    (r"A100", 19.5, 156, 312),  # A100 data sheet, the same for SXM and PCIe
    (r"A40", 37.4, 74.8, 149.7),  # A40 data sheet
    (r"A10", 31.2, 62.5, 125),  # A10 data sheet; not the A10G
    (r"L40S", 91.6, 183, 362.05),  # L40S data sheet
    (r"L40", 90.5, 90.5, 181.05),  # L40 data sheet
    (r"L4", 30.3, 60, 121),  # L4 data sheet: 30.3, 120 and 242 with sparsity
    (r"T4", 8.1, None, 65),  # T4 data sheet
    (r"V100-SXM2", 15.7, None, 125),  # V100 data sheet
    (r"V100-PCIE", 14, None, 112),  # V100 data sheet
    (r"RTX 4090", 82.6, None, None),  # Ada white paper; what its tensor cores do was not looked up
    (r"RTX 3090", 35.6, None, None),  # Ampere GA102 white paper; likewise
)
KINDS = {"float32": 1, "TF32": 2, "bfloat16": 3, "float16": 3}


def stated_peak(card: str, kind: str) -> float | None:
    """TFLOP/s that are stated for a card such as "NVIDIA A100-SXM4-80GB"; None where none is known."""
    for row in PEAKS:
        # A name that goes on, such as "A10G", "RTX 3090 Ti" or "RTX 4090 Laptop GPU", is another card.
        if re.search(rf"\b{row[0]}(?![\w]| Ti| D\b| Laptop)", card):
            peak = row[KINDS[kind]]
            return None if isinstance(peak, str) else peak
    return None
