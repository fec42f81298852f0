"""The tables that tools/tables.sh prints: compiles the variants of a net, measures them, and prints Markdown.

Usage: tables.py lenet5|cifar10 DATA OUT
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys

# Of the paper, from the executables' .hex figures in its tables 4 and 5; onnx2c is measured as our own are.
PAPER = {
    "lenet5": {"dense": 0x40DAF, "pruned": 0xB4DF, "int8": 0x5351},
    "cifar10": {"dense": 0x2FDAB, "pruned": 0x16703, "int8": 0x9EE1},
}
# Thousand instructions on the Cortex-M4 of the papers' generated code and of onnx2c's, where they were measured.
OTHERS_M4 = {"lenet5": {"dense": "8,154", "int8": "5,703", "onnx2c": "1,858"}}
NAMES = {"dense": "dense float", "pruned": "pruned float", "int8": "pruned int8", "default": "by default"}


def run(*command, log=None):
    print("tables:", " ".join(command)[:200], file=sys.stderr, flush=True)
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"tables: {command[0]} failed:\n{result.stdout[-2000:]}{result.stderr[-2000:]}")
    if log:
        log.write_text(result.stdout)
    return result.stdout


class Net:
    def __init__(self, name, data, out):
        self.name, self.out = name, pathlib.Path(out)
        self.model = f"test/models/seed_{name}.onnx"
        if name == "lenet5":
            keys = "resize=32x32,scale=1/255"
            train, test = f"{data}/train-images-idx3-ubyte:{keys}", f"{data}/t10k-images-idx3-ubyte:{keys}"
            split = 50000, 60000
        else:
            keys = "scale=1/255,mean=0.5,std=0.5"
            batches = "+".join(f"{data}/data_batch_{i}.png" for i in range(1, 6))
            train = f"{batches}:labels={data}/train_lables.json,{keys}"
            test = f"{data}/test_batch.png:labels={data}/test_lables.json,{keys}"
            split = 40000, 50000
        self.test = f"--test={test}"
        self.train = f"--train={train},range=0..{split[0]}"
        self.validate = f"--validate={train},range={split[0]}..{split[1]}"
        self.calibrate = f"--calibrate={train},range=0..{split[0]},samples=512,seed=1"
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir(parents=True)
        self.sizes, self.reports, self.times, self.m4 = {}, {}, {}, {}

    def compile(self, variant, model, *flags):
        """Compiles a variant, links it with one constant image, and counts its instructions."""
        folder = self.out / variant
        text = run("build/bin/onnx-mcuc", model, f"--name={self.name}", "-o", str(folder), "--example",
                   f"--report={folder}.json", self.test, *flags, log=self.out / f"{variant}.log")
        self.reports[variant] = json.loads(pathlib.Path(f"{folder}.json").read_text())
        self.times[variant] = float(re.search(r"time on this machine: ([\d.]+)", text).group(1))
        program = str(folder / self.name)
        run("gcc", "-O2", f"{program}.c", f"{program}_example.c", "-o", program, "-lm")
        self.sizes[variant] = run("size", program).splitlines()[1].split()[:5]
        self.m4[variant] = int(run("test/benchmark/measure.sh", f"{program}.c", "m4").splitlines()[1].split()[1])

    def build(self):
        self.compile("dense", self.model)
        pruned = str(self.out / "pruned.mcu")
        run("build/bin/onnx-mcuc", self.model, "--emit=ir", "-o", pruned, self.train, self.validate,
            "--passes=canonicalize,fuse,prune-search{method=level max-drop=0.01}")
        layers = [row for row in self.reports["dense"]["layers"] if row["weights"]]
        skips = {op: ";".join(row["name"] for row in layers if row["op"] != op) for op in ("conv", "fc")}
        for stem, quantize in (("pruned", ""), ("int8", "quantize,prune-channels,")):
            for kernels, options in (("", "objective=size"), ("-none", ""),
                                     ("-conv", f"objective=size skip={skips['conv']}"),
                                     ("-fc", f"objective=size skip={skips['fc']}")):
                encode = f"csc-encode{{{options}}}," if options else ""
                flags = [f"--passes={quantize}{encode}select-kernels,plan-buffers"]
                if quantize:
                    flags.append(self.calibrate)
                self.compile(stem + kernels, pruned, *flags)
        self.compile("default", self.model, "--max-drop=0.01", self.train, self.validate, self.calibrate)

    def accuracy(self, variant):
        return next(row["score"] for row in self.reports[variant]["accuracies"] if row["what"] == "test, emitted C")

    def zeros(self, variant):
        total = self.reports[variant]["total"]["nonzeros"]
        return 1 - total / self.reports["dense"]["total"]["weights"]


def table(title, head, rows):
    print(f"\n**{title}**\n")
    print("| " + " | ".join(head) + " |")
    print("|---" + "|---:" * (len(head) - 1) + "|")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


def main():
    net = Net(*sys.argv[1:4])
    net.build()
    paper, others = PAPER[net.name], OTHERS_M4.get(net.name, {})
    variants = ["dense", "pruned", "int8", "default"]
    dense = int(net.sizes["dense"][3])

    rows = []
    for v in variants:
        dec = int(net.sizes[v][3])
        beside = f"{paper[v]:,} ({paper['dense'] / paper[v]:.2f}x)" if v in paper else ""
        rows.append([NAMES[v], net.accuracy(v), f"{100 * net.zeros(v):.1f} %", f"{net.times[v]:.1f}", f"{dec:,}",
                     f"{dense / dec:.2f}x", beside])
    table(f"{net.name}, table 1: accuracy, size and time on this machine",
          ["", "test accuracy", "zeros", "us", "executable, bytes", "smaller", "the paper's"], rows)

    layers = [row for row in net.reports["dense"]["layers"] if row["weights"]]
    rows = []
    for row in layers + [net.reports["dense"]["total"]]:
        cells = [row["name"], f"{row['weights']:,}"]
        for v in variants[1:]:
            report = net.reports[v]
            same = report["total"] if row["name"] == "total" else next(
                (other for other in report["layers"] if other["name"] == row["name"]), {"nonzeros": 0})
            cells.append(f"{same['nonzeros']:,} ({100 * (1 - same['nonzeros'] / row['weights']):.1f} %)")
        rows.append(cells)
    table(f"{net.name}, table 2: weights that are not zero (and zeros) a layer",
          ["layer", "weights"] + [NAMES[v] for v in variants[1:]], rows)

    rows = [[NAMES["dense"], "", f"{net.times['dense']:.1f}", f"{net.m4['dense'] // 1000:,}", others.get("dense", "")]]
    for v in ("pruned", "int8"):
        for suffix, kernels in (("-none", "none"), ("-conv", "conv"), ("-fc", "fc"), ("", "both")):
            rows.append([NAMES[v], kernels, f"{net.times[v + suffix]:.1f}", f"{net.m4[v + suffix] // 1000:,}",
                         others.get(v, "") if not suffix else ""])
    rows.append([NAMES["default"], "both", f"{net.times['default']:.1f}", f"{net.m4['default'] // 1000:,}", ""])
    if "onnx2c" in others:
        rows.append(["onnx2c, dense float", "", "", "", others["onnx2c"]])
    table(f"{net.name}, table 3: time on this machine and on a Cortex-M4, by which layers have sparse kernels",
          ["", "sparse kernels", "us", "M4, thousand instructions", "others, measured alike"], rows)

    number = 4 if net.name == "lenet5" else 5
    rows = [[NAMES[v], *(f"{int(n):,}" for n in net.sizes[v][:4]), net.sizes[v][4],
             f"{dense / int(net.sizes[v][3]):.2f}x", f"{paper[v]:,}" if v in paper else ""] for v in variants]
    table(f"{net.name}, table {number}: sections of the executables (gcc -O2, one constant image)",
          ["", ".text", ".data", ".bss", ".dec", ".hex", "smaller", "the paper's .dec"], rows)


if __name__ == "__main__":
    main()
