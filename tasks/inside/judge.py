"""Judges the claims of a run folder again, without the task runner: a second judge beside the first.

    python judge.py RUN [--json]        the verdict of a run folder
    python judge.py --vectors PATH ...  whether it agrees with vectors: folders, .json files, or - for lines

Standard library only, one file, CPython 3.8 to 3.15: a compute node or a reviewer with nothing but Python can
judge a run. It reads the claims that plan.json holds as JSON, compares exactly, and checks the recorded
hashes. It reads JSON, CSV, JSON lines, texts, notebooks and their cells, MLflow's folders, and TOML from
Python 3.11 on. Claims on files that need a library (YAML, tables in texts, trackers' databases, pixels) it
can't judge, and says so. `deno task verify` judges all; test/vectors holds both to the same verdicts.

Exit codes: 0 every claim holds; 1 one does not, or a file was altered; 2 there is no run that can be read;
3 nothing speaks against the run, and some claims can't be judged here.
"""

from __future__ import annotations

import functools
import gc
import json
import math
import os
import re
import stat
import sys
from typing import Any, Callable, Dict, Iterable, Iterator, NamedTuple

# Start is most of the time that this takes: what few runs need is imported, and compiled, where it is used.
try:
    from _hashlib import openssl_sha256 as sha256  # hashlib makes all other algorithms ready, too
except ImportError:
    from hashlib import sha256

Json = Dict[str, Any]

# What JavaScript's trim() takes for white space.
SPACE = "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
SPACE += "\u2028\u2029\u202f\u205f\u3000\ufeff"
BLANKS = " \u00a0\u2009\u202f"

NOTHING = "—"

LARGEST_FILE = 256 * 2**20

# A plan beyond this has more claims than anybody's.
LARGEST_PLAN = 16 * 2**20

SEARCH_LIMIT_S = 2


class Problem(Exception):
    """A request or a file that is wrong; the program ends with 2."""


class NotFound(Exception):
    """There is no value to compare; the text says why, and goes into the verdict."""


class NotJudged(Exception):
    """This judge can't read the kind of file."""


# Exact decimals


class Decimal(NamedTuple):
    """The number digits / 10 ** scale; scale is the number of printed decimals and never negative."""

    digits: int
    scale: int


DECIMAL = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,6}))?")

LONGEST_NUMBER = 2000

LARGEST_EXPONENT = 400


def parse_decimal(text: str) -> Decimal | None:
    match = DECIMAL.fullmatch(text) if len(text) <= LONGEST_NUMBER else None
    if match is None:
        return None
    sign, whole, fraction, exponent = match[1], match[2], match[3] or "", int(match[4] or "0")
    if whole + fraction == "" or abs(exponent) > LARGEST_EXPONENT:
        return None
    digits = int(whole + fraction) * (-1 if sign == "-" else 1)
    scale = len(fraction) - exponent
    return Decimal(digits, scale) if scale >= 0 else Decimal(digits * 10**-scale, 0)


def known_decimal(text: str) -> Decimal:
    found = parse_decimal(text)
    if found is None:
        raise Problem(f"Cannot judge: the claimed {text!r} is no number")
    return found


def digits_at(a: Decimal, scale: int) -> int:
    return a.digits * 10 ** (scale - a.scale)


def subtract(a: Decimal, b: Decimal) -> Decimal:
    scale = max(a.scale, b.scale)
    return Decimal(digits_at(a, scale) - digits_at(b, scale), scale)


def multiply(a: Decimal, b: Decimal) -> Decimal:
    return Decimal(a.digits * b.digits, a.scale + b.scale)


def at_most(a: Decimal, b: Decimal) -> bool:
    return subtract(a, b).digits <= 0


def absolute(a: Decimal) -> Decimal:
    return Decimal(abs(a.digits), a.scale)


def rounded(a: Decimal, decimals: int) -> int:
    """A tie is rounded away from zero."""
    if a.scale <= decimals:
        return digits_at(a, decimals)
    unit = 10 ** (a.scale - decimals)
    magnitude = (abs(a.digits) * 2 + unit) // (unit * 2)
    return -magnitude if a.digits < 0 else magnitude


def to_fixed(a: Decimal, decimals: int) -> str:
    kept = rounded(a, decimals)
    digits = str(abs(kept)).rjust(decimals + 1, "0")
    sign = "-" if kept < 0 else ""
    if decimals == 0:
        return sign + digits
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def to_text(a: Decimal, most_decimals: int) -> str:
    return to_fixed(a, min(a.scale, most_decimals))


def to_float(a: Decimal, decimals: int | None = None) -> float:
    return float(to_fixed(a, a.scale if decimals is None else decimals))


def prints_as(value: Decimal, printed: Decimal) -> bool:
    """Whether the value reads the same with the other's decimals; at a tie either neighbour will do."""
    distance = absolute(subtract(value, printed))
    return at_most(Decimal(distance.digits * 2, distance.scale), Decimal(1, printed.scale))


def mean_of(numbers: list[Decimal], more_decimals: int) -> Decimal:
    scale = max(number.scale for number in numbers)
    total = sum(digits_at(one, scale) for one in numbers) * 10**more_decimals
    n = len(numbers)
    half = (abs(total) * 2 + n) // (2 * n)
    digits, decimals = (-half if total < 0 else half), scale + more_decimals
    while decimals > scale and digits % 10 == 0:
        digits, decimals = digits // 10, decimals - 1
    return Decimal(digits, decimals)


# Numbers as JavaScript writes them


def number_text(value: float) -> str:
    """ECMAScript's Number::toString."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "-Infinity" if value < 0 else "Infinity"
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or "0") - (len(whole + fraction) - len((whole + fraction).lstrip("0")))
    digits = digits.rstrip("0")
    k = len(digits)
    if k <= point <= 21:
        return sign + digits + "0" * (point - k)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    power = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + (digits if k == 1 else f"{digits[0]}.{digits[1:]}") + power


def single(value: float) -> float:
    """The nearest single-precision number."""
    import struct

    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


def with_digits(value: float, digits: int) -> float:
    """ECMAScript's Number.prototype.toPrecision, read again: a tie is rounded away from zero."""
    above, below = abs(value).as_integer_ratio()
    if above == 0:
        return value
    power = len(str(above)) - len(str(below)) - digits

    def scaled() -> tuple[int, int]:
        return (above, below * 10**power) if power >= 0 else (above * 10**-power, below)

    while scaled()[0] >= scaled()[1] * 10**digits:
        power += 1
    while scaled()[0] < scaled()[1] * 10 ** (digits - 1):
        power -= 1
    over, under = scaled()
    return math.copysign(float(f"{(2 * over + under) // (2 * under)}e{power}"), value)


def number_of(text: str) -> float:
    """ECMAScript's Number(text)."""
    text = text.strip(SPACE)
    if text == "":
        return 0.0
    if re.fullmatch(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", text):
        return float(text)
    if re.fullmatch(r"[+-]?Infinity", text):
        return -math.inf if text[0] == "-" else math.inf
    match = re.fullmatch(r"0(?:[xX]([0-9a-fA-F]+)|[oO]([0-7]+)|[bB]([01]+))", text)
    if match is None:
        return math.nan
    return float(int(match[1] or match[2] or match[3], 16 if match[1] else 8 if match[2] else 2))


# Counts


def counts_of(percentage: Decimal, n: int) -> tuple[int, int]:
    """First and last count of n whose percentage prints so; none if first > last."""
    unit = 200 * 10**percentage.scale
    middle = 2 * percentage.digits * n
    return max((middle - n + unit - 1) // unit, 0), min((middle + n) // unit, n)


def percentage_of(count: int, n: int, decimals: int) -> str:
    guard = 25
    return to_fixed(Decimal(count * 100 * 10 ** (decimals + guard) // n, decimals + guard), decimals)


@functools.lru_cache(maxsize=1)
def counts_obtained(obtained: Decimal, claimed_decimals: int, n: int) -> tuple[int, int]:
    """The counts that an obtained percentage may stand for, however a program wrote it."""
    value = to_float(obtained, 20) * n / 100
    if math.isfinite(value):
        below = math.floor(value)
        nearest = below + 1 if value - below >= 0.5 else below
        error = min(max(1e-6, n * 4 * 2**-24), 0.25)
        if 0 <= nearest <= n and abs(value - nearest) <= error:
            return nearest, nearest
    kept = rounded_digits(obtained)
    scale = max(kept.scale, claimed_decimals)
    as_claimed = counts_of(Decimal(digits_at(kept, scale), scale), n)
    return as_claimed if as_claimed[0] == as_claimed[1] else counts_of(kept, n)


def rounded_digits(written: Decimal) -> Decimal:
    """The number that a program had before it wrote all digits of a single or a double."""
    digits = len(str(abs(written.digits)))
    value = to_float(written)
    shortest = None
    if digits > 9 and single(value) == value and math.isfinite(value):
        candidates = (with_digits(value, count) for count in range(1, 9))
        found = next((one for one in candidates if single(one) == value), None)
        shortest = number_text(with_digits(value, 9) if found is None else found)
    elif digits > 15:
        shortest = number_text(value)
    kept = (None if shortest is None else parse_decimal(shortest)) or written
    whole = 10**kept.scale
    return Decimal(kept.digits // whole, 0) if kept.digits % whole == 0 else kept


# Words


def cut(text: str) -> str:
    """One line of at most 60 UTF-16 units."""
    line = re.sub("[\u0000-\u001f\u007f-\u009f]+", " ", text)
    units = line.encode("utf-16-le", "surrogatepass")
    return f"{units[:120].decode('utf-16-le', 'surrogatepass')}…" if len(units) > 120 else line


def quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def pluralize(count: float, one: str, shown: str | None = None) -> str:
    return f"{number_text(count) if shown is None else shown} {one}{'' if abs(count) == 1 else 's'}"


def signed(text: str) -> str:
    return f"−{text[1:]}" if text.startswith("-") else f"+{text}"


# Claims


class Kind(NamedTuple):
    """A kind of claim source: what is found is a text also where it reads as a number, or a hash."""

    name: str
    is_text: bool
    is_hash: bool = False
    is_cell: bool = False


class Source(NamedTuple):
    kind: Kind
    step: str
    path: str
    select: str | None
    place: str
    query: str | None
    format: Json


SELECTOR = re.compile(r"\[(-?[0-9]{1,9}|max|min|mean|count|)\]\Z")

TRACKERS = (
    (r"tfevents[^/]*\Z", "tensorboard"),
    (r"(?:^|/)mlruns\Z", "mlflow"),
    (r"\.(?:db|sqlite3?)\Z", "tracker database"),
    (r"\.wandb\Z", "wandb"),
)


def parse_source(claim: Json) -> Source:
    form = claim.get("format") or {}
    return source_of(claim["from"], json.dumps(form, sort_keys=True) if form else "{}")


@functools.lru_cache(maxsize=4096)
def source_of(text: str, written_format: str) -> Source:
    form = json.loads(written_format)
    match = SELECTOR.search(text)
    rest, select = (text[: match.start()], match[1] or None) if match else (text, None)
    found = re.fullmatch(r"(?s)([^/#]+?)(?:/([^#]+?))?~/(.+)/", rest)
    if found:
        step, file = found[1], found[2]
        kind = Kind("printed", True) if file is None else Kind("text", True)
        return Source(
            kind, step, "log.txt" if file is None else f"{step}/{file}", select, found[3], None, form
        )
    found = re.fullmatch(r"(?s)([^/#]+)/([^#]+)#(.*)", rest)
    if found is None:
        raise Problem(f"Cannot judge: {text!r} is no source of a value")
    step, file, place = found[1], found[2], found[3]
    kind, name, query = kind_of(file, place, form)
    return Source(kind, step, f"{step}/{name}", select, place, query, form)


def kind_of(file: str, place: str, form: Json) -> tuple[Kind, str, str | None]:
    name, mark, query = file.partition("?")
    asked = query if mark else None
    is_pointer = place == "" or place.startswith("/")
    if is_pointer and not re.search(r"(?i)\.(?:jsonl|ndjson|ya?ml|toml)\Z", name):
        return Kind("pointer", False), file, None
    is_table = re.search(r"(?i)\.[ct]sv\Z", name) is not None
    is_like_one = ("separator" in form or "header" in form) and not is_pointer
    if (is_table or is_like_one) and place != "" and (place != "sha256" or mark):
        return Kind("csv", True, False, True), name, asked
    if place == "sha256":
        return Kind("sha256", False, True), file, None
    if place == "image" and re.search(r"(?i)\.png\Z", file):
        return Kind("image", False, True), file, None
    if re.fullmatch(r"cells|cell=[1-9][0-9]{0,5}", place) and re.search(r"(?i)\.ipynb\Z", file):
        return Kind("cells", True), file, None
    if is_pointer and re.search(r"(?i)\.(?:jsonl|ndjson)\Z", name):
        return Kind("json lines", False), name, asked
    if is_pointer:
        return Kind("TOML" if re.search(r"(?i)\.toml\Z", name) else "YAML", False), name, asked
    if re.search(r"(?i)\.(?:md|markdown|html?|tex)\Z", name):
        return Kind("table", True, False, True), name, asked
    for pattern, tracker in TRACKERS:
        if re.search(pattern, name):
            path = f"{name}/**/metrics/{place}" if tracker == "mlflow" else name
            return Kind(tracker, False), path, asked
    return Kind("cells" if re.fullmatch(r"cells|cell=[1-9][0-9]*", place) else "unknown", True), file, None


# Verdicts


def judge_claim(claim: Json, observation: Json | None, state: Json) -> Json:
    """One check: `observation` is what stood at the claim's source, `state` what else of the run decides."""
    source = parse_source(claim)
    conditions = (state.get("conditions") or {}).get(source.step) or {}
    chosen = choose_tolerance(
        claim.get("tolerance") or [],
        state.get("run"),
        conditions.get("run") or {},
        conditions.get("authors") or {},
    )
    found = compare_observation(claim, source, observation, chosen)
    check: Json = {"claim": claim["name"]}
    if claim.get("unit") is not None:
        check["unit"] = claim["unit"]
    check["claimed"] = show_value(claim, source.kind)
    check["tolerance"] = show_tolerance(chosen.tolerance)
    if chosen.name is not None:
        check["class"] = chosen.name
    check["obtained"] = NOTHING
    check.update(verdict_of_run(source, state, found) or found)
    return check


def verdict_of_run(source: Source, state: Json, found: Json) -> Json | None:
    for failed in state.get("failedSteps") or []:
        if failed["step"] == source.step:
            verbs = {"not run": "was not run", "failed": "failed"}
            verb = verbs.get(failed["status"], "was interrupted")
            why = f": {failed['detail']}" if failed.get("detail") else ""
            return missing(f'step "{failed["step"]}" {verb}{why}')
    changed = state.get("parametersChanged") or []
    if not changed:
        return None
    verdict = {
        "verdict": "not applicable",
        "detail": f"the claim is about the declared parameters, changed: {', '.join(changed)}",
        "obtained": found.get("obtained", NOTHING),
    }
    return {**verdict, "points": found["points"]} if "points" in found else verdict


def missing(detail: str, obtained: str | None = None) -> Json:
    verdict = {"verdict": "missing", "detail": detail}
    return verdict if obtained is None else {**verdict, "obtained": obtained}


def compare_observation(claim: Json, source: Source, observation: Json | None, chosen: Chosen) -> Json:
    where = claim["from"]
    if claim.get("over") is not None:
        detail = "it is claimed over seeds, which one run does not judge: deno task sweep does"
        return {"verdict": "not applicable", "detail": detail}
    if observation is None:
        return missing(f"{where} was not looked at")
    if not observation["found"]:
        return missing(f"looked for {observation['looked']}: {observation['reason']}")
    kind = claim["type"]
    if kind == "curve":
        return compare_curve(claim, source, observation, chosen)
    if "list" in observation:
        return missing(f"looked for one value at {where}, found a list")
    if kind in ("text", "boolean"):
        return compare_exactly(claim, source, observation, chosen)
    obtained = read_number(observation, source.kind, claim.get("unit"))
    if isinstance(obtained, str):
        return missing(f"looked for a number at {where}, found {obtained}", cut(observation["text"]))
    if kind == "number":
        return compare_number(claimed_number(claim["value"], claim, chosen), obtained, chosen)
    if kind == "range":
        return compare_range(claim, obtained)
    value = claim["value"]
    return {
        "verdict": "not applicable",
        "detail": f"the mean of {value['n']} runs is claimed, which one run does not judge: "
        "with over: seeds, deno task sweep does",
        "obtained": to_text(obtained, known_decimal(value["mean"]).scale + 2),
    }


def type_name(value: object) -> str:
    return "boolean" if isinstance(value, bool) else "string" if isinstance(value, str) else "number"


def compare_exactly(claim: Json, source: Source, found: Json, chosen: Chosen) -> Json:
    text, value = found["text"], found["value"]
    is_hash = source.kind.is_hash
    obtained = short_hash(text) if is_hash else cut(text)
    claimed_type = "string" if claim["type"] == "text" else "boolean"
    if not source.kind.is_text and type_name(value) != claimed_type:
        expected = "a text" if claimed_type == "string" else "true or false"
        shown = quote(text) if isinstance(value, str) else text
        detail = f"looked for {expected} at {claim['from']}, found the {type_name(value)} {cut(shown)}"
        return missing(detail, obtained)
    claimed = claim["value"]
    folds = is_hash or claim["type"] == "boolean"
    if (text.lower() == claimed.lower()) if folds else (text == claimed):
        return {
            "verdict": "identical",
            "obtained": obtained,
            "detail": "the same bytes" if is_hash else "the same value",
        }
    distance = found.get("distance")
    if isinstance(distance, str):
        return {"verdict": "different", "obtained": obtained, "detail": distance}
    if distance is not None:
        allowed = 0 if chosen.tolerance is None else chosen.tolerance.get("absolute") or 0
        share = f"{number_text(with_digits(float(distance) * 100, 3))} % of the pixels"
        verdict = conclude(f"{share} look different, which", distance <= allowed, chosen)
        return {**verdict, "difference": share, "obtained": obtained}
    return {
        "verdict": "different",
        "obtained": obtained,
        "detail": "other bytes than published" if is_hash else "another value than claimed",
    }


def read_number(found: Json, kind: Kind, unit: str | None) -> Decimal | str:
    """The number that was found, or in words what it is instead."""
    value, text = found["value"], found["text"]
    if not kind.is_text:
        if type_name(value) == "number":
            number = parse_decimal(text)
            return cut(text) if number is None else number
        if isinstance(value, str) and unit and text.strip(SPACE).endswith(unit):
            number = parse_decimal(text.strip(SPACE)[: -len(unit)].rstrip(SPACE))
            if number is not None:
                return number
        return f"the {type_name(value)} {cut(quote(text) if isinstance(value, str) else text)}"
    written = text.strip(SPACE)
    text = number_in_cell(written) if kind.is_cell else written
    own = "%" if unit is None and kind.is_cell else unit
    bare = text[: -len(own)].rstrip(SPACE) if own and text.endswith(own) else text
    number = parse_decimal(bare)
    if number is not None:
        return number
    return "nothing" if written == "" else quote(cut(written)) + why_not(text, unit)


OTHER_NUMBER = r"[+-]?[0-9][0-9.,]*(?:[eE][+-]?[0-9]+)?"
SPREAD = (
    rf"(?:±|\+/?-)[{SPACE}]*{OTHER_NUMBER}"
    rf"|[(\[][{SPACE}]*±?[{SPACE}]*{OTHER_NUMBER}(?:[{SPACE}]*(?:[,;–-]|to)[{SPACE}]*{OTHER_NUMBER})?"
    rf"[{SPACE}]*%?[{SPACE}]*[)\]]"
    rf"|[_^]\{{?[{SPACE}]*±?[{SPACE}]*{OTHER_NUMBER}[{SPACE}]*%?[{SPACE}]*\}}?"
)


def number_in_cell(cell: str) -> str:
    """The number that a cell is about, with its unit and without its spread and marks; or the cell."""
    text = cell.strip(SPACE)
    if len(text.encode("utf-16-le")) // 2 > 200:
        return text
    plain = re.sub(rf"\\(?:text|math)[a-z]{{2}}[{SPACE}]*\{{([^{{}}]*)\}}", r"\1", text)
    plain = re.sub(r"\\pm(?![A-Za-z])", "±", plain).replace("\\%", "%")
    plain = re.sub(r"[$`]|\*\*|__", "", plain).replace("\u2212", "-")
    plain = re.sub(rf"\A[{SPACE}*_]+(?=[+-]?[0-9.])", "", plain).strip(SPACE)
    number = re.match(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", plain)
    if number is None or re.match(f"[.,'_{BLANKS}][0-9]", plain[number.end() :]):
        return text
    unit = re.sub(rf"[{SPACE}*_†‡§¶]+\Z", "", re.sub(SPREAD, " ", plain[number.end() :])).strip(SPACE)
    unit = re.sub(rf"\A([^{SPACE}]+)[{SPACE}]+\1\Z", r"\1", unit)
    return number[0] if unit == "" else f"{number[0]} {unit}"


def why_not(text: str, unit: str | None) -> str:
    if re.fullmatch(r"(?ia)[+-]?(?:nan|inf|infinity)", text):
        return ", which is not a finite number"
    formats = [f"format: {form} ({number})" for form, number in formats_of(text).items()]
    if formats:
        return f", which is a number with {' or '.join(formats)}"
    if re.fullmatch(r"[+-]?[0-9]+(?:[,' _][0-9]+)+(?:\.[0-9]+)?", text):
        return ", which may have separators or a decimal comma: a number is expected as in 1234.5"
    dot = "[^\n\r\u2028\u2029]*"
    other = re.fullmatch(rf"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?[{SPACE}]*([^0-9{SPACE}.]{dot})", text)
    if other is None:
        return ""
    own = "(it has none)" if unit is None else f"({unit})"
    return f", whose unit {quote(cut(other[1]))} is not the claim's {own}"


BETWEEN_THOUSANDS = (",", ".", " ", "'", "_")
LEAD = f"[{SPACE}*_`$~]*[+\u2212-]?"


def separator_class(thousands: str) -> str:
    return f"[{BLANKS}]" if thousands == " " else re.escape(thousands)


def with_point(text: str, form: Json) -> str:
    """The text with its first number written as programs do: 1.068,10 is 1068.10."""
    lead = re.match(LEAD, text)[0]  # type: ignore[index]
    rest = text[len(lead) :]
    whole, end = "[0-9]*", "(?![0-9])"
    if form.get("thousands") is not None:
        between = separator_class(form["thousands"])
        whole, end = f"[0-9]{{1,3}}(?:{between}[0-9]{{3}})+|[0-9]*", f"(?!{between}?[0-9])"
    decimal = re.escape(form.get("decimal") or ".")
    match = re.match(f"({whole})(?:{decimal}([0-9]+))?{end}", rest)
    if match is None or match[0] == "":
        return text
    bare = re.sub("[^0-9]", "", match[1])
    return f"{lead}{bare}{'' if match[2] is None else f'.{match[2]}'}{rest[match.end() :]}"


def formats_of(text: str) -> dict[str, str]:
    """What `format:` must say so that the text reads as a number, and which number that is."""
    trimmed = text.strip(SPACE)[:200]
    lead = re.match(LEAD, trimmed)[0]  # type: ignore[index]
    match = re.match(f"[0-9][0-9.,'_{BLANKS}]*[0-9]", trimmed[len(lead) :])
    found: dict[str, str] = {}
    if match is None or re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", match[0]):
        return found
    for thousands in BETWEEN_THOUSANDS:
        for decimal in (".", ","):
            has_thousands = re.search(f"[0-9]{separator_class(thousands)}[0-9]{{3}}(?![0-9])", match[0])
            by_point = has_thousands and thousands == "."
            if decimal == thousands or (decimal == "," and "," not in match[0] and not by_point):
                continue
            form = {"decimal": decimal, **({"thousands": thousands} if has_thousands else {})}
            read = with_point(match[0], form)
            if not re.fullmatch(r"[0-9]+(?:\.[0-9]+)?", read) or read == match[0]:
                continue
            comma = decimal == "," and ("." in read or by_point)
            parts = ['decimal: ","'] if comma else []
            parts += [f"thousands: {quote(thousands)}"] if has_thousands else []
            found[f"{{ {', '.join(parts)} }}"] = f"{lead.strip(SPACE)}{read}"
    return found


class Claimed(NamedTuple):
    value: Decimal
    of: int | None
    is_count: bool


class Deviation(NamedTuple):
    """kind: none, samples (obtained minus claimed), value, different or missing."""

    kind: str
    samples: float = 0
    difference: Decimal = Decimal(0, 0)
    claimed: Decimal = Decimal(0, 0)
    detail: str = ""


def claimed_number(text: str, claim: Json, chosen: Chosen) -> Claimed:
    return Claimed(known_decimal(text), claim.get("of"), counts_samples(chosen))


def counts_samples(chosen: Chosen) -> bool:
    return chosen.tolerance is not None and chosen.tolerance.get("samples") is not None


def measure(claimed: Claimed, obtained: Decimal) -> Deviation:
    if claimed.of is not None:
        return measure_percentage(claimed.value, claimed.of, obtained)
    difference = subtract(obtained, claimed.value)
    if claimed.is_count:
        if difference.digits % 10**difference.scale == 0:
            return in_samples(float(to_fixed(difference, 0)))
        shown = to_text(obtained, claimed.value.scale + 2)
        return Deviation("different", detail=f"{shown} is not a whole number")
    if prints_as(obtained, claimed.value):
        return Deviation("none")
    return Deviation("value", difference=difference, claimed=claimed.value)


def measure_percentage(claimed: Decimal, n: int, obtained: Decimal) -> Deviation:
    first, last = counts_obtained(obtained, claimed.scale, n)
    shown = to_text(obtained, claimed.scale + 2)
    if first > last:
        hint = ", it looks like a fraction and a percentage is claimed"
        hint = hint if is_fraction(obtained, claimed.scale, n) else ""
        return Deviation("different", detail=f"{shown} is not the percentage of a count of {n}{hint}")
    if first < last:
        return Deviation(
            "missing", detail=f"{shown} has too few decimals: it stands for {first} to {last} of {n}"
        )
    return in_samples(first - counts_of(claimed, n)[0])


def is_fraction(obtained: Decimal, claimed_decimals: int, n: int) -> bool:
    if obtained.scale < 2:
        return False
    first, last = counts_obtained(Decimal(obtained.digits, obtained.scale - 2), claimed_decimals, n)
    return first == last and at_most(absolute(obtained), Decimal(1, 0))


def in_samples(samples: float) -> Deviation:
    return Deviation("none") if samples == 0 else Deviation("samples", samples=samples)


def is_within(deviation: Deviation, tolerance: Json | None) -> bool:
    if deviation.kind == "none":
        return True
    if tolerance is None:
        return False
    if deviation.kind == "samples":
        most = tolerance.get("samples")
        return most is not None and abs(deviation.samples) <= most
    if deviation.kind != "value":
        return False
    relative, given = tolerance.get("relative"), tolerance.get("absolute")
    bound = parse_decimal(number_text(float(given if given is not None else relative or 0))) or Decimal(0, 0)
    if relative is not None:
        bound = multiply(bound, absolute(deviation.claimed))
    return at_most(absolute(deviation.difference), bound)


def size_of(deviation: Deviation, tolerance: Json | None) -> float:
    if deviation.kind == "none":
        return 0
    if deviation.kind == "samples":
        return abs(deviation.samples)
    if deviation.kind != "value":
        return math.inf
    size = abs(to_float(deviation.difference))
    if tolerance is None or tolerance.get("relative") is None:
        return size
    claimed = abs(to_float(deviation.claimed))
    if claimed == 0:
        return math.nan if size == 0 else math.inf
    return math.nan if math.isinf(size) and math.isinf(claimed) else size / claimed


def show_deviation(deviation: Deviation) -> str | None:
    if deviation.kind == "samples":
        return pluralize(deviation.samples, "sample", signed(number_text(deviation.samples)))
    if deviation.kind != "value":
        return None
    return signed(to_text(deviation.difference, deviation.claimed.scale + 2))


def show_claimed(text: str, claimed: Claimed) -> str:
    if claimed.of is None:
        return text
    return f"{text} ({counts_of(claimed.value, claimed.of)[0]} of {claimed.of})"


def show_obtained(obtained: Decimal, claimed: Claimed) -> str:
    as_found = to_text(obtained, claimed.value.scale + 2)
    if claimed.of is None:
        return as_found
    first, last = counts_obtained(obtained, claimed.value.scale, claimed.of)
    if first != last:
        return as_found
    return f"{percentage_of(first, claimed.of, claimed.value.scale)} ({first} of {claimed.of})"


def compare_number(claimed: Claimed, obtained: Decimal, chosen: Chosen) -> Json:
    deviation = measure(claimed, obtained)
    shown = {"obtained": show_obtained(obtained, claimed)}
    if deviation.kind in ("different", "missing"):
        return {"verdict": deviation.kind, "detail": deviation.detail, **shown}
    difference = show_deviation(deviation)
    if difference is None:
        is_count = claimed.of is not None or claimed.is_count
        detail = "the same count" if is_count else "the same value as printed"
        return {"verdict": "identical", "detail": detail, **shown}
    verdict = conclude(difference, is_within(deviation, chosen.tolerance), chosen)
    return {**verdict, "difference": difference, **shown}


def compare_range(claim: Json, obtained: Decimal) -> Json:
    of, value = claim.get("of"), claim["value"]
    ends = [
        (value[key], word, below, key == "least", Claimed(known_decimal(value[key]), of, False))
        for key, word, below in (("least", "at least", "is below"), ("most", "at most", "is above"))
        if value.get(key) is not None
    ]
    finest = ends[0][4]
    for end in ends:
        finest = finest if finest.value.scale >= end[4].value.scale else end[4]
    shown = show_obtained(obtained, finest)
    for text, _, below, is_least, claimed in ends:
        deviation = measure(claimed, obtained)
        if deviation.kind in ("different", "missing"):
            return {"verdict": deviation.kind, "detail": deviation.detail, "obtained": shown}
        if of is not None:
            samples = deviation.samples if deviation.kind == "samples" else 0
            inside = samples >= 0 if is_least else samples <= 0
        else:
            inside = at_most(claimed.value, obtained) if is_least else at_most(obtained, claimed.value)
        if inside:
            continue
        exact = to_text(obtained, 20) if of is None else shown
        difference = show_deviation(deviation)
        verdict = {
            "verdict": "different",
            "detail": f"{exact} {below} {show_claimed(text, claimed)}",
            "obtained": shown,
        }
        return verdict if difference is None else {**verdict, "difference": difference}
    words = " and ".join(f"{word} {show_claimed(text, claimed)}" for text, word, _, _, claimed in ends)
    return {"verdict": "within tolerance", "detail": f"{shown} is {words}", "obtained": shown}


def compare_curve(claim: Json, source: Source, observation: Json, chosen: Chosen) -> Json:
    where, texts = claim["from"], claim["value"]
    if "list" not in observation:
        return missing(f"looked for a list at {where}, found a single value")
    found = observation["list"]
    if len(found) != len(texts):
        return missing(f"looked for {pluralize(len(texts), 'value')} at {where}, found {len(found)}")
    shown, deviations, points = [], [], []
    for index, text in enumerate(texts):
        claimed = claimed_number(text, claim, chosen)
        obtained = read_number(found[index], source.kind, claim.get("unit"))
        if isinstance(obtained, str):
            return missing(f"looked for a number at point {index + 1} of {where}, found {obtained}")
        deviation = measure(claimed, obtained)
        shown.append(show_obtained(obtained, claimed._replace(of=None)))
        deviations.append(deviation)
        point: Json = {
            "claimed": finite(number_of(text)),
            "obtained": finite(to_float(obtained, min(obtained.scale, 20))),
        }
        if (claimed.of is not None or claimed.is_count) and deviation.kind in ("samples", "none"):
            point["samples"] = whole(deviation.samples)
        points.append(point)
    verdict = compare_deviations(claim, deviations, chosen)
    return {**verdict, "points": points, "obtained": show_curve(shown)}


def finite(value: float) -> float | None:
    """As JSON has it."""
    return value if math.isfinite(value) else None


def whole(value: float) -> float:
    return int(value) if math.isfinite(value) and abs(value) < 2**53 else value


def show_curve(texts: list[str]) -> str:
    ends = texts[0] if len(texts) == 1 else f"{texts[0]} … {texts[-1]}"
    return f"{ends} ({pluralize(len(texts), 'point')})"


def compare_deviations(claim: Json, deviations: list[Deviation], chosen: Chosen) -> Json:
    away = [index for index, one in enumerate(deviations) if one.kind != "none"]
    if not away:
        is_count = claim.get("of") is not None or counts_samples(chosen)
        what = "count" if is_count else "value as printed"
        return {"verdict": "identical", "detail": f"the same {what} at all {len(deviations)} points"}
    outside = [index for index in away if not is_within(deviations[index], chosen.tolerance)]
    worst, *others = outside or away
    for index in others:
        if size_of(deviations[index], chosen.tolerance) > size_of(deviations[worst], chosen.tolerance):
            worst = index
    deviation = deviations[worst]
    where = f"at point {worst + 1} of {len(deviations)}"
    if deviation.kind in ("different", "missing"):
        return {"verdict": deviation.kind, "worst": worst, "detail": f"{where}: {deviation.detail}"}
    difference = show_deviation(deviation) or ""
    rest = "the only deviation"
    if len(away) > 1:
        rest = f"the largest of {len(away)} deviations, of which the first is at point {away[0] + 1}"
    verdict = conclude(f"{difference} {where}, {rest},", not outside, chosen)
    return {**verdict, "worst": worst, "difference": difference}


def show_value(claim: Json, kind: Kind) -> str:
    value = claim["value"]
    if claim["type"] == "curve":
        return show_curve(value)
    if kind.is_hash:
        return short_hash(value)
    if claim["type"] == "range":
        return show_range(value, claim.get("of"))
    if claim["type"] == "mean":
        return f"{value['mean']} ± {value['std']} (n = {value['n']})"
    if claim["type"] != "number":
        return cut(value)
    return show_claimed(value, Claimed(known_decimal(value), claim.get("of"), False))


def show_range(value: Json, of: int | None) -> str:
    def end(text: str) -> str:
        return text if of is None else show_claimed(text, Claimed(known_decimal(text), of, False))

    least, most = value.get("least"), value.get("most")
    if least is None:
        return f"≤ {end(str(most))}"
    return f"≥ {end(least)}" if most is None else f"{end(least)} to {end(most)}"


def short_hash(text: str) -> str:
    return f"{text[:12].lower()}…"


# Tolerances


class Chosen(NamedTuple):
    tolerance: Json | None = None
    name: str | None = None
    because: str | None = None
    is_own: bool = False


CONDITIONS = ("image", "gpu", "driver", "device")

CONDITION_NAMES = {"image": "image", "gpu": "GPU model", "driver": "GPU driver", "device": "device"}


def choose_tolerance(classes: list[Json], run: str | None, own: Json, authors: Json) -> Chosen:
    """The first class that matches, the widest if none does; none judges a run that it rests on."""
    if not classes:
        return Chosen()
    first = next((one for one in classes if matches(one.get("when") or {}, own, authors)), None)
    tolerance = first
    if tolerance is None:
        tolerance = classes[0]
        for one in classes:
            tolerance = one if width(one) > width(tolerance) else tolerance
    when = tolerance.get("when")
    name = class_name(when or {}) if len(classes) > 1 or when is not None else None
    is_own = run is not None and run in (tolerance.get("runs") or [])
    words = [] if name is None else [name]
    words += ["provisional"] if tolerance.get("provisional") else []
    words += ["the widest, since no class matches this environment"] if first is None else []
    return Chosen(None if is_own else tolerance, name, ", ".join(words) or None, is_own)


def width(tolerance: Json) -> float:
    for key in ("samples", "absolute", "relative"):
        if tolerance.get(key) is not None:
            return float(tolerance[key])
    return 0


def matches(when: Json, own: Json, authors: Json) -> bool:
    for key, expected in when.items():
        if expected not in ("same", "other"):
            if not is_called(own.get(key), expected):
                return False
            continue
        is_same = same(own.get(key), authors.get(key))
        if is_same is None or is_same != (expected == "same"):
            return False
    return True


def is_called(condition: Any, expected: str) -> bool:
    if not isinstance(condition, dict):
        return bool(condition == expected)
    names = [condition.get(key) for key in ("name", "digest", "config", "layers", "id")]
    return expected in [*names, f"{condition.get('name')}@{condition.get('digest', 'undefined')}"]


def same(a: Any, b: Any) -> bool | None:
    if a is None or b is None:
        return None
    if not isinstance(a, dict) or not isinstance(b, dict):
        return bool(a == b)
    found = same_image(a, b)
    return a.get("name") == b.get("name") if found is None else found


def same_image(a: Json, b: Json) -> bool | None:
    if a.get("digest") is not None and a["digest"] in (b.get("digest"), b.get("id")):
        return True
    if b.get("digest") is not None and b["digest"] == a.get("id"):
        return True
    for key in ("config", "layers", "digest", "id"):
        if a.get(key) is not None and b.get(key) is not None:
            return bool(a[key] == b[key])
    return None


def class_name(when: Json) -> str:
    parts = []
    for key in CONDITIONS:
        expected = when.get(key)
        if expected is not None:
            is_relative = expected in ("same", "other")
            named = CONDITION_NAMES[key]
            parts.append(f"{expected} {named}" if is_relative else f"{named} {expected}")
    return ", ".join(parts) or "any environment"


def conclude(difference: str, is_inside: bool, chosen: Chosen) -> Json:
    description = "" if chosen.because is None else f" ({chosen.because})"
    shown = show_tolerance(chosen.tolerance)
    if is_inside and chosen.tolerance is not None:
        detail = f"{difference} is within {shown}{description}: {chosen.tolerance['because']}"
        return {"verdict": "within tolerance", "detail": detail}
    bare = difference[:-1] if difference.endswith(",") else difference
    if chosen.tolerance is not None:
        detail = f"{difference} is outside {shown}{description}"
    elif not chosen.is_own:
        detail = f"{bare}, no tolerance is declared"
    else:
        detail = f"{bare}, and the tolerance rests on this very run, so it does not judge it{description}"
    return {"verdict": "different", "detail": detail}


def show_tolerance(tolerance: Json | None) -> str:
    if tolerance is None:
        return "none"
    if tolerance.get("samples") is not None:
        return f"±{pluralize(tolerance['samples'], 'sample')}"
    if tolerance.get("absolute") is not None:
        return f"±{number_text(float(tolerance['absolute']))}"
    if tolerance.get("relative") is None:
        return "none"
    percent = multiply(known_decimal(number_text(float(tolerance["relative"]))), Decimal(100, 0))
    return f"±{number_text(float(to_fixed(percent, 12)))} % of the value"


# Values in files


class NumberText(str):
    """Source text of a number in a JSON file."""


class Word(str):
    """NaN or an infinity, which Python writes."""


class Files:
    """The files of a run folder; nothing outside it is read, and nothing but regular files."""

    def __init__(self, directory: str) -> None:
        self.root = os.path.realpath(directory)
        self.texts: dict[str, str] = {}
        self.parsed: dict[str, Any] = {}

    def real(self, path: str) -> str:
        real = os.path.realpath(os.path.join(self.root, path))
        if not real.startswith(self.root + os.sep):
            raise NotFound(f"{path} is a link that leaves the run folder, so it is not a result of this run")
        try:
            info = os.stat(real)
        except OSError:
            raise NotFound(f"the run folder has no {path}") from None
        if not stat.S_ISREG(info.st_mode):
            raise NotFound(f"{path} is not a regular file")
        if info.st_size > LARGEST_FILE:
            raise NotFound(f"{path} has more than the {LARGEST_FILE >> 20} MiB that are read")
        return real

    def text(self, path: str) -> str:
        if path not in self.texts:
            with open(self.real(path), "rb") as file:
                content = file.read()
            try:
                self.texts[path] = content.decode("utf-8")
            except UnicodeDecodeError:
                raise NotFound(f"{path} is not UTF-8 text") from None
        return self.texts[path]

    def json(self, path: str) -> Any:
        if path not in self.parsed:
            self.parsed[path] = parse_json(self.text(path), path)
        return self.parsed[path]

    def only(self, pattern: str) -> str:
        """The one file that matches a path with * for any part of a name and ** for any folders."""
        parts = [
            "(?:[^/]+/)*" if part == "**" else "[^/]*".join(map(re.escape, re.split(r"\*+", part))) + "/"
            for part in pattern.split("/")
        ]
        expression = re.compile("".join(parts) + r"\Z")
        step = pattern.split("/")[0]
        found = []
        for folder, _, names in os.walk(os.path.join(self.root, step)):
            below = os.path.relpath(folder, self.root).replace(os.sep, "/")
            found += [f"{below}/{name}" for name in names if expression.match(f"{below}/{name}/")]
        if len(found) == 1:
            return found[0]
        if found:
            raise NotFound(f"{len(found)} files match {pattern}, where one was looked for")
        raise NotFound(f"no file matches {pattern}")


def hash_of(path: str) -> str:
    digest = sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def parse_json(text: str, path: str) -> Any:
    try:
        value = json.loads(
            text[1:] if text.startswith("\ufeff") else text,
            parse_float=NumberText,
            parse_int=NumberText,
            parse_constant=Word,
        )
    except RecursionError:
        raise NotFound(f"{path} is nested too deep") from None
    except ValueError as error:
        raise NotFound(f"{path} is not JSON: {error}") from None
    # A bracket that opens no level does no harm here: then the depth is counted.
    if text.count("[") + text.count("{") > 500 and depth_of(value) > 500:
        raise NotFound(f"{path} is nested deeper than 500 levels")
    return value


def depth_of(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        inner: list[Any] = []
        for one in level:
            inner += one.values() if isinstance(one, dict) else one if isinstance(one, list) else []
        level = inner
    return depth - 1


def pointer_keys(place: str) -> list[str]:
    return [key.replace("~1", "/").replace("~0", "~") for key in place.split("/")[1:]]


def place_name(keys: list[str]) -> str:
    escaped = "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)
    return f"at {escaped}" if keys else "at the top"


def child(value: Any, keys: list[str], depth: int, path: str) -> Any:
    key, place = keys[depth], place_name(keys[:depth])
    if isinstance(value, dict):
        if key not in value:
            raise NotFound(f"{path} has no {quote(key)} {place}")
        return value[key]
    if isinstance(value, list):
        if not re.fullmatch(r"0|-?[1-9][0-9]*", key):
            raise NotFound(
                f"{path} has a list of {len(value)} {place}, where an index is expected and not {quote(key)}"
            )
        if not -len(value) <= int(key) < len(value):
            raise NotFound(f"{path} has no item {key} {place}, the list has {len(value)}")
        return value[int(key)]
    raise NotFound(f"{path} has {what_is(value)} {place}, where {quote(key)} was looked for")


def follow(value: Any, keys: list[str], path: str) -> Any:
    for depth in range(len(keys)):
        value = child(value, keys, depth, path)
    return value


def what_is(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, NumberText):
        return "a number"
    if isinstance(value, Word):
        return str(value)
    if isinstance(value, str):
        return "a string"
    return "null" if value is None else "true" if value else "false"


def scalar(value: Any, keys: list[str], path: str) -> Json:
    if isinstance(value, NumberText):
        if not math.isfinite(float(value)):
            raise NotFound(f"{path} has {value} {place_name(keys)}, which is beyond the range of numbers")
        return {"value": 0, "text": str(value)}
    if isinstance(value, bool):
        return {"value": value, "text": "true" if value else "false"}
    if isinstance(value, str) and not isinstance(value, Word):
        return {"value": value, "text": value}
    raise NotFound(f"{path} has {what_is(value)} {place_name(keys)}, where a single value was looked for")


def find_in_json(value: Any, keys: list[str], form: str, is_chosen: bool, path: str) -> list[Json]:
    is_many = "*" in keys
    if form == "value":
        found = find_all(value, keys, path) if is_many else [scalar(follow(value, keys, path), keys, path)]
        if len(found) != 1:
            raise NotFound(f"{path} has {len(found)} values {place_name(keys)}, where one was looked for")
        return found
    if is_many or is_chosen:
        return find_all(value, keys, path)
    items = follow(value, keys, path)
    if not isinstance(items, list):
        raise NotFound(f"{path} has {what_is(items)} {place_name(keys)}, where a list was looked for")
    return [scalar(item, [*keys, str(index)], path) for index, item in enumerate(items)]


def find_all(value: Any, keys: list[str], path: str) -> list[Json]:
    """All values that a pointer leads to, where * stands for every item of a list; null is left out."""
    star = keys.index("*") if "*" in keys else None
    head, rest = (keys, []) if star is None else (keys[:star], keys[star + 1 :])
    items = follow(value, head, path)
    if not isinstance(items, list):
        if star is not None and isinstance(items, dict):
            return [scalar(follow(value, keys, path), keys, path)]
        raise NotFound(f"{path} has {what_is(items)} {place_name(head)}, where a list was looked for")
    found: list[Json] = []
    for index, item in enumerate(items):
        at = walk(item, rest)
        if isinstance(at, Word):
            found.append({"value": 0, "text": str(at)})
        elif at is not None:
            found.append(scalar(at, [*head, str(index), *rest], path))
    if not found and rest:
        raise NotFound(f"{path} has no item with {place_name(rest)[3:]} in the list {place_name(head)}")
    return found


def walk(value: Any, keys: list[str]) -> Any:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and re.fullmatch(r"-?[0-9]+", key):
            value = value[int(key)] if -len(value) <= int(key) < len(value) else None
        else:
            return None
    return value


def json_lines(text: str, query: str | None, path: str) -> list[Any]:
    lines = [line for line in re.split(r"\r?\n", text.lstrip("\ufeff")) if line.strip(SPACE) != ""]
    values = [parse_json(line, path) for line in lines]
    if query is None:
        return values
    column, _, wanted = query.partition("=")
    keyed = [
        (value, key_of(value[column]))
        for value in values
        if isinstance(value, dict) and not isinstance(value.get(column), (dict, list, Word, type(None)))
    ]
    key = keyed[-1][1] if wanted == "last" and keyed else wanted
    found = [value for value, text in keyed if text == key or number_of(text) == number_of(key)]
    if not found:
        raise NotFound(f"{path} has no line with {column} = {wanted}")
    return found


def key_of(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


class Row(NamedTuple):
    line: int
    cells: list[str]


def parse_csv(text: str, form: Json, path: str) -> list[Row]:
    body = text[1:] if text.startswith("\ufeff") else text
    separator = form.get("separator")
    if separator == "space":
        split = (
            (index + 1, re.split(r"[ \t]+", line.strip(SPACE)))
            for index, line in enumerate(re.split(r"\r?\n", body))
        )
        return [Row(line, cells) for line, cells in split if cells != [""]]
    if separator is None:
        first = re.split(r"[\r\n]", body, maxsplit=1)[0]
        comma, tab, semicolon = (one in first for one in ",\t;")
        by_decimal = form.get("decimal") == ","
        separator = (
            "," if comma and not by_decimal else "\t" if tab else ";" if semicolon or by_decimal else ","
        )
    one = re.escape(separator)
    cell = re.compile(rf'"((?:[^"]|"")*)"({one}|\r?\n|\Z)|([^{one}\r\n]*)({one}|\r?\n|\Z)')
    rows: list[Row] = []
    cells: list[str] = []
    at, line, begun = 0, 1, 1
    while at < len(body) or cells:
        match = cell.match(body, at)
        if match is None or (match[3] or "").startswith('"'):
            raise NotFound(f"{path} is not a table: a quote is not closed, or stray, in line {line}")
        cells.append(match[3] if match[1] is None else match[1].replace('""', '"'))
        line += match[0].count("\n")
        at = match.end()
        if (match[2] if match[1] is not None else match[4]) == separator:
            continue
        if len(cells) > 1 or cells[0] != "":
            rows.append(Row(begun, cells))
        cells, begun = [], line
    return rows


BLANK = f"[{SPACE}]*(?:NA)?[{SPACE}]*"


def is_blank(cell: str) -> bool:
    return re.fullmatch(BLANK, cell) is not None


def find_in_csv(text: str, source: Source, path: str) -> list[str]:
    all_rows = parse_csv(text, source.format, path)
    if not all_rows:
        raise NotFound(f"{path} is empty, where a table was looked for")
    width_of = len(all_rows[0].cells)
    for row in all_rows[1:]:
        if len(row.cells) != width_of:
            raise NotFound(
                f"{path} has {len(row.cells)} cells in line {row.line} and {width_of} in its first"
            )
    if source.format.get("header") is False:
        header, rows = [str(index) for index in range(width_of)], all_rows
    else:
        header, rows = all_rows[0].cells, all_rows[1:]
    at = index_of(header, source.place, path)
    if source.query is None:
        return [row.cells[at] for row in rows if not is_blank(row.cells[at])]
    column, _, wanted = source.query.partition("=")
    key = index_of(header, column, path)
    value = wanted
    if wanted == "last" and not any(row.cells[key] == "last" for row in rows):
        keys = [
            row.cells[key] for row in rows if not is_blank(row.cells[key]) and not is_blank(row.cells[at])
        ]
        value = keys[-1] if keys else ""
    matching = [row for row in rows if is_same(row.cells[key], value)]
    if not matching:
        raise NotFound(f"{path} has no row with {column} = {wanted}")
    found = [row.cells[at] for row in matching if not is_blank(row.cells[at])]
    if not found:
        raise NotFound(f"{path} has a blank {quote(source.place)} in each row with {column} = {wanted}")
    return found


def index_of(header: list[str], column: str, path: str) -> int:
    found = [index for index, name in enumerate(header) if name.strip(SPACE) == column]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotFound(f"{path} has {len(found)} columns called {quote(column)}")
    index = int(column) if re.fullmatch(r"(?:[0-9]|-[1-9])[0-9]{0,5}", column) else len(header)
    if -len(header) <= index < len(header):
        is_numbered = all(name == str(place) for place, name in enumerate(header))
        if is_numbered or header[index].strip(SPACE) == "":
            return index % len(header)
    raise NotFound(f"{path} has no column {quote(column)}, the columns are {', '.join(header[:10])}")


def is_same(cell: str, expected: str) -> bool:
    text = cell.strip(SPACE)
    if text == expected:
        return True
    return text != "" and expected.strip(SPACE) != "" and number_of(text) == number_of(expected)


# Regular expressions, which claims write as JavaScript has them

CLASSES = {"d": "0-9", "w": "A-Za-z0-9_", "s": SPACE.replace("\\", "\\\\")}

LINE_ENDS = "\n\r\u2028\u2029"


def translated(pattern: str) -> str:
    """The pattern for Python's `re`: JavaScript's with the flags m and u.

    Raises NotJudged for what the two do not share.
    """
    written: list[str] = []
    at, in_class = 0, False
    while at < len(pattern):
        one = pattern[at]
        if one == "\\":
            at += escape(pattern, at, in_class, written)
            continue
        if in_class:
            in_class = one != "]"
            written.append("\\[" if one == "[" else "\\" + one if one in "&~|" else one)
        elif one == "[":
            in_class = True
            negated = pattern[at + 1 : at + 2] == "^"
            if pattern[at + 1 + negated : at + 2 + negated] == "]":
                raise NotJudged("an empty class of characters")
            written.append("[^" if negated else "[")
            at += negated
        elif one == ".":
            written.append(f"[^{LINE_ENDS}]")
        elif one == "^":
            written.append(f"(?:(?<=[{LINE_ENDS}])|(?<![\\s\\S]))")
        elif one == "$":
            written.append(f"(?=[{LINE_ENDS}]|\\Z)")
        elif pattern.startswith("(?<", at) and pattern[at + 3 : at + 4] not in ("=", "!"):
            written.append("(?P<")
            at += 2
        elif one == "(" and re.match(r"\(\?(?![:=!<])", pattern[at:]):
            raise NotJudged("a group of its own flags")
        else:
            written.append(one)
        at += 1
    return "".join(written)


def escape(pattern: str, at: int, in_class: bool, written: list[str]) -> int:
    """Writes what an escape stands for, and returns its length."""
    letter = pattern[at + 1 : at + 2]
    if letter.lower() in CLASSES and letter:
        if letter.islower():
            written.append(CLASSES[letter] if in_class else f"[{CLASSES[letter]}]")
        elif in_class:
            raise NotJudged(f"\\{letter} in a class of characters")
        else:
            written.append(f"[^{CLASSES[letter.lower()]}]")
        return 2
    if letter == "b" and not in_class:
        written.append(r"(?:(?<![A-Za-z0-9_])(?=[A-Za-z0-9_])|(?<=[A-Za-z0-9_])(?![A-Za-z0-9_]))")
        return 2
    if letter == "B" and not in_class:
        written.append(r"(?:(?<![A-Za-z0-9_])(?![A-Za-z0-9_])|(?<=[A-Za-z0-9_])(?=[A-Za-z0-9_]))")
        return 2
    code = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]+)\})").match(pattern, at)
    if code:
        written.append(re.escape(chr(int(code[1] or code[2] or code[3], 16))))
        return len(code[0])
    if letter in tuple("tnrfv"):
        written.append("\\" + letter)
        return 2
    if letter in tuple("^$\\.*+?()[]{}|/-"):
        written.append(re.escape(letter))
        return 2
    if letter.isdigit() and letter != "0" and not in_class:
        written.append(f"\\{letter}")
        return 2
    raise NotJudged(f"\\{letter}")


def find_matches(text: str, pattern: str, form: str, path: str) -> list[Json]:
    try:
        expression = re.compile(translated(pattern))
    except re.error as error:
        raise NotJudged(f"a pattern that Python does not read: {error}") from None
    found = limited(lambda: [match[1] for match in expression.finditer(text)], path, pattern)
    if any(group is None for group in found):
        raise NotFound(f"{path} matches /{pattern}/ without its group")
    if not found:
        raise NoMatch(f"{path} has no match for /{pattern}/")
    if form == "value" and len(found) > 1:
        raise NotFound(f"{path} matches /{pattern}/ {len(found)} times, where one value was looked for")
    return [{"value": group, "text": group} for group in found]


class NoMatch(NotFound):
    """Counted, it is 0."""


def limited(search: Callable[[], list[Any]], path: str, pattern: str) -> list[Any]:
    """Ends a search that tries too many ways to match."""
    import signal

    if not hasattr(signal, "setitimer"):
        return search()

    def stop(_number: int, _frame: object) -> None:
        raise NotFound(
            f"{path} was searched for {SEARCH_LIMIT_S} s in vain: /{pattern}/ tries too many ways to match"
        )

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SEARCH_LIMIT_S)
    try:
        return search()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


COLOURS = "\x1b\\[[0-9;]*[A-Za-z]"


def notebook_outputs(text: str, path: str) -> str:
    try:
        cells = json.loads(text).get("cells")
        outputs = [output for cell in cells for output in cell.get("outputs") or []]
        texts = [output_text(output) for output in outputs]
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise NotFound(f"{path} is not a notebook: {error}") from None
    whole = "".join(one if one.endswith("\n") or one == "" else one + "\n" for one in texts)
    return re.sub(COLOURS, "", whole)


def output_text(output: Json) -> str:
    text = output.get("text")
    if text is None:
        text = (output.get("data") or {}).get("text/plain", "")
    return "".join(text) if isinstance(text, list) else str(text)


HEAD = r"(?m)^==== [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z ([^\n]*)$"


def printed_by(step: str, files: Files) -> str:
    """What a step printed, the last time that it ran."""
    log = files.text("log.txt")
    heads = list(re.finditer(HEAD, log))
    own = [index for index, head in enumerate(heads) if head[1].startswith(f"step {step}: ")]
    if not own:
        raise NotFound(f'log.txt has no part of step "{step}"')
    following = heads[own[-1] + 1 : own[-1] + 2]
    if following:
        whole = re.search(
            r"printed more than this log holds: all of it is in (log-[A-Za-z0-9_.-]+)\Z", following[0][1]
        )
        if whole:
            return files.text(whole[1])
    end = following[0].start() if following else len(log)
    return re.sub(COLOURS, "", log[heads[own[-1]].end() + 1 : end])


def mlflow_metric(text: str, source: Source, form: str, path: str) -> list[Json]:
    logged = []
    for line in text.split("\n"):
        parts = line.split()
        if parts:
            step = parts[2] if len(parts) > 2 else "0"
            if len(parts) < 2 or not re.fullmatch(r"-?[0-9]+", step):
                raise NotFound(f"{path} is not a metric of MLflow")
            logged.append((int(step), parts[1]))
    wanted = None if source.query is None else source.query.partition("=")[2]
    if wanted == "last":
        logged = [one for one in logged if one[0] == logged[-1][0]]
    elif wanted is not None:
        logged = [one for one in logged if float(one[0]) == number_of(wanted)]
    if not logged or form == "value" and len(logged) > 1:
        raise NotFound(f"{path} has {len(logged)} values, where one was looked for")
    return [{"value": 0, "text": text} for _, text in logged]


def read_values(source: Source, files: Files, path: str, form: str) -> list[Json]:
    kind, is_chosen = source.kind.name, source.select is not None
    if kind == "pointer":
        return find_in_json(files.json(path), pointer_keys(source.place), form, is_chosen, path)
    if kind == "csv":
        cells = find_in_csv(files.text(path), source, path)
        if form == "value" and len(cells) != 1:
            raise NotFound(f"{path} has {len(cells)} values, where one was looked for")
        return [{"value": cell, "text": cell} for cell in cells]
    if kind == "sha256":
        found = hash_of(files.real(path))
        return [{"value": found, "text": found}]
    if kind == "text":
        text = files.text(path)
        is_notebook = re.search(r"(?i)\.ipynb\Z", path) is not None
        return find_matches(notebook_outputs(text, path) if is_notebook else text, source.place, form, path)
    if kind == "printed":
        return find_matches(printed_by(source.step, files), source.place, form, path)
    if kind == "json lines":
        lines = json_lines(files.text(path), source.query, path)
        return find_in_json(lines, ["*", *pointer_keys(source.place)], form, is_chosen, path)
    if kind == "mlflow":
        return mlflow_metric(files.text(path), source, form, path)
    if kind == "cells":
        return numbers_of_cells(files.text(path), source.place, form, path)
    if kind == "TOML":
        return find_in_json(
            parse_toml(files.text(path), path), pointer_keys(source.place), form, is_chosen, path
        )
    raise NotJudged(f"{CANNOT_READ.get(kind, kind)}")


# What a library is needed for, in words.
CANNOT_READ = {
    "table": "a table in Markdown, HTML or LaTeX",
    "image": "the pixels of a picture",
    "tensorboard": "TensorBoard's events",
    "tracker database": "a tracker's database",
    "wandb": "a file of wandb",
    "YAML": "YAML",
    "unknown": "a file of this kind",
}

# A number that stands alone: no part of a word, a time of day, a version or an address in memory.
ALONE = (
    r"(?<![A-Za-z0-9_.])(?<![0-9]:)[-+]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
    r"(?![A-Za-z0-9_]|:[0-9]|\.[0-9])"
)


def numbers_of_cells(text: str, place: str, form: str, path: str) -> list[Json]:
    """The numbers that the notebook's own code cells printed, of one of them or of all."""
    try:
        cells = json.loads(text)["cells"]
        own = [
            cell
            for cell in cells
            if cell.get("cell_type") == "code"
            and "injected-parameters" not in ((cell.get("metadata") or {}).get("tags") or [])
        ]
        printed = ["\n".join(map(cell_output, cell.get("outputs") or [])) for cell in own]
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError) as error:
        raise NotFound(f"{path} is not a notebook: {error}") from None
    which = place.partition("=")[2]
    if which and int(which) > len(printed):
        raise NotFound(f"{path} has {len(printed)} code cells, and no cell {which}")
    chosen = [printed[int(which) - 1]] if which else printed
    found = [number for output in chosen for number in re.findall(ALONE, output)]
    where = f"cell {which}" if which else "its cells"
    if not found:
        raise NoMatch(f"{path} has no number in the output of {where}")
    if form == "value" and len(found) > 1:
        raise NotFound(f"{path} has {len(found)} numbers there, where one was looked for")
    return [{"value": number, "text": number} for number in found]


def cell_output(output: Json) -> str:
    """Without what went to standard error, where progress bars are."""
    return "" if output.get("name") == "stderr" else output_text(output)


JSON_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"


def parse_toml(text: str, path: str) -> Any:
    try:
        import tomllib
    except ImportError:
        raise NotJudged("TOML, before Python 3.11,") from None
    try:
        return as_in_json(tomllib.loads(text.lstrip("\ufeff").replace("\r\n", "\n"), parse_float=toml_float))
    except tomllib.TOMLDecodeError as error:
        raise NotFound(f"{path} is not TOML: {error}") from None
    except RecursionError:
        raise NotFound(f"{path} is nested too deep") from None


def toml_float(text: str) -> str:
    plain = text.replace("_", "").lstrip("+")
    if re.fullmatch(JSON_NUMBER, plain):
        return NumberText(plain)
    return Word({"inf": "Infinity", "-inf": "-Infinity"}.get(plain, "NaN"))


def as_in_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_in_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_in_json(inner) for inner in value]
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return NumberText(value)
    raise NotJudged("a date in TOML")


def select_value(found: list[Json], select: str, path: str, is_cell: bool) -> Json:
    if select == "count":
        return as_number(str(len(found)), found)
    if not found:
        raise NotFound(f"{path} holds no value, where [{select}] of many was looked for")
    if select not in ("max", "min", "mean"):
        if not -len(found) <= int(select) < len(found):
            raise NotFound(f"{path} holds only {len(found)} values, where [{select}] was looked for")
        return found[int(select)]
    numbers = [number_with_unit(one, select, path, is_cell) for one in found]
    if any(unit != numbers[0][1] for _, unit in numbers):
        raise NotFound(f"{path} holds values with several units, of which there is no {select}")
    unit = numbers[0][1]
    if select == "mean":
        mean = mean_of([number for number, _ in numbers], 6)
        return as_number(to_text(mean, mean.scale) + (f" {unit}" if unit else ""), found)
    best = 0
    for index in range(1, len(numbers)):
        low, high = (best, index) if select == "max" else (index, best)
        best = best if at_most(numbers[high][0], numbers[low][0]) else index
    return found[best]


def number_with_unit(found: Json, select: str, path: str, is_cell: bool) -> tuple[Decimal, str]:
    text = number_in_cell(found["text"]) if is_cell else found["text"].strip(SPACE)
    match = re.fullmatch(
        rf"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)[{SPACE}]*([^0-9{SPACE}.,][^{LINE_ENDS}]*)?",
        text,
    )
    number = parse_decimal(match[1]) if match else None
    if number is None or match is None or isinstance(found["value"], bool):
        raise NotFound(f"{path} holds {quote(cut(found['text']))}, of which there is no {select}")
    return number, match[2] or ""


def as_number(text: str, found: list[Json]) -> Json:
    is_text = any(isinstance(one["value"], str) for one in found)
    return {"value": text if is_text else 0, "text": text}


def in_format(found: Json, form: Json) -> Json:
    if not isinstance(found["value"], str):
        return found
    text = with_point(found["text"], form)
    return {"value": text, "text": text}


def observe(claim: Json, files: Files, evidence: Json) -> Json:
    """What stands at a claim's source; only files that the step left count."""
    source = parse_source(claim)
    form = "list" if claim["type"] == "curve" else "value"
    path = source.path
    try:
        path = files.only(path) if "*" in path else path
        refuse_what_was_not_made(source.step, path, evidence)
        wanted = "list" if source.select is not None else form
        try:
            found = read_values(source, files, path, wanted)
        except NoMatch:
            if source.select != "count":
                raise
            found = []
        if source.format.get("decimal") == "," or source.format.get("thousands") is not None:
            found = [in_format(one, source.format) for one in found]
        if source.select is not None:
            found = [select_value(found, source.select, path, source.kind.is_cell)]
        return {"found": True, "list": found} if form == "list" else {"found": True, **found[0]}
    except NotFound as error:
        return {"found": False, "looked": claim["from"], "reason": str(error)}


def refuse_what_was_not_made(step: str, path: str, evidence: Json) -> None:
    if not path.startswith(f"{step}/"):
        return  # the log is the runner's own
    record = (evidence.get("steps") or {}).get(step) or {}
    inner = path[len(step) + 1 :]
    if inner in (record.get("untouched") or []):
        raise NotFound(f"{inner} was there before and was not written: it is not computed in this run")
    if not any(output["path"] == inner for output in record.get("outputs") or []):
        raise NotFound(f"{path} was not made by the run")


# Run folders


INTERPRETER = ("python", "implementation", "executable", "platform", "machine", "packages")


def conditions_of(evidence: Json, step: str) -> Json:
    record = (evidence.get("steps") or {}).get(step) or {}
    attempt = evidence["attempts"][record.get("attempt", -1)]
    gpus = attempt["host"].get("gpus") or []
    used = devices_of(record.get("recorded") or {})
    device = (None if gpus else "cpu") if used is None else "cuda" if used else "cpu"
    image = attempt["environment"].get("image")
    if image is None:
        own = attempt["host"].get("image")
        image = {"name": "none"} if own is None else image_named(own["name"])
    found: Json = {"image": image}
    if device == "cpu":
        found.update(device="cpu", gpu="none", driver="none")
    elif device is not None:
        names = used if used and all(used) else [gpu["name"] for gpu in gpus]
        found.update(device=device, gpu=" and ".join(sorted(set(names))) or None)
        found["driver"] = gpus[0].get("driver") if gpus else None
    return found


def image_named(reference: str) -> Json:
    name, mark, digest = reference.partition("@")
    return {"name": name, "digest": digest} if mark else {"name": name}


def devices_of(recorded: Json) -> list[str] | None:
    processes = [recorded.get("environment"), *(one.get("kernel") for one in recorded.get("notebooks") or [])]
    frameworks = [
        entry
        for process in processes
        for name, entry in (process or {}).items()
        if name not in INTERPRETER and isinstance(entry, dict)
    ]
    if not frameworks:
        return None
    found: list[str] = []
    for framework in frameworks:
        devices = framework.get("devices")
        for device in devices if isinstance(devices, list) else []:
            if not isinstance(device, str):
                found.append(device["name"])
            elif "GPU" in device:
                found.append("")
    return found


def failed_steps(plan: Json, evidence: Json) -> list[Json]:
    failed = []
    for name in (step["name"] for step in plan["steps"]):
        record = (evidence.get("steps") or {}).get(name) or {"status": "not run"}
        status = record["status"]
        if status in ("done", "reused"):
            continue
        shown = status if status in ("failed", "not run") else "interrupted"
        failed.append({"step": name, "status": shown, "detail": record.get("problem", "")})
    return failed


def alterations(directory: str, evidence: Json) -> list[str]:
    """What of the folder is not what was recorded when the run ended."""
    found = []
    recorded: dict[str, Json] = {
        f"{step}/{output['path']}": output
        for step, record in (evidence.get("steps") or {}).items()
        for output in record.get("outputs") or []
    }
    recorded["plan.json"] = {"sha256": evidence["planSha256"]}
    receipt = os.path.join(directory, "receipt.json")
    if os.path.lexists(receipt):
        try:
            files = files_of_receipt(Files(directory).text("receipt.json"))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, NotFound):
            found.append("receipt.json: other bytes than were written")
            files = {}
        for path, stated in files.items():
            if path in recorded and any(
                recorded[path].get(key, stated[key]) != stated[key] for key in stated
            ):
                found.append("receipt.json: states something else than the records do")
            recorded[path] = stated
    root = os.path.realpath(directory)
    for path, stated in recorded.items():
        problem = alteration(root, path, stated)
        if problem is not None:
            found.append(f"{path}: {problem}")
    return found


def files_of_receipt(text: str) -> Json:
    """What a receipt of either version says of the files, by their paths."""
    receipt = json.loads(text)
    if "statement" in receipt:
        written = text[text.index('"statement":') + 12 : -1]
        if sha256(written.encode()).hexdigest() != receipt["sha256"]:
            raise ValueError
        first: Json = receipt["statement"]["files"]
        return first
    if "payload" in receipt:
        import base64

        receipt = json.loads(base64.b64decode(receipt["payload"], validate=True))
    stated: Json = {
        subject["name"]: {"bytes": subject["annotations"]["bytes"], "sha256": subject["digest"]["sha256"]}
        for subject in receipt["subject"]
    }
    reproduction = receipt["predicate"]["reproduction"]
    stated.update({path: {"link": target} for path, target in reproduction["links"].items()})
    whole = {key: value for key, value in reproduction.items() if key not in ("links", "sha256")}
    canonical = json.dumps(in_order({**whole, "files": stated}), ensure_ascii=False, separators=(",", ":"))
    if sha256(canonical.encode()).hexdigest() != reproduction["sha256"]:
        raise ValueError
    return stated


def in_order(value: Any) -> Any:
    """With sorted keys, as RFC 8785 sorts them."""
    if isinstance(value, dict):
        is_plain = all(map(str.isascii, value))
        keys = (
            sorted(value)
            if is_plain
            else sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        )
        return {key: in_order(value[key]) for key in keys}
    return [in_order(one) for one in value] if isinstance(value, list) else value


def alteration(root: str, path: str, stated: Json) -> str | None:
    at = os.path.join(root, path)
    if stated.get("link") is not None:
        is_same_link = os.path.islink(at) and os.readlink(at) == stated["link"]
        return None if is_same_link else "another link than recorded"
    if not os.path.realpath(at).startswith(root + os.sep):
        return "recorded, and now it is a link that leaves the folder"
    if not os.path.isfile(at):
        return "recorded, and not there any more"
    is_same_file = (
        os.path.getsize(at) == stated.get("bytes", os.path.getsize(at)) and hash_of(at) == stated["sha256"]
    )
    return None if is_same_file else "other bytes than recorded"


def short_integer(text: str) -> int:
    """A number with a million digits is no record's, and takes minutes to read."""
    if len(text) > LONGEST_NUMBER:
        raise ValueError("a number is too long")
    return int(text)


def read_record(directory: str, name: str) -> Json:
    path = os.path.join(directory, name)
    if not os.path.isfile(path):
        raise Problem(f"{directory} is not a run folder: it holds no {name}")
    if os.path.getsize(path) > (LARGEST_PLAN if name == "plan.json" else LARGEST_FILE):
        raise Problem(f"Cannot read {path}: it is too large")
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file, parse_int=short_integer)
    except (ValueError, RecursionError) as error:
        raise Problem(f"Cannot read {path}: {error}") from None
    if not isinstance(record, dict) or record.get("schema") != 1:
        raise Problem(f"Cannot read {path}: it was written by another version of this project")
    return record


def judge_run(directory: str) -> Json:
    evidence, plan = read_record(directory, "evidence.json"), read_record(directory, "plan.json")
    claims = plan["experiment"].get("claims")
    if claims is None:
        raise Problem(
            "plan.json is of an older version, whose claims only YAML has: deno task verify judges them"
        )
    steps = [step["name"] for step in plan["steps"]]
    if plan["task"] != "reproduce":
        claims = [claim for claim in claims if parse_source(claim).step in steps]
    authors = plan["experiment"].get("authors") or {}
    named = {parse_source(claim).step for claim in claims}
    state = {
        "run": evidence["run"],
        "parametersChanged": evidence["changed"],
        "failedSteps": failed_steps(plan, evidence),
        "conditions": {
            step: {"run": conditions_of(evidence, step), "authors": authors.get(step, {})} for step in named
        },
    }
    files = Files(directory)
    checks, not_judged = [], []
    for claim in claims:
        try:
            checks.append(judge_claim(claim, observe(claim, files, evidence), state))
        except NotJudged as why:
            not_judged.append(f"{claim['name']}: {why} is not read here")
    altered = alterations(directory, evidence)
    good = ("identical", "within tolerance", "consistent", "equivalent", "not applicable")
    holds = evidence["status"] == "done" and not altered
    return {
        "run": evidence["run"],
        "checks": checks,
        "remarks": [
            {"step": step, "remark": remark}
            for step, record in (evidence.get("steps") or {}).items()
            for remark in record.get("remarks") or []
        ],
        "not_judged": not_judged,
        "altered": altered,
        # Of claims that nobody judged nobody knows: null.
        "holds": (None if not_judged else True)
        if holds and all(check["verdict"] in good for check in checks)
        else False,
    }


def show(verdict: Json) -> Iterator[str]:
    rows = [("claim", "claimed", "obtained", "verdict")]
    for check in verdict["checks"]:
        unit = f" {check['unit']}" if "unit" in check else ""
        rows.append((check["claim"], check["claimed"] + unit, check["obtained"], check["verdict"]))
    widths = [max(len(printable(row[column])) for row in rows) for column in range(4)]
    for row in rows:
        yield "  ".join(printable(cell).ljust(size) for cell, size in zip(row, widths)).rstrip()
    for check in verdict["checks"]:
        if check["verdict"] not in ("identical", "within tolerance"):
            yield printable(f"{check['claim']}: {check['detail']}")
    for one in verdict["remarks"]:
        yield printable(f'remark: the step "{one["step"]}" {one["remark"]}')
    yield from (printable(f"cannot judge {what}") for what in verdict["not_judged"])
    yield from (printable(f"altered: {what}") for what in verdict["altered"])
    if verdict["holds"] is None:
        count, left = len(verdict["checks"]), len(verdict["not_judged"])
        yield f"Cannot judge {left} of {count + left} claims here, the others hold: see deno task verify"
    else:
        yield "Every claim holds" if verdict["holds"] else "Not every claim holds"


CONTROL = "[\u0000-\u001f\u007f-\u009f]"


def printable(text: str) -> str:
    """Records of others may hold what a terminal obeys."""
    return text if text.isprintable() else re.sub(CONTROL, "�", text)


# Vectors


def vectors_in(path: str) -> Iterator[tuple[str, Json]]:
    if path == "-":
        for number, line in enumerate(sys.stdin.buffer):
            yield f"line {number + 1}", json.loads(line)
    elif os.path.isdir(path):
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(one for one in names if one.endswith(".json")):
                yield from vectors_in(os.path.join(folder, name))
    else:
        with open(path, encoding="utf-8") as file:
            yield path, json.load(file)


def doubles(value: Any) -> Any:
    """The same with all numbers as JSON's other readers have them."""
    if isinstance(value, dict):
        return {key: doubles(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [doubles(inner) for inner in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def check_vectors(paths: Iterable[str]) -> int:
    count = wrong = 0
    for path in paths:
        for name, vector in vectors_in(path):
            count += 1
            found = judge_claim(vector["claim"], vector.get("observation"), vector.get("state") or {})
            expected = vector["verdict"]
            if doubles(found) != doubles(expected):
                wrong += 1
                if wrong <= 10:
                    print(
                        f"{name}: expected {json.dumps(expected)}, found {json.dumps(found)}", file=sys.stderr
                    )
    print(f"{count - wrong} of {count} vectors agree")
    return 0 if count > 0 and wrong == 0 else 1


def main(arguments: list[str]) -> int:
    # Numbers of claims are short; those of products of theirs may be long.
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")
    try:
        if len(arguments) > 1 and arguments[0] == "--vectors":
            return check_vectors(arguments[1:])
        runs = [one for one in arguments if one != "--json"]
        if len(runs) != 1 or runs[0].startswith("-"):
            print("usage: judge.py RUN [--json] | judge.py --vectors PATH ...", file=sys.stderr)
            return 2
        verdict = judge_run(runs[0])
    except Problem as problem:
        print(printable(str(problem)), file=sys.stderr)
        return 2
    except (KeyError, TypeError, IndexError, AttributeError, ValueError, OSError, RecursionError) as error:
        print(
            printable(f"Cannot judge: the records are not what they should be ({error!r})"), file=sys.stderr
        )
        return 2
    if "--json" in arguments:
        print(json.dumps(verdict, ensure_ascii=False, indent=2))
    else:
        print("\n".join(show(verdict)))
    return 3 if verdict["holds"] is None else 0 if verdict["holds"] else 1


if __name__ == "__main__":
    gc.disable()  # it ends before there is anything to collect
    code = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # Taking down all that was imported would take a tenth of the whole.
