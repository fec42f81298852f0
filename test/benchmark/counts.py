#!/usr/bin/env python3
"""What emitted models cost on emulated cores, beside the figures stored in counts.csv.

    counts.py [--compiler=build/bin/onnx-mcuc] [--shared=../shared] [--update] [--only=TEXT] [--stored=counts.csv]
    counts.py --emit=FOLDER [--only=TEXT]    # only writes the C files, for the benchmark of the host

For each model and core: instructions of one call, per multiply-accumulate that is executed, bytes of code and of tables
(.text and .rodata of the emitted file's object), of the arena with inputs and outputs in it, and of stack; behind them
how the instructions compare with the stored ones and with other implementations of the model (baselines.csv).

The exit status is 1 where a figure has risen by more than 3 % over the stored one, or a row is not stored; 77 where
the compiler is another version than that of the stored figures. --update stores what was measured. Rows of models of
--shared are left out where there are none.
"""
import argparse
import concurrent.futures
import csv
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))
import nets  # noqa: E402

FIGURES = ["instructions", "code", "tables", "arena", "stack"]
COLUMNS = ["model", "core", "macs"] + FIGURES
RISE = 0.03
# A rise within these is none: what alignment and one tick of the counter can do.
SLACK = {"instructions": 100, "code": 32, "tables": 16, "arena": 0, "stack": 16}
SKIPPED = 77

SPARSE = ("canonicalize,fuse,prune{sparsity=0.9},quantize,csc-encode{objective=speed},select-kernels,"
          "plan-buffers{io=true}")
# All weights dense, dead channels too.
WHOLE = "canonicalize,fuse,quantize,canonicalize,fuse,plan-buffers{io=true}"
INTEGER, FLOAT, FEW = "m0 m3 m4 m55 fe310", "m4 m7", "m4 m55"


def seed(name):
    return ROOT / "test" / "models" / f"seed_{name}.onnx"


def variants(shared):
    """(name, model, shape of the calibration images or None, further flags, cores)"""
    for name, shape, cores in [("lenet5", "32x32", INTEGER), ("cifar10", "3x32x32", "m0 m4 m55")]:
        yield f"{name} float", seed(name), None, [], FLOAT
        yield f"{name} int8", seed(name), shape, [], cores
        yield f"{name} int8 sparse", seed(name), shape, [f"--passes={SPARSE}"], cores
    for name, (shape, _) in nets.NETS.items():
        size = "x".join(map(str, shape))
        yield f"{name} float", name, None, [], "m4"
        yield f"{name} int8", name, size, [], "m0 m4 m55"
        if name not in ("depthwise", "grouped"):
            yield f"{name} int8 sparse", name, size, [f"--passes={SPARSE}"], "m4"
    for name, folder, shape in [("ResNet-8 int8", "ic_resnet8_float", "3x32x32"), ("DS-CNN int8", "kws_dscnn_int8_qdq", None),
                                ("MobileNetV1 int8", "vww_mobilenetv1_int8_qdq", None)]:
        model = shared / "models" / folder / "model.onnx"
        if not model.exists():
            continue
        yield name, model, shape, [], FEW
        if name.startswith("MobileNet"):  # it has many dead channels
            yield f"{name} whole", model, shape, [f"--passes={WHOLE}"], FEW
        if shape is not None:
            yield f"{name} sparse", model, shape, [f"--passes={SPARSE}"], FEW


def run(command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout


def file_name(title):
    return title.replace(" ", "_").replace("-", "_")


def write_models(folder, names):
    """models.h for host-kernels.cpp: every header, and MODEL(name, NAME, INPUT, OUTPUT) for each model."""
    models = []
    for name in names:
        header = (folder / f"{name}.h").read_text(encoding="utf-8")
        parameters = re.findall(rf"#define {name.upper()}_(\w+)_SIZE", header)
        models.append(f"MODEL({name}, {name.upper()}, {', '.join(parameters)})")
    includes = "".join(f'#include "{name}.h"\n' for name in names)
    text = includes + "#define MCUC_MODELS \\\n  " + " \\\n  ".join(models) + "\n"
    (folder / "models.h").write_text(text, encoding="utf-8")


def emit(work, variant, compiler):
    """Compiles a model into a file of `work` with its name; returns the file and the multiply-accumulates executed."""
    title, model, shape, flags, _ = variant
    name = file_name(title)
    if isinstance(model, str):
        path = work / f"{name}.mcu"  # its own file: variants of a net are compiled side by side
        path.write_text(nets.text(model), encoding="utf-8")
    else:
        path = model
    command = [compiler, path, "-o", work, f"--name={name}", "--quiet", "--threads=1", f"--report={work}/{name}.json"]
    command += flags or ["--io-in-arena"]
    if shape is not None:
        # Eight samples of the strokes' bytes, whatever they mean to the model.
        sample = math.prod(int(d) for d in shape.split("x"))
        images = (work / "images.bin").read_bytes()
        (work / f"{name}.bin").write_bytes((images * (8 * sample // len(images) + 1))[:8 * sample])
        command.append(f"--calibrate={work}/{name}.bin:dtype=u8,shape={shape},scale=1/255")
    run(command)
    report = json.loads((work / f"{name}.json").read_text(encoding="utf-8"))
    # Sparse layers execute the products of nonzero weights, dense ones all.
    macs = sum(layer["executed_macs" if " " in layer.get("encoding", "") else "macs"] for layer in report["layers"])
    return work / f"{name}.c", macs


def measure(source, cores):
    """{core: {figure: number}}"""
    lines = run([HERE / "measure.sh", source] + cores).splitlines()
    head = lines[0].split()
    rows = [dict(zip(head, line.split())) for line in lines[1:]]
    return {row["core"]: {figure: int(row[figure]) for figure in FIGURES} for row in rows}


def read_csv(path):
    if not path.exists():
        return []
    with open(path, encoding="utf-8") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def toolchain():
    return "; ".join(run([f"{p}-gcc", "--version"]).splitlines()[0] for p in ("arm-none-eabi", "riscv64-unknown-elf"))


def stored_toolchain(path):
    if not path.exists():
        return ""
    with open(path, encoding="utf-8") as file:
        return file.readline().lstrip("# ").strip()


def risen(figure, old, new):
    return new > old * (1 + RISE) and new > old + SLACK[figure]


def fallen(figure, old, new):
    return risen(figure, new, old)


def print_row(row, old, baselines):
    each = row["instructions"] / row["macs"] if row["macs"] else 0
    cells = [f"{row['model']:<24}", f"{row['core']:<6}", f"{row['macs']:>9,}", f"{row['instructions']:>11,}", f"{each:>6.2f}"]
    cells += [f"{row[figure]:>8,}" for figure in FIGURES[1:]]
    if old is not None:
        cells.append(f"{100 * (row['instructions'] / int(old['instructions']) - 1):>+8.1f} %")
    else:
        cells.append("       new")
    for other in baselines:
        if other["model"] == row["model"].split()[0] and other["core"] == row["core"]:
            cells.append(f" {other['implementation']}: {int(other['instructions']) / row['instructions']:.1f}x;")
    print(" ".join(cells), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", type=pathlib.Path, default=ROOT / "build" / "bin" / "onnx-mcuc")
    parser.add_argument("--shared", type=pathlib.Path,
                        default=pathlib.Path(os.environ.get("MCUC_SHARED", ROOT.parent / "shared")))
    parser.add_argument("--stored", type=pathlib.Path, default=HERE / "counts.csv")
    parser.add_argument("--only", default="", help="rows whose model has one of these (a,b) in its name")
    parser.add_argument("--update", action="store_true", help="store what is measured")
    parser.add_argument("--emit", type=pathlib.Path, help="write the C files of the models here, and end")
    options = parser.parse_args()
    chosen = [v for v in variants(options.shared) if any(only in v[0] for only in options.only.split(","))]
    strokes = [sys.executable, ROOT / "test" / "EndToEnd" / "Emulator" / "Inputs" / "strokes.py", "60"]
    if options.emit:
        options.emit.mkdir(parents=True, exist_ok=True)
        run(strokes + [options.emit / "images.bin"])
        for variant in chosen:
            emit(options.emit, variant, options.compiler)
        write_models(options.emit, [file_name(variant[0]) for variant in chosen])
        return 0
    if not shutil.which("arm-none-eabi-gcc") or not shutil.which("riscv64-unknown-elf-gcc"):
        print("not measured: there are no cross compilers")
        return SKIPPED

    tools, stored_tools = toolchain(), stored_toolchain(options.stored)
    stored = {(row["model"], row["core"]): row for row in read_csv(options.stored)}
    baselines = read_csv(HERE / "baselines.csv")
    measured, work = {}, tempfile.TemporaryDirectory()
    folder = pathlib.Path(work.name)
    run(strokes + [folder / "images.bin"])

    def cost(variant):
        source, macs = emit(folder, variant, options.compiler)
        costs = measure(source, variant[4].split())
        return [dict(model=variant[0], core=core, macs=macs, **figures) for core, figures in costs.items()]

    print(f"{'model':<24} {'core':<6} {'MACs':>9} {'instructions':>11} {'a MAC':>5} {'code':>8} {'tables':>8} {'arena':>8} "
          f"{'stack':>8} {'change':>8}")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for rows in pool.map(cost, chosen):
            for row in rows:
                measured[row["model"], row["core"]] = row
                print_row(row, stored.get((row["model"], row["core"])), baselines)
    work.cleanup()

    if options.update:
        rows = {**stored, **measured}
        if not options.only:  # rows that are no longer made go, but for those of models that are not here
            shared_names = {v[0] for v in variants(options.shared)}
            rows = {k: v for k, v in rows.items() if k in measured or k[0] not in shared_names}
        with open(options.stored, "w", encoding="utf-8") as file:
            file.write(f"# {tools}\n")
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows.values())
        print(f"stored {len(measured)} rows in {options.stored}")
        return 0

    if tools != stored_tools:
        print(f"not compared: stored for {stored_tools}, this is {tools}")
        return SKIPPED
    failed, better = [], []
    for key, row in measured.items():
        old = stored.get(key)
        if old is None:
            failed.append(f"{' '.join(key)}: not stored")
            continue
        for figure in FIGURES:
            change = f"{' '.join(key)}: {figure} {int(old[figure]):,} -> {row[figure]:,}"
            if risen(figure, int(old[figure]), row[figure]):
                failed.append(change)
            elif fallen(figure, int(old[figure]), row[figure]):
                better.append(change)
    command = f"{pathlib.Path(__file__).name} --update"
    if better:
        print("\nbetter by more than 3 %; `" + command + "` stores it:", *better, sep="\n  ")
    if failed:
        print("\nFAILED, more than 3 % worse than stored (if it is meant, `" + command + "`):", *failed, sep="\n  ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
