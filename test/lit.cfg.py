# lit's configuration. Tests call the tools by name: onnx-mcuc, mcuc-opt, FileCheck, not. Tests under EndToEnd/Emulator
# need QEMU and cross compilers; they run alone with `--param emulators=only`, and not with `--param emulators=no`.
import os
import shutil

import lit.formats

config.name = "onnx-mcuc"
config.test_format = lit.formats.ShTest(True)
config.suffixes = [".mcu", ".onnxtxt", ".test"]
config.test_source_root = os.path.join(config.mcuc_source, "test")
config.excludes = ["models", "unit", "benchmark", "Inputs"]
config.environment["PATH"] = os.pathsep.join([config.mcuc_bin, config.llvm_bin, os.environ["PATH"]])
config.substitutions.append(("%root", config.mcuc_source))
config.substitutions.append(("%bin", config.mcuc_bin))
# Models and data beside the project, where they are to be had.
shared = os.environ.get("MCUC_SHARED", os.path.join(config.mcuc_source, "..", "shared"))
config.substitutions.append(("%shared", os.path.abspath(shared)))
if os.path.isdir(os.path.join(shared, "models")):
    config.available_features.add("shared-models")

emulators = lit_config.params.get("emulators", "yes")
if emulators == "no":
    config.excludes.append("Emulator")
if emulators == "only":
    config.test_source_root = os.path.join(config.test_source_root, "EndToEnd", "Emulator")
for tool, feature in [("qemu-system-arm", "qemu-arm"), ("qemu-system-riscv32", "qemu-riscv"),
                      ("arm-none-eabi-gcc", "arm-gcc"), ("riscv64-unknown-elf-gcc", "riscv-gcc"), ("clang", "clang")]:
    if shutil.which(tool):
        config.available_features.add(feature)
