"""The table at the end of demo.sh, from the reports and measurements of its two variants in a folder."""
import json
import sys

folder, data = sys.argv[1:]


def column(variant):
    with open(f"{folder}/{variant}.json", encoding="utf-8") as file:
        report = json.load(file)

    def measured(what):
        with open(f"{folder}/{variant}.{what}", encoding="utf-8") as file:
            return file.read().strip()

    total, imported = report["total"], report["imported_total"]
    accuracy = [row["score"] for row in report["accuracies"] if row["what"] == "test, emitted C"]
    return {
        f"test accuracy of the compiled C ({data})": accuracy[0],
        "weights left": f"{total['nonzeros']:,} of {imported['weights']:,}",
        "weights and indices, bytes": f"{total['weight_bytes']:,}",
        "biases and scales, bytes": f"{total['parameter_bytes']:,}",
        "host executable (.dec of size), bytes": f"{int(measured('dec')):,}",
        "host time, us an inference (cc -O2)": measured("us"),
        "Cortex-M4 instructions an inference (QEMU)": f"{int(measured('m4')):,}",
        "arena, bytes": f"{report['arena_bytes']:,}",
    }


dense, compressed = column("dense"), column("compressed")
rows = [("LeNet-5", "dense float", "compressed")] + [(name, dense[name], compressed[name]) for name in dense]
widths = [max(len(row[i]) for row in rows) for i in range(3)]
for number, row in enumerate(rows):
    print(f"| {row[0]:<{widths[0]}} | {row[1]:>{widths[1]}} | {row[2]:>{widths[2]}} |")
    if number == 0:
        print(f"|{'-' * (widths[0] + 2)}|{'-' * (widths[1] + 1)}:|{'-' * (widths[2] + 1)}:|")
