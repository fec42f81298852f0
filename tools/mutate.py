"""Mutation testing behind mutate.sh: seeded choice of sites, a copy of the tree with a build of its own, one mutant at a
time. A mutant is caught when a test fails or runs into its time limit; one that does not compile is replaced by another.
The unit tests that are named after what was mutated come first, the others where those pass.
"""
import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time

# Each row: what is found, and what it becomes.
MUTATIONS = [
    (r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > "),
    (r" == ", " != "), (r" != ", " == "),
    (r" \+ ", " - "), (r" - ", " + "), (r" \* ", " + "), (r" / ", " * "), (r" % ", " * "),
    (r" && ", " || "), (r" \|\| ", " && "), (r" << ", " >> "), (r" >> ", " << "),
    (r" \+= ", " -= "), (r" -= ", " += "),
    (r"\btrue\b", "false"), (r"\bfalse\b", "true"),
    (r"\bstd::min\b", "std::max"), (r"\bstd::max\b", "std::min"),
    (r"(?<![\w.\"])0(?![\w.])", "1"), (r"(?<![\w.\"])1(?![\w.])", "2"), (r"(?<![\w.\"])2(?![\w.])", "3"),
    (r"(?<![\w.])(?:127|128|255|256)(?![\w.])", None),  # one more
]


def code_lines(text):
    """(number, line) of lines that are code: no comments, no preprocessor, no lines with text in quotes."""
    in_comment = False
    for number, line in enumerate(text.split("\n")):
        stripped = line.strip()
        if in_comment:
            in_comment = "*/" not in stripped
            continue
        if stripped.startswith("/*"):
            in_comment = "*/" not in stripped
            continue
        if stripped.startswith(("//", "#", "*", "template", "static_assert")) or '"' in line or not stripped:
            continue
        yield number, line.split("//")[0]


def sites(root, only):
    found = []
    for top in ("lib", "runtime"):
        for folder, _, names in sorted(os.walk(os.path.join(root, top))):
            for name in sorted(names):
                path = os.path.relpath(os.path.join(folder, name), root)
                if not path.endswith((".cpp", ".h", ".c")) or not path.startswith(only):
                    continue
                with open(os.path.join(root, path), encoding="utf-8") as file:
                    text = file.read()
                for number, line in code_lines(text):
                    for pattern, replacement in MUTATIONS:
                        if top == "lib" and pattern in (r" << ", r" >> ") and "std::" in line:
                            continue
                        for match in re.finditer(pattern, line):
                            new = replacement if replacement is not None else str(int(match.group()) + 1)
                            found.append((path, number, match.start(), match.end(), new))
    return found


# The unit tests of a folder, where its name does not say it.
TESTS_OF = {"runtime": "Kernels", "lib/Exec": "Interpreter|Numerics", "lib/Train": "Gradient|Train", "lib/Data": "Data",
            "lib/IR": "Graph|Infer|Print|Tensor|Verify", "lib/Import": "Import|QuantizedModels"}


def tests_of(path, programs):
    """Unit tests named after the file's folder or the first word of its name: of lib/Passes/FuseX.cpp those of Fuse…"""
    folder, name = os.path.split(path)
    word = re.match("[A-Z]?[a-z0-9]*", name).group()
    pattern = TESTS_OF.get(folder, os.path.basename(folder)) + f"|^{word}[A-Z]"
    return [program for program in programs if re.search(pattern, program)]


def run(command, cwd, limit):
    """Exit status, or None where the time limit was reached."""
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        return None


def main():
    parser = argparse.ArgumentParser(prog="mutate.sh", description="mutation testing of lib/ and runtime/")
    parser.add_argument("--count", type=int, default=40, help="mutants (40)")
    parser.add_argument("--seed", type=int, default=1, help="which mutants (1)")
    parser.add_argument("--only", default="", help="only files whose path starts so, e.g. lib/Passes")
    parser.add_argument("--list", action="store_true", help="list the chosen mutants and end")
    parser.add_argument("--work", default="build-mutate", help="folder for the copy and its build (build-mutate)")
    arguments = parser.parse_args()

    root = os.getcwd()
    work = os.path.abspath(arguments.work)
    copy, build = os.path.join(work, "src"), os.path.join(work, "build")
    chosen = sites(root, arguments.only)
    random.Random(arguments.seed).shuffle(chosen)
    if arguments.list:
        for path, number, start, end, new in chosen[:arguments.count]:
            print(f"{path}:{number + 1}:{start + 1}: -> {new.strip()}")
        return 0

    shutil.rmtree(copy, ignore_errors=True)
    os.makedirs(copy)
    files = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True).stdout.decode().split("\0")
    for path in filter(None, files):
        if os.path.exists(path):
            os.makedirs(os.path.dirname(os.path.join(copy, path)), exist_ok=True)
            shutil.copy2(path, os.path.join(copy, path))
    # A light build with shared libraries, so that a mutant compiles one file and links one library. Warnings are off: a
    # mutant that only makes a comparison always true should be caught by a test.
    configure = ["cmake", "-G", "Ninja", "-S", copy, "-B", build, "-DCMAKE_BUILD_TYPE=Release",
                 "-DCMAKE_CXX_FLAGS_RELEASE=-O1", "-DMCUC_WARNINGS=-w", "-DBUILD_SHARED_LIBS=ON",
                 "-DCMAKE_LINK_DEPENDS_NO_SHARED=ON"]
    subprocess.run(configure, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", build], check=True, stdout=subprocess.DEVNULL)
    test = ["ctest", "--test-dir", build, "-L", "unit|lit|backend", "--stop-on-failure", "-j", str(os.cpu_count())]
    listing = subprocess.run(test + ["--show-only=json-v1"], check=True, capture_output=True).stdout
    names = [entry["name"] for entry in json.loads(listing)["tests"]]
    programs = [name.removeprefix("unit.") for name in names if name.startswith("unit.")]
    start = time.time()
    dry = subprocess.run(test, capture_output=True, text=True)
    if dry.returncode != 0:
        print("error: the tests fail without a mutation", file=sys.stderr)
        return 1
    limit = 120 + 4 * (time.time() - start)
    seconds = {name: float(time) for name, time in re.findall(r"Test +#\d+: (\S+) .*Passed +([0-9.]+) sec", dry.stdout)}

    def fails(tests):
        """Whether one of these tests fails, or loops: takes many times longer than without a mutation."""
        most = 30 + 6 * max(seconds[test] for test in tests)
        chosen = "^(" + "|".join(map(re.escape, tests)) + ")$"
        return run(test + ["--timeout", str(int(most)), "-R", chosen], build, limit) != 0

    caught, survivors = 0, []
    for path, number, begin, end, new in chosen:
        if caught + len(survivors) >= arguments.count:
            break
        target = os.path.join(copy, path)
        with open(target, encoding="utf-8") as file:
            original = file.read()
        lines = original.split("\n")
        old_line = lines[number]
        lines[number] = old_line[:begin] + new + old_line[end:]
        what = f"{path}:{number + 1}: {old_line.strip()}  =>  {lines[number].strip()}"
        with open(target, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        first = tests_of(path, programs)
        # Every unit test links every library, so each of them shows whether the mutant compiles.
        if run(["cmake", "--build", build, "--target"] + (first or ["all"]), build, 1800) == 0:
            failed = bool(first) and fails(["unit." + program for program in first])
            failed = failed or run(["cmake", "--build", build], build, 1800) != 0 or fails(names)
            caught += failed
            if not failed:
                survivors.append(what)
            print(f"{'caught  ' if failed else 'SURVIVED'} {caught}/{caught + len(survivors)}  {what}", flush=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write(original)
    print(f"\n{caught} of {caught + len(survivors)} mutants caught (seed {arguments.seed})")
    for survivor in survivors:
        print("survivor:", survivor)
    return 0


sys.exit(main())
