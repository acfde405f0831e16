/** Claims on a source of each kind, and a run that answers them: what several judges must agree on. */

/** A step that leaves a file of each kind. */
export const TRAIN = String.raw`
import json, os, struct, sys, zlib
out = sys.argv[1]
open(out + "/m.json", "w", encoding="utf-8").write(
    '\ufeff{"a": [1.0, 2.50, 3e0], "b": {"x/y": true, "z~": "精度"}, "n": null, "nan": NaN,'
    ' "log": [{"loss": 0.50}, {"other": 1}, {"loss": 0.250}, {"loss": null}], "twice": 1, "twice": 2}')
open(out + "/h.csv", "w").write('epoch,acc,note\n1,48.89,"a, ""b"""\n2,68.15,\n10,86.10,NA\n')
open(out + "/cells.csv", "w", encoding="utf-8").write(
    'm,v\na,"1.068,10"\nb,94.1 ± 0.2\nc,**94.1**\nd,$94.1\\pm0.2$\ne,94.1 (0.2)\nf,"27,000"\ng,94.1%\nh,12.5 ± 0.1 ms\ni,"1 068,10"\n')
open(out + "/s.tsv", "w").write("x\ty\n1\t5,5\n")
open(out + "/t.dat", "w").write("1 2.5\n2 3.5\n")
open(out + "/l.jsonl", "w").write('{"step": 1, "loss": 0.9}\n\n{"step": 2, "loss": 0.70}\n{"note": "x"}\n')
open(out + "/log.txt", "w", newline="").write("acc: 1.5\r\nacc: 2.5 %\nloss=3\u2028acc: 9\n")
os.makedirs(out + "/mlruns/0/abc/metrics")
open(out + "/mlruns/0/abc/metrics/acc", "w").write("1 0.5 0\n2 0.75 1\n")
json.dump({"cells": [{"outputs": [{"text": ["acc 1", "2.5\n"]}, {"data": {"text/plain": "42"}}]}, {"source": "acc 7"}]},
          open(out + "/n.ipynb", "w"))
code = lambda *outputs, **more: {"cell_type": "code", "outputs": list(outputs), **more}
json.dump({"cells": [code({"text": "9"}, metadata={"tags": ["injected-parameters"]}),
                     code({"text": ["acc 86.10 %, v1.2.3 at 12:30\n"]}, {"name": "stderr", "text": "50"}),
                     {"cell_type": "markdown", "source": "7"}, code({"data": {"text/plain": "[1, -2.5e3, .5]"}}), code()]},
          open(out + "/c.ipynb", "w"))
open(out + "/r.md", "w").write("| m | v |\n|---|---|\n| A | 5 |\n")
open(out + "/r.yaml", "w").write("v: 5\n")
open(out + "/r.tex", "w").write(r"\begin{tabular}{ll} m & v \\ A & 5 \\ \end{tabular}")
chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
open(out + "/p.png", "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 3, 8, 2, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + bytes(range(6 * row, 6 * row + 6)) for row in range(3)))) + chunk(b"IEND", b""))
open(out + "/r.toml", "w").write('v = 1_0.50\nw = +5\nx = 0x1F\nbig = inf\nlist = [1.0, 2.50]\n[a.b]\nt = "86.10 %"\nok = true\n[[many]]\nm = 1\n[[many]]\nm = 2e1\n')
os.makedirs(out + "/deep/er")
open(out + "/deep/er/one.json", "w").write('{"v": 7}')
open(out + "/deep.json", "w").write("[" * 600 + "]" * 600)
print("final accuracy: \x1b[1m99.44\x1b[0m")
print("twice 1"); print("twice 2")
`;

/** From, value, and what else is said of it. */
export type Claim = [from: string, value: string, more?: string];

/** What every judge reads. */
export const CLAIMS: Claim[] = [
  ["train/m.json#/a/0", "1.0"],
  ["train/r.toml#/v", "10.50"],
  ["train/r.toml#/w", "5"],
  ["train/r.toml#/x", "31"],
  ["train/r.toml#/big", "5"],
  ["train/r.toml#/list", "[1, 2.5]"],
  ["train/r.toml#/a/b/t", "86.10", 'unit: "%"'],
  ["train/r.toml#/a/b/ok", "true"],
  ["train/r.toml#/many/*/m", "[1, 20]"],
  ["train/r.toml#/many/1/m", "20"],
  ["train/c.ipynb#cell=1", "86.1"],
  ["train/c.ipynb#cell=2", "5"],
  ["train/c.ipynb#cell=2[1]", "-2500"],
  ["train/c.ipynb#cells[count]", "4"],
  ["train/c.ipynb#cells[max]", "86.10"],
  ["train/c.ipynb#cell=3", "5"],
  ["train/c.ipynb#cell=9", "5"],
  ["train/m.json#/a/-1", "3"],
  ["train/m.json#/a/7", "3"],
  ["train/m.json#/a/x", "3"],
  ["train/m.json#/a", "[1, 2.5, 3]"],
  ["train/m.json#/a[max]", "3"],
  ["train/m.json#/a[min]", "1.0"],
  ["train/m.json#/a[mean]", "2.17"],
  ["train/m.json#/a[count]", "3"],
  ["train/m.json#/a[1]", "2.5"],
  ["train/m.json#/a[9]", "2.5"],
  ["train/m.json#/b/x~1y", "true"],
  ["train/m.json#/b/z~0", "精度"],
  ["train/m.json#/b", "5"],
  ["train/m.json#/n", "5"],
  ["train/m.json#/nan", "5"],
  ["train/m.json#/gone", "5"],
  ["train/m.json#/log/*/loss", "[0.5, 0.25]"],
  ["train/m.json#/log/*/loss[-1]", "0.25"],
  ["train/m.json#/log/*/gone[-1]", "0.25"],
  ["train/m.json#/twice", "2"],
  ["train/m.json#sha256", '"' + "0".repeat(64) + '"'],
  ["train/h.csv?epoch=10#acc", "86.10"],
  ["train/h.csv?epoch=10.0#acc", "86.1"],
  ["train/h.csv?epoch=last#acc", "86.1"],
  ["train/h.csv?epoch=3#acc", "86.1"],
  ["train/h.csv?epoch=1#note", "'a, \"b\"'"],
  ["train/h.csv?epoch=2#note", "x"],
  ["train/h.csv#acc", "[48.89, 68.15, 86.10]"],
  ["train/h.csv#gone", "[1]"],
  ["train/h.csv#acc[max]", "86.1"],
  ["train/s.tsv?x=1#y", "5.5", 'format: { decimal: "," }'],
  ...["a", "b", "c", "d", "e", "f", "g", "h", "i"].map((
    row,
  ): [string, string] => [`train/cells.csv?m=${row}#v`, "94.1"]),
  ["train/cells.csv?m=a#v", "1068.10", 'format: { decimal: ",", thousands: "." }'],
  ["train/cells.csv?m=f#v", "27000", 'format: { thousands: "," }'],
  ["train/cells.csv?m=i#v", "1068.10", 'format: { decimal: ",", thousands: " " }'],
  ["train/cells.csv?m=h#v", "12.5", "unit: ms"],
  ["train/cells.csv#v[max]", "94.1"],
  ["train/t.dat?0=2#1", "3.5", "format: { separator: space, header: false }"],
  ["train/t.dat#-1", "[2.5, 3.5]", "format: { separator: space, header: false }"],
  ["train/l.jsonl?step=2#/loss", "0.7"],
  ["train/l.jsonl?step=last#/loss", "0.7"],
  ["train/l.jsonl?step=9#/loss", "0.7"],
  ["train/l.jsonl#/loss", "[0.9, 0.7]"],
  [String.raw`train/log.txt~/^acc: (\S+)$/`, "1.5"],
  [String.raw`train/log.txt~/acc: ([\d.]+)/[-1]`, "9"],
  [String.raw`train/log.txt~/^acc: (.*)$/[count]`, "3"],
  [String.raw`train/log.txt~/acc: (?<v>2\.5) %/`, "2.5"],
  [String.raw`train/log.txt~/nothing (\d)/`, "2.5"],
  [String.raw`train/log.txt~/nothing (\d)/[count]`, "0"],
  [String.raw`train/log.txt~/acc: ([\d.]+)/`, "[1.5, 2.5, 9]"],
  [String.raw`train/log.txt~/acc: ([\d.]+)/[mean]`, "4.33"],
  ["train/mlruns#acc[-1]", "0.75"],
  ["train/mlruns?step=0#acc", "0.5"],
  [String.raw`train/n.ipynb~/acc (\S+)/`, "12.5"],
  [String.raw`train/n.ipynb~/^(42)$/`, "42"],
  [String.raw`train~/final accuracy: (\S+)/`, "99.44"],
  [String.raw`train~/twice (\d)/`, "1"],
  [String.raw`train~/twice (\d)/[-1]`, "2"],
  ["train/**/one.json#/v", "7"],
  ["train/**/none.json#/v", "7"],
  ["train/deep/*/one.json#/v", "7"],
  ["train/deep.json#/0", "7"],
  ["train/gone.json#/v", "7"],
  ["train/link.json#/v", "7"],
];

/** What `judge.py` leaves to others. */
export const NOT_IN_PYTHON: Claim[] = [
  ["train/r.md?m=A#v", "5"],
  ["train/r.tex?m=A#v", "5"],
  ["train/r.yaml#/v", "5"],
  ["train/p.png#image", `"${"0".repeat(64)}"`],
];

export function experiment(claims: Claim[]): string {
  const lines = claims.map(([from, value, more], index) =>
    `  - { name: "${index} of ${claims.length}", from: ${JSON.stringify(from)}, value: ${value}${
      more === undefined ? "" : `, ${more}`
    } }`
  );
  return `name: test\nsteps: { train: { run: [python, train.py, "{out}"] } }\nclaims:\n${lines.join("\n")}\n`;
}
